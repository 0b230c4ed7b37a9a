/// cpus: 1 2
// eventfd, timerfd, signalfd: counts, semaphores, waiting, deadlines, intervals, what poll says of them.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "check.h"

static int events_of(int descriptor, short wanted, int timeout_ms) {
    struct pollfd polled = {.fd = descriptor, .events = wanted};
    int count = poll(&polled, 1, timeout_ms);
    CHECK(count >= 0);
    return count == 0 ? 0 : polled.revents;
}

static void counters(void) {
    uint64_t value = 0;
    int counter = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(counter >= 0 && (fcntl(counter, F_GETFL) & O_NONBLOCK) && fcntl(counter, F_GETFD) == FD_CLOEXEC);
    CHECK(events_of(counter, POLLIN | POLLOUT, 0) == (POLLIN | POLLOUT));
    CHECK(read(counter, &value, 8) == 8 && value == 3);
    CHECK_ERROR(read(counter, &value, 8), EAGAIN);
    CHECK_ERROR(read(counter, &value, 7), EINVAL);
    CHECK(events_of(counter, POLLIN | POLLOUT, 0) == POLLOUT);
    value = UINT64_MAX - 1;
    CHECK(write(counter, &value, 8) == 8 && events_of(counter, POLLIN | POLLOUT, 0) == POLLIN);
    value = 1;
    CHECK_ERROR(write(counter, &value, 8), EAGAIN);
    value = UINT64_MAX;
    CHECK_ERROR(write(counter, &value, 8), EINVAL);
    CHECK_ERROR(write(counter, &value, 4), EINVAL);
    CHECK(lseek(counter, 5, SEEK_SET) == 0);
    close(counter);
    CHECK_ERROR(eventfd(0, 0x10), EINVAL);
    ok("counter");

    int semaphore = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    CHECK(read(semaphore, &value, 8) == 8 && value == 1 && read(semaphore, &value, 8) == 8 && value == 1);
    CHECK_ERROR(read(semaphore, &value, 8), EAGAIN);
    close(semaphore);
    ok("semaphore");

    int there = eventfd(0, 0), back = eventfd(0, 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 1; i <= 100; ++i) {
            if (read(there, &value, 8) != 8 || value != (uint64_t)i) _exit(1);
            if (write(back, &value, 8) != 8) _exit(2);
        }
        _exit(0);
    }
    for (uint64_t i = 1; i <= 100; ++i) {
        CHECK(write(there, &i, 8) == 8 && read(back, &value, 8) == 8 && value == i);
    }
    CHECK(exit_status_of(child) == 0);
    ok("a hundred round trips with a child");

    value = UINT64_MAX - 1;
    CHECK(write(there, &value, 8) == 8);
    child = fork();
    if (child == 0) {
        value = 5;
        _exit(write(there, &value, 8) == 8 ? 0 : 1);  // waits for room
    }
    sleep_ms(30);
    CHECK(read(there, &value, 8) == 8 && value == UINT64_MAX - 1 && exit_status_of(child) == 0);
    CHECK(read(there, &value, 8) == 8 && value == 5);
    ok("a writer waits for room");
    close(there);
    close(back);
}

static struct itimerspec setting(long first_ms, long interval_ms) {
    struct itimerspec made = {.it_value = {first_ms / 1000, first_ms % 1000 * 1000000},
                              .it_interval = {interval_ms / 1000, interval_ms % 1000 * 1000000}};
    return made;
}

