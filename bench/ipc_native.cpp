#include "bench/native_rows.h"

/// Portico's native calls, in a guest program that also makes Linux calls (fork, for the second process).
int main(int count, char** arguments) {
    using namespace portico::bench;
    // Memory first: a handle table never shrinks, so what later rows need would not be seen as new.
    const Rows families[] = {kMemoryRows, kCallRows,       kPayloadRows, kCrossoverRows, kHeapRows, kMessageRows,
                             kStreamRows, kSchedulingRows, kServiceRows, kWaitingRows,   kPagerRows};
    return run_rows(count, arguments, families);
}
