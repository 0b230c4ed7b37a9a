/// cpus: 1 2 4
/// traced: yes
// fork, vfork, execve: what is shared, what is copied, what is closed.
#include <fcntl.h>
#include <spawn.h>

#include "check.h"

extern char** environ;
static int global = 1;

static int run_again(const char* argv0, const char* word, const char* number) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execl(argv0, argv0, word, number, (char*)NULL);
        _exit(120);
    }
    return exit_status_of(child);
}

static void check_fork(void) {
    int file = open("shared", O_RDWR | O_CREAT | O_TRUNC, 0600);
    CHECK(file >= 0 && write(file, "0123456789", 10) == 10 && lseek(file, 0, SEEK_SET) == 0);
    char buffer[4] = "";
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        global = 2;
        _exit(read(file, buffer, 4) == 4 ? 5 : 6);
    }
    CHECK(exit_status_of(child) == 5);
    CHECK(global == 1);
    ok("memory is copied");
    CHECK(read(file, buffer, 3) == 3 && memcmp(buffer, "456", 3) == 0);
    ok("offsets are shared");
    close(file);
    CHECK(unlink("shared") == 0);
}

static void check_exec(const char* self) {
    int kept = open("/dev/null", O_WRONLY), closed = open("/dev/null", O_WRONLY | O_CLOEXEC);
    CHECK(kept >= 0 && closed >= 0);
    char number[12];
    snprintf(number, sizeof number, "%d", kept);
    CHECK(run_again(self, "open", number) == 0);
    snprintf(number, sizeof number, "%d", closed);
    CHECK(run_again(self, "open", number) == 1);
    ok("close-on-exec");
    char* const empty[] = {NULL};
    char* arguments[] = {"x", NULL};
    CHECK_ERROR(execve("/no/such/program", arguments, empty), ENOENT);
    CHECK_ERROR(execve("/tmp", arguments, empty), EACCES);
    int file = open("text", O_WRONLY | O_CREAT | O_TRUNC, 0700);
    CHECK(file >= 0 && write(file, "not a program", 13) == 13);
    close(file);
    CHECK_ERROR(execve("./text", arguments, empty), ENOEXEC);
    CHECK(unlink("text") == 0);
    close(kept);
    close(closed);
    ok("execve errors");
    setenv("PASSED_ON", "yes", 1);
    CHECK(run_again(self, "environment", "PASSED_ON") == 0);
    ok("environment over execve");
    signal(SIGUSR1, SIG_IGN);
    CHECK(run_again(self, "ignored", "10") == 0);
    signal(SIGUSR1, SIG_DFL);
    ok("ignored signals stay ignored");
}

static void check_vfork(const char* self) {
    volatile int shared = 0;
    pid_t child = vfork();
    CHECK(child >= 0);
    if (child == 0) {
        shared = 7;
        _exit(9);
    }
    CHECK(shared == 7 && exit_status_of(child) == 9);
    ok("vfork shares memory and waits");
    char* arguments[] = {(char*)self, "open", "1", NULL};
    CHECK(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0 && exit_status_of(child) == 0);
    ok("posix_spawn");
}

static void check_wait(void) {
    CHECK_ERROR(wait(NULL), ECHILD);
    int ends[2], status;
    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    CHECK(waitpid(child, &status, WNOHANG) == 0);
    close(ends[1]);
    CHECK(exit_status_of(child) == 0);
    close(ends[0]);
    ok("wait without waiting");
    // An orphan's parent becomes another process, and its end reaches nobody here.
    CHECK(pipe(ends) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const pid_t middle = getpid();
        if (fork() == 0) {
            while (getppid() == middle) sleep_ms(1);
            if (write(ends[1], "o", 1) != 1) _exit(1);
        }
        _exit(0);
    }
    char byte;
    CHECK(exit_status_of(child) == 0 && read(ends[0], &byte, 1) == 1);
    ok("orphans get a new parent");
    pid_t children[50];
    for (int i = 0; i < 50; ++i) {
        children[i] = fork();
        CHECK(children[i] >= 0);
        if (children[i] == 0) _exit(i);
    }
    for (int i = 49; i >= 0; --i) CHECK(exit_status_of(children[i]) == i);
    ok("50 children");
}

int main(int argc, char** argv) {
    if (argc == 3 && strcmp(argv[1], "open") == 0) return fcntl(atoi(argv[2]), F_GETFD) >= 0 ? 0 : 1;
    if (argc == 3 && strcmp(argv[1], "environment") == 0) return getenv(argv[2]) ? 0 : 1;
    if (argc == 3 && strcmp(argv[1], "ignored") == 0) return signal(atoi(argv[2]), SIG_DFL) == SIG_IGN ? 0 : 1;
    check_fork();
    check_exec(argv[0]);
    check_vfork(argv[0]);
    check_wait();
    return 0;
}
