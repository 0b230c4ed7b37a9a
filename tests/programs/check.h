// What all test programs share: each promise that held is a line "ok …", the first that did not ends the program.
#pragma once
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Unbuffered, so that fork() does not double lines.
static inline void ok(const char* what) {
    dprintf(1, "ok %s\n", what);
}

static inline void check_failed(const char* file, int line, const char* what) {
    dprintf(1, "FAILED %s:%d: %s (errno %d, %s)\n", file, line, what, errno, strerror(errno));
    _exit(1);
}

#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))
// The call fails with exactly this errno.
#define CHECK_ERROR(call, error) CHECK(((errno = 0), (call) == -1) && errno == (error))

static inline int exit_status_of(pid_t child) {
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static inline long long now_ms(void) {
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static inline void sleep_ms(long ms) {
    struct timespec left = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&left, &left) == -1 && errno == EINTR) {
    }
}
