#pragma once

#include <cstdint>

namespace portico::kernel::arch {

/// The rate of the time-stamp counter as KVM's paravirtual clock tells it; 0 where there is none. Asks once and turns it off again.
uint64_t kvm_clock_tsc_hz();

}  // namespace portico::kernel::arch
