/// cpus: 1 2
// epoll: level, edge, one-shot, exclusive, epolls in epolls, entries that go with what they watch, over pipes, eventfds and timers.
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>

#include "check.h"

static struct epoll_event happened[64];

static int add(int epoll, int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = 0x100000000ull + (uint64_t)descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static int modify(int epoll, int descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.u64 = 0x100000000ull + (uint64_t)descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, descriptor, &event);
}

static int only(int epoll, int descriptor, uint32_t events) {
    return epoll_wait(epoll, happened, 64, 0) == 1 && happened[0].data.u64 == 0x100000000ull + (uint64_t)descriptor &&
           happened[0].events == events;
}

static int nothing(int epoll) {
    return epoll_wait(epoll, happened, 64, 0) == 0;
}

static void put(int descriptor) {
    CHECK(write(descriptor, "x", 1) == 1);
}

static void take(int descriptor) {
    char byte;
    CHECK(read(descriptor, &byte, 1) == 1);
}

static void level_edge_once(void) {
    int epoll = epoll_create1(EPOLL_CLOEXEC), ends[2];
    CHECK(epoll >= 0 && pipe(ends) == 0);
    CHECK(add(epoll, ends[0], EPOLLIN) == 0 && nothing(epoll));
    put(ends[1]);
    CHECK(only(epoll, ends[0], EPOLLIN) && only(epoll, ends[0], EPOLLIN));
    take(ends[0]);
    CHECK(nothing(epoll));
    CHECK(modify(epoll, ends[0], EPOLLIN | EPOLLRDNORM) == 0);
    put(ends[1]);
    CHECK(only(epoll, ends[0], EPOLLIN | EPOLLRDNORM));
    ok("level");

    CHECK(modify(epoll, ends[0], EPOLLIN | EPOLLET) == 0);
    CHECK(only(epoll, ends[0], EPOLLIN) && nothing(epoll));
    put(ends[1]);
    CHECK(only(epoll, ends[0], EPOLLIN) && nothing(epoll));
    take(ends[0]);
    CHECK(nothing(epoll));
    ok("edge: only what is new");

    CHECK(modify(epoll, ends[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(only(epoll, ends[0], EPOLLIN) && nothing(epoll));
    put(ends[1]);
    CHECK(nothing(epoll));
    CHECK(modify(epoll, ends[0], EPOLLIN | EPOLLONESHOT) == 0 && only(epoll, ends[0], EPOLLIN));
    ok("one-shot");

    CHECK_ERROR(add(epoll, ends[0], EPOLLIN), EEXIST);
    CHECK_ERROR(modify(epoll, ends[1], EPOLLIN), ENOENT);
    CHECK(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL) == 0);
    CHECK_ERROR(epoll_ctl(epoll, EPOLL_CTL_DEL, ends[0], NULL), ENOENT);
    CHECK(nothing(epoll));
    CHECK_ERROR(add(epoll, epoll, EPOLLIN), EINVAL);
    CHECK_ERROR(add(epoll, 99, EPOLLIN), EBADF);
    CHECK_ERROR(add(ends[0], ends[1], EPOLLIN), EINVAL);
    CHECK_ERROR(epoll_wait(epoll, happened, 0, 0), EINVAL);
    int file = open("/proc/self/exe", O_RDONLY);
    CHECK(file >= 0);
    CHECK_ERROR(add(epoll, file, EPOLLIN), EPERM);
    close(file);
    ok("refusals");

    CHECK(add(epoll, ends[1], EPOLLOUT) == 0 && only(epoll, ends[1], EPOLLOUT));
    close(ends[0]);
    CHECK(only(epoll, ends[1], EPOLLOUT | EPOLLERR));
    close(ends[1]);
    CHECK(nothing(epoll));
    ok("closed descriptors leave by themselves");
    CHECK(pipe(ends) == 0 && add(epoll, ends[0], 0) == 0);
    int copy = dup(ends[0]);
    close(ends[0]);
    close(ends[1]);
    CHECK(only(epoll, ends[0], EPOLLHUP));
    close(copy);
    CHECK(nothing(epoll));
    ok("hang-up is told unasked, and a duplicate keeps the entry");
    close(epoll);
}

static void several(void) {
    int epoll = epoll_create(1), ends[20][2];
    for (int i = 0; i < 20; ++i) CHECK(pipe(ends[i]) == 0 && add(epoll, ends[i][0], EPOLLIN) == 0);
    for (int i = 0; i < 20; i += 2) put(ends[i][1]);
    CHECK(epoll_wait(epoll, happened, 64, -1) == 10);
    unsigned seen = 0;
    for (int round = 0; round < 4; ++round) {
        CHECK(epoll_wait(epoll, happened, 3, -1) == 3);  // in turn, so that nobody starves
        for (int i = 0; i < 3; ++i)
            for (int k = 0; k < 20; ++k)
                if (happened[i].data.u64 == 0x100000000ull + (uint64_t)ends[k][0]) seen |= 1u << k;
    }
    CHECK(seen == 0x55555);
    for (int i = 0; i < 20; i += 2) take(ends[i][0]);
    CHECK(nothing(epoll));
    long long before = now_ms();
    CHECK(epoll_wait(epoll, happened, 64, 50) == 0 && now_ms() - before >= 49);
    ok("many, in turn, and the deadline");
    pid_t child = fork();
    if (child == 0) {
        sleep_ms(40);
        put(ends[7][1]);
        _exit(0);
    }
    CHECK(epoll_wait(epoll, happened, 64, 10000) == 1 && happened[0].data.u64 == 0x100000000ull + (uint64_t)ends[7][0]);
    CHECK(exit_status_of(child) == 0);
    ok("wakes when another process writes");
    child = fork();
    if (child == 0) _exit(epoll_wait(epoll, happened, 64, 1000) == 1 ? 0 : 1);  // the child has the same epoll
    CHECK(exit_status_of(child) == 0);
    ok("shared with a child");
    for (int i = 0; i < 20; ++i) close(ends[i][0]), close(ends[i][1]);
    close(epoll);
}

static void nested(void) {
    int inner = epoll_create1(0), outer = epoll_create1(0), counter = eventfd(0, EFD_NONBLOCK);
    uint64_t value = 1;
    CHECK(add(inner, counter, EPOLLIN) == 0 && add(outer, inner, EPOLLIN) == 0 && nothing(outer));
    CHECK(write(counter, &value, 8) == 8);
    CHECK(only(outer, inner, EPOLLIN) && only(inner, counter, EPOLLIN));
    CHECK(read(counter, &value, 8) == 8 && nothing(outer) && nothing(inner));
    CHECK_ERROR(add(inner, outer, EPOLLIN), ELOOP);
    CHECK(write(counter, &value, 8) == 8 && epoll_wait(outer, happened, 1, 1000) == 1);
    ok("an epoll in an epoll");
    close(inner);
    close(outer);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK), epoll = epoll_create1(0);
    struct itimerspec set = {.it_value = {0, 30000000}};
    CHECK(add(epoll, timer, EPOLLIN | EPOLLET) == 0 && timerfd_settime(timer, 0, &set, NULL) == 0);
    CHECK(epoll_wait(epoll, happened, 64, 5000) == 1 && nothing(epoll));
    CHECK(read(timer, &value, 8) == 8 && value == 1);
    ok("a timer in an epoll");
    close(timer);
    close(epoll);
    close(counter);
}

static int shared_epoll, woken;

static void* waiter(void* count) {
    struct epoll_event event;
    if (epoll_wait(shared_epoll, &event, 1, 3000) == 1) __atomic_add_fetch((int*)count, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void threads_and_exclusive(void) {
    int counter = eventfd(0, EFD_NONBLOCK);
    uint64_t value = 1;
    shared_epoll = epoll_create1(0);
    CHECK(add(shared_epoll, counter, EPOLLIN | EPOLLET) == 0);
    pthread_t threads[4];
    for (int i = 0; i < 4; ++i) CHECK(pthread_create(&threads[i], NULL, waiter, &woken) == 0);
    sleep_ms(100);
    CHECK(write(counter, &value, 8) == 8);
    sleep_ms(100);
    CHECK(__atomic_load_n(&woken, __ATOMIC_SEQ_CST) == 1);
    for (int i = 0; i < 3; ++i) CHECK(write(counter, &value, 8) == 8), sleep_ms(30);
    for (int i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
    CHECK(woken == 4);
    ok("an edge wakes one of the threads that wait");
    int first = epoll_create1(0), second = epoll_create1(0);
    CHECK(read(counter, &value, 8) == 8);
    CHECK(add(first, counter, EPOLLIN | EPOLLEXCLUSIVE) == 0 && add(second, counter, EPOLLIN | EPOLLEXCLUSIVE) == 0);
    CHECK_ERROR(modify(first, counter, EPOLLIN), EINVAL);
    CHECK_ERROR(add(second, first, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
    value = 1;
    CHECK(write(counter, &value, 8) == 8);
    CHECK(epoll_wait(first, happened, 1, 0) == 1);
    ok("exclusive");
    close(first);
    close(second);
    close(shared_epoll);
    close(counter);
}

int main(void) {
    level_edge_once();
    several();
    nested();
    threads_and_exclusive();
    return 0;
}
