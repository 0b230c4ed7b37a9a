#pragma once

#include "kernel/arch/x86_64/machine_tables.h"

namespace portico::kernel::arch {

class KernelMap;

/// Maps the IOAPICs with all lines masked, and silences the old interrupt controllers.
void start_io_apics(const MachineTables& tables, KernelMap& map);
/// In a line's interrupt handler: closes the line until unmask_interrupt. False if it was closed: the core need not know.
bool take_interrupt(unsigned line);

}  // namespace portico::kernel::arch
