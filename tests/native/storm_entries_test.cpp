#include <algorithm>
#include <vector>

#include "tests/native/storm.h"

/// A process for each CPU makes null calls without end, so that all of them want the kernel's lock all the time: each gets in
/// (docs/decisions/0002-one-kernel-lock.md).
/// cpus: 2 4
namespace portico::native_test {
namespace {

struct Counts {
    std::atomic<bool> go = false, done = false;
    std::atomic<uint32_t> ready = 0;
    struct alignas(64) OfOne {
        std::atomic<uint64_t> calls = 0;
        std::atomic<uint64_t> longest_ns = 0, long_waits = 0;
    } of[16];
};
constexpr uint64_t kLongNs = 1'000'000;

void enter_on(Counts& counts, unsigned which) {
    ++counts.ready;
    while (!counts.go) sleep_ms(1);
    Counts::OfOne& own = counts.of[which];
    Clock::time_point before = Clock::now();
    while (!counts.done) {
        CHECK(native::call(abi::Null{}));
        const Clock::time_point after = Clock::now();
        const auto ns = static_cast<uint64_t>((after - before).count());
        before = after;
        own.calls = own.calls + 1;
        if (ns > own.longest_ns) own.longest_ns = ns;
        if (ns > kLongNs) own.long_waits = own.long_waits + 1;
    }
}

void run() {
    const uint32_t cpus = system_now().cpu_count;
    Counts& counts = make_common<Counts>();
    std::vector<pid_t> children;
    for (unsigned i = 0; i < cpus; ++i) children.push_back(in_child([&counts, i] { enter_on(counts, i); }));
    while (counts.ready < cpus) sleep_ms(1);
    counts.go = true;
    std::this_thread::sleep_for(storm_length());
    counts.done = true;
    for (const pid_t child : children) CHECK(exit_status_of(child) == 0);
    uint64_t least = ~uint64_t{0}, most = 0, longest_ns = 0, long_waits = 0;
    for (unsigned i = 0; i < cpus; ++i) {
        least = std::min<uint64_t>(least, counts.of[i].calls);
        most = std::max<uint64_t>(most, counts.of[i].calls);
        longest_ns = std::max<uint64_t>(longest_ns, counts.of[i].longest_ns);
        long_waits += counts.of[i].long_waits;
    }
    held(std::to_string(least / storm_seconds) + " to " + std::to_string(most / storm_seconds) + " entries a second; the longest took " +
         std::to_string(longest_ns / 1000) + " us, " + std::to_string(long_waits) + " more than 1 ms");
    // A host with fewer free cores than the guest has CPUs stops one or the other: seen on two cores with ten busy threads for each, the
    // least had 72 to 87 % of the most.
    demand(least >= most / 2, "a CPU hardly gets into the kernel", {{"least", least}, {"most", most}});
}

}  // namespace
}  // namespace portico::native_test

int main(int count, char** arguments) {
    portico::native_test::read_storm_arguments(count, arguments);
    portico::native_test::run();
}
