#pragma once

#include <cstdint>

#include "posix/thread.h"

namespace portico::posix {

struct ExecRequest {
    int32_t directory = -100;  ///< AT_FDCWD
    uint64_t path = 0;         ///< addresses, of the program's memory or the library's
    uint64_t arguments = 0;    ///< array of pointers to strings, ended by 0
    uint64_t environment = 0;
    bool allow_empty_path = false;
};

/// Replaces the program: follows script lines, makes the next image's address space with its boot block, and enters it. Returns
/// a negative errno, or not at all: once other threads' state is given up, a failure ends the process by SIGKILL.
int64_t execute(Thread& thread, const ExecRequest& request);

}  // namespace portico::posix
