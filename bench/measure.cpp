#include "bench/measure.h"

#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace portico::bench {
namespace {

constexpr uint64_t kKnownRounds = 100'000;
constexpr double kKnownInstructions = 2.0 * kKnownRounds;
/// The console sends what was printed by interrupts: they shall be over before the next row begins.
constexpr useconds_t kQuietMicroseconds = 3000;

/// Two instructions in each round.
void run_known_loop() {
    uint64_t rounds = kKnownRounds;
    asm volatile("1: dec %0\n jnz 1b" : "+r"(rounds) : : "cc");
}

}  // namespace

Measure::Measure(Settings settings) : settings_(settings) {
    if (settings_.unit == Unit::Instructions) check_counter();
    // Nothing is subtracted from these: the overhead is still zero.
    overhead_.readings = figure_of(1, [](unsigned) {}, [] {}).median;
    const auto nothing = [] { asm volatile("" : : : "memory"); };
    overhead_.operation = figure_of(10'000, repeated(nothing), [] {}).median;
}

void Measure::begin_row(std::string_view name) {
    row_ = name;
    std::fflush(stdout);
    usleep(kQuietMicroseconds);
}

uint64_t Measure::now() const {
    if (settings_.unit == Unit::Instructions) return __rdtsc();
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

void Measure::check_counter() const {
    uint64_t best = ~uint64_t{0};
    for (unsigned i = 0; i < 10; ++i) {
        const uint64_t begin = now();
        run_known_loop();
        best = std::min(best, now() - begin);
    }
    const double ratio = static_cast<double>(best) / kKnownInstructions;
    if (ratio < 1 || ratio > 1.001)
        give_up("the time stamp counter does not count instructions (QEMU's icount): known loop", static_cast<int64_t>(best));
}

Figure Measure::summarized(std::vector<double>& samples) {
    std::sort(samples.begin(), samples.end());
    return {.minimum = samples.front(), .median = samples[samples.size() / 2]};
}

std::string_view Measure::unit_name() const {
    return settings_.unit == Unit::Instructions ? "instructions" : "ns";
}

void Measure::report(const Figure& figure) {
    std::printf(R"({"row": "%.*s", "unit": "%s", "value": %.2f, "minimum": %.2f})"
                "\n",
                static_cast<int>(row_.size()), row_.data(), unit_name().data(), figure.median, figure.minimum);
}

void Measure::report_bytes(double bytes) {
    std::printf(R"({"row": "%.*s", "unit": "bytes", "value": %.2f})"
                "\n",
                static_cast<int>(row_.size()), row_.data(), bytes);
}

void Measure::report_series(std::string_view series, const std::vector<double>& x, const std::vector<Figure>& y) {
    std::printf(R"({"row": "%.*s", "unit": "%s", "series": "%.*s", "x": [)", static_cast<int>(row_.size()), row_.data(), unit_name().data(),
                static_cast<int>(series.size()), series.data());
    for (size_t i = 0; i < x.size(); ++i) std::printf("%s%.0f", i == 0 ? "" : ", ", x[i]);
    std::printf(R"(], "y": [)");
    for (size_t i = 0; i < y.size(); ++i) std::printf("%s%.2f", i == 0 ? "" : ", ", y[i].median);
    std::printf("]}\n");
}

void Measure::report_absent(std::string_view why) {
    std::printf(R"({"row": "%.*s", "absent": "%.*s"})"
                "\n",
                static_cast<int>(row_.size()), row_.data(), static_cast<int>(why.size()), why.data());
}

void Measure::report_missing(std::string_view call) {
    report_absent("missing: " + std::string(call) + ": " + std::strerror(errno));
}

void give_up(std::string_view what, int64_t code) {
    std::fflush(stdout);
    std::fprintf(stderr, "%.*s: %ld\n", static_cast<int>(what.size()), what.data(), code);
    std::_Exit(1);
}

}  // namespace portico::bench
