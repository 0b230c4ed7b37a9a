#pragma once

#include "posix/boot_block_reader.h"
#include "posix/thread.h"

namespace portico::posix {

/// What a program is told of its credentials at its start.
struct ProgramIds {
    uint32_t uid = 0, euid = 0, gid = 0, egid = 0;
};

/// Maps the program of the boot block, its interpreter and its stack, and enters it. A program that can not be loaded
/// ends the process: by SIGKILL, as Linux does past execve's point of no return.
[[noreturn]] void start_program(Thread& thread, const BootBlockReader& boot, const ProgramIds& ids);

}  // namespace portico::posix
