#pragma once

#include "bench/rows.h"

/// The families of rows of Linux calls that ipc_linux and calls_posix have in common.
namespace portico::bench {

extern const Rows kLinuxCallRows;
extern const Rows kLinuxRoundTripRows;

}  // namespace portico::bench
