/// cpus: 1 2
// POSIX message queues: priorities, bounds, waiting with and without a time, notification, poll.
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/epoll.h>

#include "check.h"

static char bytes[8192];

static int takes(mqd_t queue, const char* wanted, unsigned wanted_priority) {
    unsigned priority = 99;
    ssize_t length = mq_receive(queue, bytes, sizeof bytes, &priority);
    return length == (ssize_t)strlen(wanted) && memcmp(bytes, wanted, strlen(wanted)) == 0 && priority == wanted_priority;
}

static struct timespec in_ms(long ms) {
    struct timespec at;
    CHECK(clock_gettime(CLOCK_REALTIME, &at) == 0);
    at.tv_nsec += ms * 1000000;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    return at;
}

int main(void) {
    char name[32];
    snprintf(name, sizeof name, "/portico.%d", getpid());
    struct mq_attr attributes = {.mq_maxmsg = 3, .mq_msgsize = 100}, told;
    CHECK_ERROR(mq_open(name, O_RDWR), ENOENT);
    CHECK_ERROR(mq_open("no slash", O_RDWR | O_CREAT, 0600, NULL), EINVAL);
    mqd_t queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
    CHECK(queue >= 0);
    CHECK_ERROR(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL), EEXIST);
    CHECK(mq_getattr(queue, &told) == 0 && told.mq_maxmsg == 3 && told.mq_msgsize == 100 && told.mq_curmsgs == 0 && told.mq_flags == 0);
    CHECK(mq_send(queue, "low", 3, 1) == 0 && mq_send(queue, "high", 4, 30000) == 0 && mq_send(queue, "low too", 7, 1) == 0);
    CHECK_ERROR(mq_send(queue, "x", 1, 32768), EINVAL);
    CHECK_ERROR(mq_send(queue, bytes, 101, 0), EMSGSIZE);
    CHECK_ERROR(mq_receive(queue, bytes, 99, NULL), EMSGSIZE);
    CHECK(mq_getattr(queue, &told) == 0 && told.mq_curmsgs == 3);
    struct timespec soon = in_ms(20);
    CHECK_ERROR(mq_timedsend(queue, "x", 1, 0, &soon), ETIMEDOUT);
    struct pollfd poll_one = {.fd = queue, .events = POLLIN | POLLOUT};
    CHECK(poll(&poll_one, 1, 0) == 1 && poll_one.revents == POLLIN);
    CHECK(takes(queue, "high", 30000) && takes(queue, "low", 1) && takes(queue, "low too", 1));
    CHECK(poll(&poll_one, 1, 0) == 1 && poll_one.revents == POLLOUT);
    ok("priorities and bounds");

    mqd_t other = mq_open(name, O_RDONLY | O_NONBLOCK);
    CHECK(other >= 0);
    CHECK_ERROR(mq_receive(other, bytes, sizeof bytes, NULL), EAGAIN);
    CHECK_ERROR(mq_send(other, "x", 1, 0), EBADF);
    CHECK(mq_getattr(other, &told) == 0 && told.mq_flags == O_NONBLOCK);
    attributes.mq_flags = 0;
    CHECK(mq_setattr(other, &attributes, &told) == 0 && told.mq_flags == O_NONBLOCK && mq_getattr(other, &told) == 0 && told.mq_flags == 0);
    soon = in_ms(20);
    CHECK_ERROR(mq_timedreceive(other, bytes, sizeof bytes, NULL, &soon), ETIMEDOUT);
    CHECK_ERROR(mq_receive(1, bytes, sizeof bytes, NULL), EBADF);
    ok("without waiting");

    int epoll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = 5}, happened;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, queue, &event) == 0 && epoll_wait(epoll, &happened, 1, 0) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sleep_ms(20);
        for (int i = 0; i < 6; ++i) CHECK(mq_send(queue, "many", 4, (unsigned)i) == 0);
        _exit(0);
    }
    CHECK(epoll_wait(epoll, &happened, 1, 5000) == 1 && happened.data.u32 == 5 && happened.events == EPOLLIN);
    for (int i = 0; i < 6; ++i) CHECK(mq_receive(other, bytes, sizeof bytes, NULL) == 4);
    CHECK(exit_status_of(child) == 0 && close(epoll) == 0);
    ok("waiting");

    sigset_t signals;
    CHECK(sigemptyset(&signals) == 0 && sigaddset(&signals, SIGUSR1) == 0 && sigprocmask(SIG_BLOCK, &signals, NULL) == 0);
    struct sigevent notification = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    CHECK(mq_notify(queue, &notification) == 0);
    CHECK_ERROR(mq_notify(queue, &notification), EBUSY);
    CHECK(mq_send(queue, "first", 5, 0) == 0 && mq_send(queue, "second", 6, 0) == 0);
    siginfo_t info;
    struct timespec second = {1, 0}, none = {0, 0};
    CHECK(sigtimedwait(&signals, &info, &second) == SIGUSR1 && info.si_code == SI_MESGQ && info.si_value.sival_int == 77);
    CHECK(info.si_pid == getpid());
    CHECK_ERROR(sigtimedwait(&signals, &info, &none), EAGAIN);
    CHECK(takes(queue, "first", 0) && takes(queue, "second", 0));
    CHECK(mq_notify(queue, &notification) == 0 && mq_notify(queue, NULL) == 0 && mq_send(queue, "x", 1, 0) == 0);
    CHECK_ERROR(sigtimedwait(&signals, &info, &none), EAGAIN);
    ok("notification");

    CHECK(mq_unlink(name) == 0);
    CHECK_ERROR(mq_unlink(name), ENOENT);
    CHECK_ERROR(mq_open(name, O_RDWR), ENOENT);
    CHECK(takes(other, "x", 0) && mq_close(other) == 0 && mq_close(queue) == 0);
    ok("unlink");
    return 0;
}
