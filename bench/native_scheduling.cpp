#include "bench/native_rows.h"
#include "bench/service.h"
#include "bench/yielding.h"

/// Switching from one process to another without a message.
namespace portico::bench {
namespace {

void yield(Measure& measure) {
    measure_yield(measure, [] { must(native::call(abi::ThreadYield{})); });
}

/// With nobody to yield to.
void yield_alone(Measure& measure) {
    measure.each([] { must(native::call(abi::ThreadYield{})); });
}

constexpr Row kRows[] = {
    {"yield", yield},
    {"yield_alone", yield_alone},
};

}  // namespace

const Rows kSchedulingRows = kRows;

}  // namespace portico::bench
