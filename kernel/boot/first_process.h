#pragma once

#include <span>

#include "kernel/arch/arch.h"
#include "kernel/object/account.h"

namespace portico::kernel {

/// Makes init out of the boot archive's boot/runtime and boot/init, with grants `archive` and `resource`, as
/// docs/architecture.md tells. Panics if the archive lacks them: there is nothing else to run.
void start_first_process(Account& root, const BootInfo& boot, std::span<const uint8_t> archive);

}  // namespace portico::kernel
