#pragma once

#include <cstdint>

namespace portico::posix {

/// struct rusage.
struct LinuxUsage {
    int64_t user_seconds = 0, user_microseconds = 0;
    int64_t system_seconds = 0, system_microseconds = 0;
    int64_t resident_peak_kib = 0;
    int64_t not_kept[13]{};

    static LinuxUsage of(uint64_t user_ns, uint64_t system_ns, uint64_t resident_peak_bytes) {
        const auto seconds = [](uint64_t ns) { return static_cast<int64_t>(ns / 1'000'000'000); };
        const auto microseconds = [](uint64_t ns) { return static_cast<int64_t>(ns % 1'000'000'000 / 1000); };
        return {.user_seconds = seconds(user_ns),
                .user_microseconds = microseconds(user_ns),
                .system_seconds = seconds(system_ns),
                .system_microseconds = microseconds(system_ns),
                .resident_peak_kib = static_cast<int64_t>(resident_peak_bytes / 1024)};
    }
};
static_assert(sizeof(LinuxUsage) == 144);

}  // namespace portico::posix
