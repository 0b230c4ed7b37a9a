#include "posix/clock.h"

#include "runtime/native.h"

namespace portico::posix {

namespace {

/// Equal in every process of the machine, so those that share an address space may share it.
constinit abi::SystemInfo system{};

}  // namespace

void clock_start(const abi::BootBlock& boot) {
    system.tsc_at_zero = boot.tsc_at_zero;
    system.tsc_multiplier = boot.tsc_multiplier;
    system.cpu_count = static_cast<uint32_t>(boot.cpu_count);
    if (boot.tsc_multiplier == 0) (void)native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)});
}

void give_clock(abi::BootBlock& boot) {
    boot.tsc_at_zero = system.tsc_at_zero;
    boot.tsc_multiplier = system.tsc_multiplier;
    boot.cpu_count = system.cpu_count;
}

uint64_t monotonic_ns() {
    const uint64_t ticks = __builtin_ia32_rdtsc() - system.tsc_at_zero;
    return static_cast<uint64_t>((static_cast<unsigned __int128>(ticks) * system.tsc_multiplier) >> 32);
}

unsigned cpu_count() {
    return system.cpu_count == 0 ? 1 : system.cpu_count;
}

uint64_t deadline_after(uint64_t duration_ns) {
    const uint64_t now = monotonic_ns();
    return duration_ns < abi::kForever - 1 - now ? now + duration_ns : abi::kForever - 1;
}

}  // namespace portico::posix