static void timers(void) {
    uint64_t count = 0;
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    CHECK(timer >= 0);
    struct itimerspec before = setting(1, 1), set = setting(40, 0);
    CHECK(timerfd_gettime(timer, &before) == 0 && before.it_value.tv_sec == 0 && before.it_value.tv_nsec == 0);
    long long start = now_ms();
    CHECK(timerfd_settime(timer, 0, &set, NULL) == 0);
    CHECK(timerfd_gettime(timer, &before) == 0 && before.it_value.tv_nsec > 0 && before.it_value.tv_nsec <= 40000000);
    CHECK(events_of(timer, POLLIN, 0) == 0);
    CHECK(events_of(timer, POLLIN, 5000) == POLLIN && now_ms() - start >= 39);
    CHECK(read(timer, &count, 8) == 8 && count == 1 && events_of(timer, POLLIN, 0) == 0);
    ok("timer once");
    set = setting(20, 20);
    CHECK(timerfd_settime(timer, 0, &set, &before) == 0 && before.it_value.tv_nsec == 0);
    start = now_ms();
    CHECK(read(timer, &count, 8) == 8 && count >= 1 && now_ms() - start >= 19);
    sleep_ms(70);
    CHECK(read(timer, &count, 8) == 8 && count >= 2);
    ok("timer with an interval, expirations counted");
    set = setting(0, 0);
    CHECK(timerfd_settime(timer, 0, &set, &before) == 0 && before.it_interval.tv_nsec == 20000000);
    CHECK(events_of(timer, POLLIN, 50) == 0 && fcntl(timer, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(read(timer, &count, 8), EAGAIN);
    ok("timer stopped");
    int wall = timerfd_create(CLOCK_REALTIME, 0);
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    struct itimerspec absolute = {.it_value = {now.tv_sec, now.tv_nsec}};
    absolute.it_value.tv_nsec += 30000000;
    if (absolute.it_value.tv_nsec >= 1000000000) absolute.it_value.tv_sec++, absolute.it_value.tv_nsec -= 1000000000;
    start = now_ms();
    CHECK(timerfd_settime(wall, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &absolute, NULL) == 0);
    CHECK(read(wall, &count, 8) == 8 && count == 1 && now_ms() - start < 5000);
    absolute.it_value.tv_sec -= 100;
    CHECK(timerfd_settime(wall, TFD_TIMER_ABSTIME, &absolute, NULL) == 0 && read(wall, &count, 8) == 8 && count == 1);
    ok("absolute time of the wall clock");
    CHECK_ERROR(timerfd_create(77, 0), EINVAL);
    set.it_value.tv_nsec = 1000000000;
    CHECK_ERROR(timerfd_settime(wall, 0, &set, NULL), EINVAL);
    CHECK_ERROR(timerfd_settime(0, 0, &absolute, NULL), EINVAL);
    CHECK_ERROR(write(wall, &count, 8), EINVAL);
    close(wall);
    close(timer);
    ok("timers refuse what they should");
}

static void signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    int signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    CHECK(signals >= 0);
    struct signalfd_siginfo told[3];
    CHECK_ERROR(read(signals, told, sizeof told), EAGAIN);
    CHECK_ERROR(read(signals, told, 100), EINVAL);
    CHECK(events_of(signals, POLLIN, 0) == 0);
    CHECK(kill(getpid(), SIGUSR1) == 0 && events_of(signals, POLLIN, 1000) == POLLIN);
    CHECK(read(signals, told, sizeof told) == sizeof told[0] && told[0].ssi_signo == SIGUSR1 && told[0].ssi_pid == (uint32_t)getpid());
    CHECK(events_of(signals, POLLIN, 0) == 0);
    ok("signal read from a descriptor");
    union sigval value = {.sival_int = 42};
    CHECK(sigqueue(getpid(), SIGUSR2, value) == 0 && kill(getpid(), SIGUSR1) == 0);
    CHECK(read(signals, told, sizeof told) == 2 * sizeof told[0] && told[0].ssi_signo == SIGUSR1 && told[1].ssi_signo == SIGUSR2);
    CHECK(told[1].ssi_int == 42 && told[1].ssi_code == SI_QUEUE);
    ok("two signals in order");
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        sleep_ms(40);
        _exit(kill(parent, SIGUSR2));
    }
    CHECK(events_of(signals, POLLIN, 10000) == POLLIN && exit_status_of(child) == 0);
    CHECK(read(signals, told, sizeof told) == sizeof told[0] && told[0].ssi_signo == SIGUSR2 && told[0].ssi_pid == (uint32_t)child);
    ok("poll waits for a signal");
    CHECK(fcntl(signals, F_SETFL, 0) == 0);
    child = fork();
    if (child == 0) {
        sleep_ms(40);
        _exit(kill(parent, SIGUSR1));
    }
    CHECK(read(signals, told, sizeof told) == sizeof told[0] && told[0].ssi_signo == SIGUSR1 && exit_status_of(child) == 0);
    ok("read waits for a signal");
    sigdelset(&set, SIGUSR2);
    CHECK(signalfd(signals, &set, 0) == signals && kill(getpid(), SIGUSR2) == 0 && events_of(signals, POLLIN, 0) == 0);
    sigaddset(&set, SIGUSR2);
    CHECK(signalfd(signals, &set, 0) == signals && events_of(signals, POLLIN, 0) == POLLIN);
    CHECK(read(signals, told, sizeof told) == sizeof told[0] && told[0].ssi_signo == SIGUSR2);
    close(signals);
    ok("the set changed");
}

int main(void) {
    counters();
    timers();
    signals();
    return 0;
}
