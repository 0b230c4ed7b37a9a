#include "bench/native_rows.h"
#include "bench/service.h"
#include "bench/yielding.h"

/// Switching from one process to another without a message.
namespace portico::bench {
namespace {

void yield(Measure& measure) {
    measure_yield(measure, [] { must(native::call(abi::ThreadYield{})); });
}

constexpr Row kRows[] = {
    {"yield", yield},
};

}  // namespace

const Rows kSchedulingRows = kRows;

}  // namespace portico::bench
