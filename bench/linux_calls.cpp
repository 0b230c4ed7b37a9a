#include <sched.h>
#include <unistd.h>

#include "bench/linux_rows.h"
#include "bench/yielding.h"

/// Linux calls that concern nobody else, or only the scheduler.
namespace portico::bench {
namespace {

void linux_getppid(Measure& measure) {
    measure.each([] { (void)getppid(); });
}

void linux_yield(Measure& measure) {
    measure_yield(measure, [] { sched_yield(); });
}

constexpr Row kRows[] = {
    {"linux_getppid", linux_getppid},
    {"linux_yield", linux_yield},
};

}  // namespace

const Rows kLinuxCallRows = kRows;

}  // namespace portico::bench
