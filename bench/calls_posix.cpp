#include "bench/linux_rows.h"
#include "bench/posix_rows.h"

/// What Linux programs ask for most: one program for both systems.
int main(int count, char** arguments) {
    using namespace portico::bench;
    const Rows families[] = {kLinuxCallRows, kLinuxRoundTripRows, kPosixFileRows, kPosixEventRows};
    return run_rows(count, arguments, families);
}
