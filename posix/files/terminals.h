#pragma once

#include "posix/files/descriptor.h"
#include "posix/thread.h"

/// What terminals need of their callers: job control goes by process group and session.
namespace portico::posix {

/// Linux's device numbers of terminals: consoles, /dev/tty and /dev/console, pseudo-terminals.
bool is_terminal_device(uint64_t special_device);

/// Whether the object is a terminal; asks the server once and keeps the answer in the table.
bool is_terminal(Thread& thread, int32_t number, const Descriptor& descriptor);

/// What Read and Write of this descriptor carry: the caller's group for a terminal, else 0.
uint64_t process_group_for(Thread& thread, int32_t number, const Descriptor& descriptor);

/// After open without O_NOCTTY: makes the terminal the controlling one if the caller leads a session without one.
void adopt_terminal(Thread& thread, abi::Handle terminal, uint64_t special_device);

}  // namespace portico::posix
