/// cpus: 1 2 4
// The least a program asks of the system: arguments, environment, auxiliary vector, stdio, exit.
#include <sys/auxv.h>
#include <sys/utsname.h>

#include "check.h"

static int constructed;
__attribute__((constructor)) static void construct(void) {
    constructed = 1;
}
static void at_exit(void) {
    puts("ok atexit");
}
static __thread int thread_local_value = 42;

int main(int argc, char** argv) {
    printf("Hello, world!\n");
    fflush(stdout);
    CHECK(constructed == 1);
    ok("constructor");
    CHECK(thread_local_value == 42);
    ok("thread-local");
    CHECK(argc == 1 && argv[0][0] == '/' && argv[1] == NULL);
    ok("arguments");
    CHECK(getenv("NOT_SET_ANYWHERE") == NULL);
    CHECK(setenv("PORTICO_TEST", "1", 1) == 0 && strcmp(getenv("PORTICO_TEST"), "1") == 0);
    ok("environment");
    CHECK(getauxval(AT_PAGESZ) == 4096);
    CHECK(getauxval(AT_RANDOM) != 0);
    ok("auxiliary vector");
    struct utsname name;
    CHECK(uname(&name) == 0 && strcmp(name.machine, "x86_64") == 0);
    ok("uname");
    void* block = malloc(5 << 20);
    CHECK(block != NULL);
    memset(block, 1, 5 << 20);
    free(block);
    ok("malloc");
    double root = __builtin_sqrt((double)argc + 1);
    printf("ok float %.6f\n", root);
    CHECK(atexit(at_exit) == 0);
    return 0;
}
