/// cpus: 1 2 4
/// traced: yes
// Threads on futexes: mutexes, condition variables, joins, thread-local storage, timeouts.
#include <pthread.h>
#include <sys/syscall.h>

#include "check.h"

// From futex(2); musl installs no kernel headers.
enum { FUTEX_WAIT_PRIVATE = 128, FUTEX_WAKE_PRIVATE = 129 };
enum { kThreads = 8, kRounds = 2000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static long counter;
static int turn;
static __thread long mine;

static void* count(void* argument) {
    for (int i = 0; i < kRounds; ++i) {
        pthread_mutex_lock(&mutex);
        ++counter;
        pthread_mutex_unlock(&mutex);
        ++mine;
    }
    return (void*)(mine + (long)argument);
}

// Two threads take turns: each round is a wait and a wake.
static void* take_turns(void* argument) {
    const int me = (int)(long)argument;
    for (int i = 0; i < 200; ++i) {
        pthread_mutex_lock(&mutex);
        while (turn != me) pthread_cond_wait(&changed, &mutex);
        turn = !me;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static int word;
static void* wake_later(void* argument) {
    (void)argument;
    sleep_ms(50);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    CHECK(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) >= 0);
    return NULL;
}

static void* return_at_once(void* argument) {
    return argument;
}

int main(void) {
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; ++i) CHECK(pthread_create(&threads[i], NULL, count, (void*)i) == 0);
    for (long i = 0; i < kThreads; ++i) {
        void* result;
        CHECK(pthread_join(threads[i], &result) == 0);
        CHECK((long)result == kRounds + i);
    }
    CHECK(counter == (long)kThreads * kRounds);
    ok("mutex");

    for (long i = 0; i < 2; ++i) CHECK(pthread_create(&threads[i], NULL, take_turns, (void*)i) == 0);
    for (int i = 0; i < 2; ++i) CHECK(pthread_join(threads[i], NULL) == 0);
    ok("condition variable");

    for (int round = 0; round < 200; ++round) {
        CHECK(pthread_create(&threads[0], NULL, return_at_once, &word) == 0);
        void* result;
        CHECK(pthread_join(threads[0], &result) == 0 && result == &word);
    }
    ok("200 threads in turn");

    CHECK_ERROR(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1, NULL, NULL, 0), EAGAIN);
    struct timespec limit = {0, 30 * 1000000};
    const long long before = now_ms();
    CHECK_ERROR(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &limit, NULL, 0), ETIMEDOUT);
    CHECK(now_ms() - before >= 29);
    ok("futex timeout");
    CHECK(pthread_create(&threads[0], NULL, wake_later, NULL) == 0);
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0) syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    CHECK(pthread_join(threads[0], NULL) == 0);
    ok("futex wake");

    CHECK(getpid() == (pid_t)syscall(SYS_gettid));
    ok("main thread's id is the pid");
    pthread_exit(NULL);  // the last thread's end is the process's, with status 0
}
