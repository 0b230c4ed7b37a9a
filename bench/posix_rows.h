#pragma once

#include "bench/rows.h"

/// The families of rows of memory_posix and calls_posix.
namespace portico::bench {

extern const Rows kPosixMemoryRows;
extern const Rows kPosixProcessRows;
extern const Rows kPosixFileRows;
extern const Rows kPosixEventRows;

}  // namespace portico::bench
