#pragma once

#include "bench/rows.h"

/// The families of rows of Linux calls; ipc_linux.cpp runs them all.
namespace portico::bench {

extern const Rows kLinuxCallRows;
extern const Rows kLinuxRoundTripRows;

}  // namespace portico::bench
