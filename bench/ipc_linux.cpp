#include "bench/linux_rows.h"

/// What Linux offers for the same, and the same calls on Portico: one program for both.
int main(int count, char** arguments) {
    using namespace portico::bench;
    const Rows families[] = {kLinuxCallRows, kLinuxRoundTripRows};
    return run_rows(count, arguments, families);
}
