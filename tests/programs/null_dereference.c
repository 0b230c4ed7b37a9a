/// status: 139
/// cpus: 1 2 4
// A wild access kills the program by SIGSEGV, and nothing else; before, a child does the same and its parent goes on.
#include "check.h"

static void dereference(void) {
    volatile int* volatile nothing = NULL;  // volatile: the compiler must not see through it
    *nothing = 1;
}

int main(void) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) dereference();
    CHECK(exit_status_of(child) == 139);
    ok("child died by SIGSEGV");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        void (*volatile jump)(void) = (void (*)(void))0x10;
        jump();
    }
    CHECK(exit_status_of(child) == 139);
    ok("wild jump");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        volatile int seven = 7, zero = 0;
        _exit(seven / zero);
    }
    CHECK(exit_status_of(child) == 128 + SIGFPE);
    ok("division by zero");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) __builtin_trap();
    CHECK(exit_status_of(child) == 128 + SIGILL);
    ok("illegal instruction");
    ok("now this one");
    dereference();
    return 0;
}
