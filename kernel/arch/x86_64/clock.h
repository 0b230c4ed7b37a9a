#pragma once

#include <cstdint>

namespace portico::kernel::arch {

/// Learns the rates of the time stamp counter and the local APIC's timer. Takes about a millisecond where nobody tells.
void start_clock(uint16_t power_timer_port);
/// In the timer's interrupt: whether the wanted deadline has come; else arms the timer for it again.
bool timer_is_due();

}  // namespace portico::kernel::arch
