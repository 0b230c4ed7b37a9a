#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "bench/posix_rows.h"

/// Signals, and waiting for one of many descriptors.
namespace portico::bench {
namespace {

void must(bool good, const char* what) {
    if (!good) [[unlikely]]
        give_up(what, errno);
}

volatile sig_atomic_t signals_handled = 0;

void signal_to_self(Measure& measure) {
    struct sigaction action{};
    action.sa_handler = [](int) { signals_handled = signals_handled + 1; };
    must(sigaction(SIGUSR1, &action, nullptr) == 0, "sigaction");
    const pid_t self = getpid();
    measure.each([&] {
        const sig_atomic_t before = signals_handled;
        must(kill(self, SIGUSR1) == 0, "kill");
        must(signals_handled == before + 1, "the handler did not run before kill returned");
    });
}

struct Pipe {
    int ends[2];
    Pipe() { must(pipe(ends) == 0, "pipe"); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close(ends[0]);
        close(ends[1]);
    }
};

/// Level-triggered: the ready one stays ready.
void epoll_100(Measure& measure) {
    const int poller = epoll_create1(0);
    if (poller < 0) return measure.report_missing("epoll_create1");
    const std::array<Pipe, 100> pipes;
    for (const Pipe& each : pipes) {
        epoll_event wanted{.events = EPOLLIN, .data = {.fd = each.ends[0]}};
        must(epoll_ctl(poller, EPOLL_CTL_ADD, each.ends[0], &wanted) == 0, "epoll_ctl");
    }
    const Pipe& ready = pipes[pipes.size() / 2];
    must(write(ready.ends[1], "x", 1) == 1, "write");
    measure.each([&] {
        epoll_event found;
        must(epoll_wait(poller, &found, 1, -1) == 1 && found.data.fd == ready.ends[0], "epoll_wait");
    });
    close(poller);
}

constexpr Row kRows[] = {
    {"signal_self", signal_to_self},
    {"epoll_wait_100", epoll_100},
};

}  // namespace

const Rows kPosixEventRows = kRows;

}  // namespace portico::bench
