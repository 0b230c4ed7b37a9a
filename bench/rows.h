#pragma once

#include <span>
#include <string_view>

#include "bench/measure.h"

namespace portico::bench {

/// One row of the table (bench/ipc_rows.json has its name and what is asked of it) and the function that measures it.
struct Row {
    std::string_view name;
    void (*run)(Measure& measure);
};

using Rows = std::span<const Row>;

/// The main function of a benchmark program. Flags: --time (instead of instructions), --quick (few repetitions), and words:
/// only rows whose name contains one of them.
int run_rows(int count, char** arguments, std::span<const Rows> families);

}  // namespace portico::bench
