#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "bench/child.h"
#include "bench/linux_rows.h"
#include "bench/shared_memory.h"

/// From one process to another and back, by what Linux has for it.
namespace portico::bench {
namespace {

constexpr size_t kBytesMax = 4096;

void must(bool good, const char* what) {
    if (!good) [[unlikely]]
        give_up(what, errno);
}

/// Two ends, each a pair of descriptors: one to read from, one to write to.
struct End {
    int in;
    int out;
    void close() const {
        ::close(in);
        if (out != in) ::close(out);
    }
};
struct Ends {
    End ours, theirs;
};

Ends make_pipes() {
    int there[2], back[2];
    must(pipe(there) == 0 && pipe(back) == 0, "pipe");
    return {{back[0], there[1]}, {there[0], back[1]}};
}

/// Reads until it has all; false at the end of the stream.
bool read_all(int from, std::byte* to, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t got = read(from, to + done, bytes - done);
        must(got >= 0, "read");
        if (got == 0) return false;
        done += static_cast<size_t>(got);
    }
    return true;
}

void write_all(int to, const std::byte* from, size_t bytes) {
    for (size_t done = 0; done < bytes;) {
        const ssize_t put = write(to, from + done, bytes - done);
        must(put > 0, "write");
        done += static_cast<size_t>(put);
    }
}

/// `bytes` there and back. The other process ends with its stream.
void measure_stream(Measure& measure, const Ends& ends, size_t bytes) {
    std::byte buffer[kBytesMax] = {};
    Child other([&] {
        ends.ours.close();
        while (read_all(ends.theirs.in, buffer, bytes)) write_all(ends.theirs.out, buffer, bytes);
    });
    ends.theirs.close();
    measure.each([&] {
        write_all(ends.ours.out, buffer, bytes);
        read_all(ends.ours.in, buffer, bytes);
    });
    ends.ours.close();
}

template <size_t kBytes>
void by_pipe(Measure& measure) {
    measure_stream(measure, make_pipes(), kBytes);
}

void by_unix_socket(Measure& measure) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) return measure.report_missing("socketpair");
    measure_stream(measure, {{pair[0], pair[0]}, {pair[1], pair[1]}}, 1);
}

void by_eventfd(Measure& measure) {
    constexpr uint64_t kGo = 1, kEnd = 2;
    const int there = eventfd(0, 0), back = eventfd(0, 0);
    if (there < 0 || back < 0) return measure.report_missing("eventfd");
    Child other([&] {
        for (uint64_t value; eventfd_read(there, &value) == 0 && value == kGo;) must(eventfd_write(back, kGo) == 0, "eventfd");
    });
    measure.each([&] {
        must(eventfd_write(there, kGo) == 0, "eventfd");
        uint64_t value;
        must(eventfd_read(back, &value) == 0, "eventfd");
    });
    must(eventfd_write(there, kEnd) == 0, "eventfd");
    other.join();
    close(there);
    close(back);
}

/// A word that one side counts up and the other waits for; `kFlags`: FUTEX_PRIVATE_FLAG if both are threads of one process.
template <int kFlags>
class Signal {
public:
    void raise() {
        value_.fetch_add(1, std::memory_order_release);
        syscall(SYS_futex, &value_, FUTEX_WAKE | kFlags, 1, nullptr, nullptr, 0);
    }
    /// Until it was raised `count` times in all.
    void wait_for(uint32_t count) {
        for (uint32_t seen; (seen = value_.load(std::memory_order_acquire)) != count;)
            syscall(SYS_futex, &value_, FUTEX_WAIT | kFlags, seen, nullptr, nullptr, 0);
    }

private:
    std::atomic<uint32_t> value_{0};
};

template <int kFlags>
struct Signals {
    Signal<kFlags> there, back;
    std::atomic<bool> stop;

    /// The other side, until `stop`.
    void answer() {
        for (uint32_t turn = 1;; ++turn) {
            there.wait_for(turn);
            if (stop.load()) return;
            back.raise();
        }
    }
    void measure_round_trips(Measure& measure) {
        uint32_t count = 0;
        measure.each([&] {
            there.raise();
            back.wait_for(++count);
        });
        stop = true;
        there.raise();
    }
};

void by_futex(Measure& measure) {
    const SharedMemory<Signals<0>> shared;
    Child other([&] { shared->answer(); });
    shared->measure_round_trips(measure);
}

void by_futex_between_threads(Measure& measure) {
    Signals<FUTEX_PRIVATE_FLAG> shared{};
    std::thread other([&] { shared.answer(); });
    shared.measure_round_trips(measure);
    other.join();
}

constexpr Row kRows[] = {
    {"linux_futex", by_futex},        {"linux_threads_futex", by_futex_between_threads},
    {"linux_eventfd", by_eventfd},    {"linux_pipe", by_pipe<1>},
    {"linux_pipe_512", by_pipe<512>}, {"linux_pipe_4096", by_pipe<4096>},
    {"linux_unix", by_unix_socket},
};

}  // namespace

const Rows kLinuxRoundTripRows = kRows;

}  // namespace portico::bench
