#pragma once

#include "posix/thread.h"

namespace portico::posix {

/// dup and F_DUPFD: the lowest free number from `minimum` on. The new number, or a negative errno.
int64_t duplicate_descriptor(Thread& thread, int32_t number, uint64_t minimum, bool close_on_exec);

}  // namespace portico::posix
