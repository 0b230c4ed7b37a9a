#pragma once

#include <array>

namespace portico::kernel {

/// What object_set_name gave a process or thread, zero-padded. Nothing in the kernel goes by it: it is for those who look on.
using ObjectName = std::array<char, 16>;

}  // namespace portico::kernel
