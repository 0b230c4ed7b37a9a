#pragma once

#include "bench/rows.h"

/// The families of native rows; ipc_native.cpp runs them all.
namespace portico::bench {

extern const Rows kCallRows;

}  // namespace portico::bench
