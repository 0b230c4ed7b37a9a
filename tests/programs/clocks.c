/// cpus: 1 2
// Clocks go forward, sleeps last at least as long as asked, timers fire.
#include <sys/time.h>
#include <sys/times.h>

#include "check.h"

static volatile sig_atomic_t alarms;
static void on_alarm(int number) {
    (void)number;
    ++alarms;
}

int main(void) {
    struct timespec last = {0}, now, resolution;
    for (int i = 0; i < 10000; ++i) {
        CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
        CHECK(now.tv_sec > last.tv_sec || (now.tv_sec == last.tv_sec && now.tv_nsec >= last.tv_nsec));
        CHECK(now.tv_nsec >= 0 && now.tv_nsec < 1000000000);
        last = now;
    }
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0);
    ok("monotonic clock");
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0 && now.tv_sec > 1600000000 && llabs((long long)time(NULL) - now.tv_sec) <= 1);
    ok("real time is in this century");
    CHECK_ERROR(clock_gettime(99, &now), EINVAL);

    long long before = now_ms();
    sleep_ms(80);
    long long took = now_ms() - before;
    CHECK(took >= 79 && took < 5000);
    ok("nanosleep");
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    now.tv_nsec += 50000000;
    if (now.tv_nsec >= 1000000000) ++now.tv_sec, now.tv_nsec -= 1000000000;
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &now, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &last) == 0);
    CHECK(last.tv_sec > now.tv_sec || (last.tv_sec == now.tv_sec && last.tv_nsec >= now.tv_nsec));
    ok("absolute sleep");
    struct timespec bad = {0, -1};
    CHECK_ERROR(nanosleep(&bad, NULL), EINVAL);

    struct sigaction action = {.sa_handler = on_alarm};
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    struct itimerval timer = {.it_value = {0, 30000}};
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    struct timespec long_time = {10, 0}, left;
    CHECK_ERROR(nanosleep(&long_time, &left), EINTR);
    CHECK(alarms == 1 && left.tv_sec >= 5 && left.tv_sec < 10);
    ok("a timer interrupts a sleep, which tells what is left");
    timer.it_interval.tv_usec = 20000;
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    while (alarms < 4) pause();
    timer.it_interval.tv_usec = timer.it_value.tv_usec = 0;
    CHECK(setitimer(ITIMER_REAL, &timer, NULL) == 0);
    ok("periodic timer");
    alarm(100);
    CHECK(alarm(0) >= 99);
    ok("alarm");

    struct timespec cpu_before, cpu_after;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_before) == 0);
    before = now_ms();
    while (now_ms() - before < 50) {
    }
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu_after) == 0);
    CHECK(cpu_after.tv_sec > cpu_before.tv_sec || cpu_after.tv_nsec > cpu_before.tv_nsec);
    struct tms used;
    CHECK(times(&used) != (clock_t)-1);
    ok("processor time");
    return 0;
}
