#pragma once

#include <cstdint>

#include "kernel/arch/arch.h"

namespace portico::kernel::arch {

/// Notes the CPUs that start_cpus may start later, CPU 0 first, and the page below 1 MiB they start in (0: none may).
void prepare_cpus(const uint8_t* apic_ids, unsigned count, uint64_t low_page);

}  // namespace portico::kernel::arch
