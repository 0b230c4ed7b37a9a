#pragma once

#include "posix/boot_block_reader.h"
#include "posix/thread.h"

namespace portico::posix {

/// Maps the program of the boot block, its interpreter and its stack, and enters it. A program that can not be loaded
/// ends the process: by SIGKILL, as Linux does past execve's point of no return.
[[noreturn]] void start_program(Thread& thread, const BootBlockReader& boot);

}  // namespace portico::posix
