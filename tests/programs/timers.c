/// cpus: 1 2
// Timers that send signals: alarm, setitimer, timer_create to the process and to a thread, overruns, CPU time.
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "check.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static volatile sig_atomic_t came;
static volatile int came_value, came_code, came_tid;

static void on_signal(int number, siginfo_t* info, void* context) {
    (void)number, (void)context;
    ++came;
    came_value = info->si_value.sival_int;
    came_code = info->si_code;
    came_tid = (int)syscall(SYS_gettid);
}

static void wait_for(int count) {
    long long give_up = now_ms() + 10000;
    while (came < count && now_ms() < give_up) sleep_ms(5);
    CHECK(came >= count);
}

static void handle(int number) {
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    CHECK(sigaction(number, &action, NULL) == 0);
    came = 0;
}

static void of_the_process(void) {
    handle(SIGALRM);
    CHECK(alarm(100) == 0 && alarm(0) >= 99);
    struct itimerval set = {.it_value = {0, 30000}, .it_interval = {0, 20000}}, left;
    CHECK(setitimer(ITIMER_REAL, &set, NULL) == 0);
    CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_interval.tv_usec == 20000 && left.it_value.tv_usec > 0);
    wait_for(3);
    memset(&set, 0, sizeof set);
    CHECK(setitimer(ITIMER_REAL, &set, &left) == 0 && left.it_interval.tv_usec == 20000);
    int before = came;
    sleep_ms(60);
    CHECK(came <= before + 1);
    ok("alarm and setitimer");

    handle(SIGPROF);
    set.it_value.tv_usec = 20000;
    CHECK(setitimer(ITIMER_PROF, &set, NULL) == 0);
    sleep_ms(60);  // sleeping takes no CPU time
    CHECK(came == 0);
    long long give_up = now_ms() + 20000;
    while (came == 0 && now_ms() < give_up) {
    }
    CHECK(came == 1);
    ok("a timer of CPU time");
}

static struct itimerspec setting(long first_ms, long interval_ms) {
    struct itimerspec made = {.it_value = {first_ms / 1000, first_ms % 1000 * 1000000},
                              .it_interval = {interval_ms / 1000, interval_ms % 1000 * 1000000}};
    return made;
}

static void created(void) {
    timer_t timer, quiet;
    handle(SIGUSR1);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec set = setting(30, 0), left;
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
    CHECK(timer_settime(timer, 0, &set, NULL) == 0 && timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec > 0);
    wait_for(1);
    CHECK(came_value == 77 && came_code == SI_TIMER);
    CHECK(timer_gettime(timer, &left) == 0 && left.it_value.tv_nsec == 0);
    ok("timer_create");
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    set = setting(10, 10);
    CHECK(timer_settime(timer, 0, &set, &left) == 0);
    wait_for(4);
    set = setting(0, 0);
    CHECK(timer_settime(timer, 0, &set, &left) == 0 && left.it_interval.tv_nsec == 10000000);
    sleep_ms(20);
    int before = came;
    sleep_ms(50);
    CHECK(came == before && timer_getoverrun(timer) >= 0);
    ok("interval");
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    set.it_value = now;
    set.it_value.tv_nsec += 20000000;
    if (set.it_value.tv_nsec >= 1000000000) set.it_value.tv_sec++, set.it_value.tv_nsec -= 1000000000;
    came = 0;
    CHECK(timer_settime(timer, TIMER_ABSTIME, &set, NULL) == 0);
    wait_for(1);
    CHECK(timer_delete(timer) == 0);
    ok("absolute time");
    event.sigev_notify = SIGEV_NONE;
    CHECK(timer_create(CLOCK_REALTIME, &event, &quiet) == 0);
    set = setting(10, 0);
    came = 0;
    CHECK(timer_settime(quiet, 0, &set, NULL) == 0);
    sleep_ms(40);
    CHECK(came == 0 && timer_gettime(quiet, &left) == 0 && left.it_value.tv_nsec == 0 && timer_delete(quiet) == 0);
    CHECK(syscall(SYS_timer_delete, 12345) == -1 && errno == EINVAL);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = 99;
    CHECK_ERROR(timer_create(CLOCK_REALTIME, &event, &quiet), EINVAL);
    ok("without a signal; refusals");
}

static int thread_id;

static void* run_with_timer(void* unused) {
    (void)unused;
    sigset_t allowed;
    sigemptyset(&allowed);
    sigaddset(&allowed, SIGUSR2);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &allowed, NULL) == 0);
    thread_id = (int)syscall(SYS_gettid);
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2};
    event.sigev_notify_thread_id = thread_id;
    CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec set = setting(20, 0);
    CHECK(timer_settime(timer, 0, &set, NULL) == 0);
    wait_for(1);
    CHECK(came_tid == thread_id && timer_delete(timer) == 0);
    return NULL;
}

int main(void) {
    of_the_process();
    created();
    handle(SIGUSR2);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, run_with_timer, NULL) == 0 && pthread_join(thread, NULL) == 0);
    ok("to a thread");
    handle(SIGALRM);
    struct itimerval set = {.it_value = {0, 20000}};
    CHECK(setitimer(ITIMER_REAL, &set, NULL) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct itimerval left;
        CHECK(getitimer(ITIMER_REAL, &left) == 0 && left.it_value.tv_usec == 0 && left.it_value.tv_sec == 0);
        _exit(0);
    }
    CHECK(exit_status_of(child) == 0);
    wait_for(1);
    ok("a child has none of them");
    return 0;
}
