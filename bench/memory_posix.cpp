#include "bench/posix_rows.h"

/// Memory and processes as a Linux program asks for them: one program for both systems.
int main(int count, char** arguments) {
    using namespace portico::bench;
    const Rows families[] = {kPosixMemoryRows, kPosixProcessRows};
    return run_rows(count, arguments, families);
}
