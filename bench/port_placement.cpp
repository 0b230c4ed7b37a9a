#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>

#include "bench/placement.h"

/// Throughput of a server whose ports are allocated in three ways, with 1 to 4 threads that send, and the memory they take.
/// Rates are the median of a few windows of time; they depend on the number of CPUs, which the machine was started with.
namespace portico::bench {
namespace {

using abi::Handle;
using abi::MessageRegisters;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
constexpr milliseconds kStandstillMax{2000};  ///< nothing sent for so long is a rate of 0

constexpr unsigned kSendersMax = 4;

struct Windows {
    milliseconds warm_up{40};
    milliseconds length{120};
    unsigned count = 3;
};

struct alignas(64) Counter {
    std::atomic<uint64_t> value{0};
};

void call_object(Handle object) {
    call_with_words(object);
}

/// A message; one that is refused since too many are queued is sent again when others have run.
void send_object(Handle object) {
    for (;;) {
        MessageRegisters registers{.handle_or_id = object.value, .word = {1, 2, 3, 4, 5}};
        const abi::Error error = native::message_call<abi::PortSend>(registers);
        if (error != abi::Error::NoCredit) return must(error);
        must(native::call(abi::ThreadYield{}));
    }
}

/// The client's threads, each using all objects in turn until the end.
class Senders {
public:
    Senders(const PlacedServer& server, unsigned count, Style style) {
        for (unsigned i = 0; i < count; ++i)
            threads_.emplace_back([this, &server, i, style] { run(server, i, style == Style::Call ? call_object : send_object); });
    }
    ~Senders() {
        stop_ = true;
        for (std::thread& thread : threads_) thread.join();
    }
    uint64_t messages() const {
        uint64_t sum = 0;
        for (const Counter& counter : counters_) sum += counter.value.load(std::memory_order_relaxed);
        return sum;
    }

private:
    void run(const PlacedServer& server, unsigned sender, void (*use)(Handle object)) {
        std::atomic<uint64_t>& counter = counters_[sender].value;
        for (unsigned object = sender; !stop_.load(std::memory_order_relaxed); object = (object + 1) % kObjects) {
            use(server.handle_for(sender, object));
            counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        }
    }

    std::atomic<bool> stop_ = false;
    Counter counters_[kSendersMax];
    std::vector<std::thread> threads_;
};

double messages_per_second(const Layout& layout, Style style, const Windows& windows) {
    const PlacedServer server(layout);
    const Senders senders(server, layout.senders, style);
    std::this_thread::sleep_for(windows.warm_up);
    std::vector<double> rates;
    for (unsigned i = 0; i < windows.count; ++i) {
        const uint64_t before = senders.messages();
        const Clock::time_point begin = Clock::now();
        // On a host that is short of CPUs the guest may stand still for longer than a short window.
        do std::this_thread::sleep_for(windows.length);
        while (senders.messages() == before && Clock::now() - begin < kStandstillMax);
        const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
        rates.push_back(static_cast<double>(senders.messages() - before) / seconds);
    }
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
}

uint64_t charged_bytes() {
    abi::AccountInfo info;
    must(native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&info)}));
    return info.used_bytes;
}

const char* name_of(Placement placement) {
    switch (placement) {
    case Placement::OnePort:
        return "one port";
    case Placement::PerThread:
        return "port per thread";
    case Placement::PerObject:
        return "port per object";
    }
    __builtin_unreachable();
}

void report_throughput(const Layout& layout, Style style, const Windows& windows) {
    std::printf(
        R"({"row": "throughput", "unit": "messages/s", "style": "%s", "placement": "%s", "senders": %u, "servers": %u, "value": %.0f})"
        "\n",
        style == Style::Call ? "call" : "send", name_of(layout.placement), layout.senders, layout.servers_per_port,
        messages_per_second(layout, style, windows));
}

/// With what the programs' account pays for: both processes, their threads' stacks included.
void report_memory(const Layout& layout) {
    const uint64_t before = charged_bytes();
    const PlacedServer server(layout);
    std::this_thread::sleep_for(milliseconds(30));  // until every server thread waits
    std::printf(
        R"({"row": "placement_bytes", "unit": "bytes", "placement": "%s", "senders": %u, "servers": %u, "ports": %zu, "value": %ld})"
        "\n",
        name_of(layout.placement), layout.senders, layout.servers_per_port, server.port_count(),
        static_cast<int64_t>(charged_bytes() - before));
}

/// A server thread waits at one port, so with more ports than one there are as many threads.
std::vector<Layout> layouts_of(unsigned senders) {
    std::vector<Layout> layouts{{Placement::OnePort, senders, 1}, {Placement::PerThread, senders, 1}, {Placement::PerObject, senders, 1}};
    if (senders > 1) layouts.push_back({Placement::OnePort, senders, senders});
    return layouts;
}

}  // namespace
}  // namespace portico::bench

int main(int count, char** arguments) {
    using namespace portico::bench;
    Windows windows;
    if (count > 1 && std::strcmp(arguments[1], "--quick") == 0)
        windows = {.warm_up = milliseconds(5), .length = milliseconds(10), .count = 1};
    for (const Style style : {Style::Call, Style::Send})
        for (unsigned senders = 1; senders <= kSendersMax; ++senders)
            for (const Layout& layout : layouts_of(senders)) report_throughput(layout, style, windows);
    for (const Layout& layout : layouts_of(kSendersMax)) report_memory(layout);
}
