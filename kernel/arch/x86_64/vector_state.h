#pragma once

namespace portico::kernel::arch {

/// Enables the vector registers on this CPU and, the first time, learns how they are saved.
void start_vector_state();

}  // namespace portico::kernel::arch
