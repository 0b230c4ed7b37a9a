#pragma once

namespace portico::kernel::arch {

/// Does what the CPU that shoots down asks this one, if anything.
void answer_shoot_down();

}  // namespace portico::kernel::arch
