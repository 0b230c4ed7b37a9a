#pragma once

#include "bench/rows.h"

/// The families of native rows; ipc_native.cpp runs them all.
namespace portico::bench {

extern const Rows kCallRows;
extern const Rows kMessageRows;
extern const Rows kPayloadRows;
extern const Rows kCrossoverRows;
extern const Rows kHeapRows;
extern const Rows kStreamRows;
extern const Rows kServiceRows;
extern const Rows kSchedulingRows;
extern const Rows kWaitingRows;
extern const Rows kMemoryRows;
extern const Rows kPagerRows;

}  // namespace portico::bench
