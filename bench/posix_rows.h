#pragma once

#include "bench/rows.h"

/// The families of rows of memory_posix.
namespace portico::bench {

extern const Rows kPosixMemoryRows;
extern const Rows kPosixProcessRows;

}  // namespace portico::bench
