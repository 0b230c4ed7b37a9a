#include "bench/native_rows.h"

/// Portico's native calls, in a guest program that also makes Linux calls (fork, for the second process).
int main(int count, char** arguments) {
    using namespace portico::bench;
    const Rows families[] = {kCallRows};
    return run_rows(count, arguments, families);
}
