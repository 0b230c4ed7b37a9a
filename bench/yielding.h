#pragma once

#include <atomic>
#include <cmath>

#include "bench/child.h"
#include "bench/shared_memory.h"

namespace portico::bench {

/// Measures `yield` in two processes that do nothing else: the cost of one, switch included. If the other process did not
/// yield as often as this one (each has a CPU of its own, or a yield does not switch), the row is reported as absent.
template <class Yield>
void measure_yield(Measure& measure, Yield yield) {
    constexpr double kToleratedDifference = 0.02;
    struct Shared {
        std::atomic<uint64_t> yields;
        std::atomic<bool> stop;
    };
    const SharedMemory<Shared> shared;
    Child other([&] {
        while (!shared->stop.load(std::memory_order_relaxed)) {
            yield();
            shared->yields.store(shared->yields.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
        }
    });
    while (shared->yields.load(std::memory_order_relaxed) == 0) yield();
    uint64_t ours = 0;
    const auto one = [&] {
        yield();
        ++ours;
    };
    const uint64_t before = shared->yields.load();
    const Figure both = measure.figure_of(measure.settings().operations, Measure::repeated(one), [] {});
    const double ratio = static_cast<double>(shared->yields.load() - before) / static_cast<double>(ours);
    shared->stop = true;
    if (std::abs(ratio - 1) > kToleratedDifference)
        measure.report_absent("the processes did not take turns");
    else
        measure.report({.minimum = both.minimum / 2, .median = both.median / 2});
}

}  // namespace portico::bench
