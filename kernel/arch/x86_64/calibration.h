#pragma once

#include <cstdint>

namespace portico::kernel::arch {

/// A counter of known rate that the time stamp counter is measured against.
struct Reference {
    const char* name;
    uint64_t hz;
    uint32_t mask;                    ///< the counter wraps past it
    uint32_t (*read)(uint16_t port);  ///< counts up
    uint16_t port;
};

Reference local_apic_reference(uint64_t hz);  ///< starts the timer; whoever measures stops it before it fires
Reference power_timer_reference(uint16_t port);
Reference interval_timer_reference();  ///< starts channel 2 of the 8254

/// Both take about a millisecond and give 0 if the counter does not move within a bounded number of reads.
uint64_t measure_tsc(const Reference& reference);
uint64_t measure_local_apic(uint64_t tsc_hz);

}  // namespace portico::kernel::arch
