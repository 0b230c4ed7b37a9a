#pragma once

#include <cstdint>

#include "abi/boot_block.h"
#include "libs/result.h"

/// Time computed from the time-stamp counter, without a kernel call.
namespace portico::posix {

/// Takes the counter's parameters from the boot block, or asks the kernel; once at start.
void clock_start(const abi::BootBlock& boot);
/// For the next image's.
void give_clock(abi::BootBlock& boot);

uint64_t monotonic_ns();
unsigned cpu_count();

/// struct timespec; fields as the program has them.
struct TimeSpec {
    int64_t seconds = 0;
    int64_t nanoseconds = 0;

    bool valid() const { return seconds >= 0 && nanoseconds >= 0 && nanoseconds < 1'000'000'000; }
    /// In nanoseconds, at most kForever - 1.
    uint64_t to_ns() const {
        constexpr uint64_t kSecondsMax = 18'000'000'000;
        const uint64_t whole = static_cast<uint64_t>(seconds) < kSecondsMax ? static_cast<uint64_t>(seconds) : kSecondsMax;
        return whole * 1'000'000'000 + static_cast<uint64_t>(nanoseconds);
    }
    static TimeSpec from_ns(uint64_t ns) { return {static_cast<int64_t>(ns / 1'000'000'000), static_cast<int64_t>(ns % 1'000'000'000)}; }
};

/// struct timeval.
struct TimeValue {
    int64_t seconds = 0, microseconds = 0;
    bool valid() const { return seconds >= 0 && microseconds >= 0 && microseconds < 1'000'000; }
    uint64_t to_ns() const { return TimeSpec{seconds, microseconds * 1000}.to_ns(); }
    static TimeValue from_ns(uint64_t ns) {
        return {static_cast<int64_t>(ns / 1'000'000'000), static_cast<int64_t>(ns % 1'000'000'000 / 1000)};
    }
};

/// now + duration, at most kForever - 1: never "without bound" by overflow.
uint64_t deadline_after(uint64_t duration_ns);

}  // namespace portico::posix
