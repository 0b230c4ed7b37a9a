#pragma once

#include "kernel/arch/arch.h"

namespace portico::kernel::arch {

/// Does what the CPU that shoots down asks this one, if anything.
void answer_shoot_down();
/// Whether some CPU has it loaded.
bool is_active(const PageTable& table);

}  // namespace portico::kernel::arch
