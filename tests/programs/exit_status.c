/// status: 42
// The exit status reaches whoever waits, from main, from exit() in a thread, and through a dying thread's process.
#include <pthread.h>

#include "check.h"

static void* exit_in_thread(void* argument) {
    sleep_ms(20);
    exit((int)(long)argument);
}

static void* wait_forever(void* argument) {
    for (;;) pause();
    return argument;
}

int main(void) {
    pthread_t thread;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(pthread_create(&thread, NULL, exit_in_thread, (void*)17L) == 0);
        wait_forever(NULL);
    }
    CHECK(exit_status_of(child) == 17);
    ok("exit in a thread ends the process");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 4; ++i) CHECK(pthread_create(&thread, NULL, wait_forever, NULL) == 0);
        abort();
    }
    CHECK(exit_status_of(child) == 128 + SIGABRT);
    ok("abort ends all threads");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 4; ++i) CHECK(pthread_create(&thread, NULL, wait_forever, NULL) == 0);
        for (;;) pause();
    }
    sleep_ms(30);
    CHECK(kill(child, SIGKILL) == 0 && exit_status_of(child) == 128 + SIGKILL);
    ok("SIGKILL ends all threads");
    child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(256 + 5);
    CHECK(exit_status_of(child) == 5);
    ok("only eight bits count");
    return 42;
}
