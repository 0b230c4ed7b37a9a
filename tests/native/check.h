#pragma once

#include "tests/programs/check.h"

/// What native test programs share, beside what they have in common with the C ones.
namespace portico::native_test {

/// Runs `body` in a process of its own, which ends with 0 unless a check fails there.
template <class Body>
pid_t in_child(Body body) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    return child;
}

}  // namespace portico::native_test
