/// cpus: 1 2
// poll and select: ready at once, ready later, deadlines, several objects, interrupted by a signal.
#include <poll.h>
#include <sys/select.h>

#include "check.h"

static void on_signal(int number) {
    (void)number;
}

static pid_t child_that_writes(int descriptor, long after_ms) {
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sleep_ms(after_ms);
        _exit(write(descriptor, "x", 1) == 1 ? 0 : 1);
    }
    return child;
}

int main(void) {
    int first[2], second[2];
    char byte;
    CHECK(pipe(first) == 0 && pipe(second) == 0);
    struct pollfd polled[] = {{.fd = first[0], .events = POLLIN}, {.fd = second[0], .events = POLLIN}, {.fd = first[1], .events = POLLOUT}};
    CHECK(poll(polled, 2, 0) == 0);
    CHECK(poll(polled, 3, 1000) == 1 && polled[2].revents == POLLOUT);
    ok("writable at once");
    long long before = now_ms();
    CHECK(poll(polled, 2, 60) == 0 && now_ms() - before >= 59);
    ok("poll deadline");
    pid_t child = child_that_writes(second[1], 40);
    CHECK(poll(polled, 2, 10000) == 1 && polled[0].revents == 0 && polled[1].revents == POLLIN);
    CHECK(read(second[0], &byte, 1) == 1 && exit_status_of(child) == 0);
    ok("readable later, the right one");
    child = child_that_writes(first[1], 40);
    CHECK(poll(polled, 1, -1) == 1 && read(first[0], &byte, 1) == 1 && exit_status_of(child) == 0);
    ok("poll without a deadline");
    struct pollfd closed = {.fd = 77, .events = POLLIN};
    CHECK(poll(&closed, 1, 0) == 1 && closed.revents == POLLNVAL);
    struct pollfd skipped = {.fd = -1, .events = POLLIN};
    CHECK(poll(&skipped, 1, 0) == 0 && skipped.revents == 0);
    ok("bad and skipped descriptors");

    fd_set set;
    FD_ZERO(&set);
    FD_SET(first[0], &set);
    struct timeval limit = {0, 50000};
    before = now_ms();
    CHECK(select(first[0] + 1, &set, NULL, NULL, &limit) == 0 && now_ms() - before >= 49 && !FD_ISSET(first[0], &set));
    ok("select deadline");
    FD_SET(first[0], &set);
    FD_SET(second[0], &set);
    child = child_that_writes(first[1], 40);
    CHECK(select(second[1] + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(first[0], &set) && !FD_ISSET(second[0], &set));
    CHECK(read(first[0], &byte, 1) == 1 && exit_status_of(child) == 0);
    ok("select");

    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pid_t parent = getpid();
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sleep_ms(50);
        _exit(kill(parent, SIGUSR1));
    }
    CHECK_ERROR(poll(polled, 1, 10000), EINTR);
    CHECK(exit_status_of(child) == 0);
    ok("a signal interrupts poll, even with SA_RESTART");
    close(second[1]);
    CHECK(poll(polled + 1, 1, 1000) == 1 && polled[1].revents == POLLHUP);
    close(first[0]);
    polled[2].revents = 0;
    CHECK(poll(polled + 2, 1, 1000) == 1 && (polled[2].revents & POLLERR));
    ok("hang-up and error");
    return 0;
}
