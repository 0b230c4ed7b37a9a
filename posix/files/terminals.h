#pragma once

#include "posix/files/descriptor.h"
#include "posix/thread.h"
#include "runtime/handle.h"

/// What terminals need of their callers: job control goes by process group and session.
namespace portico::posix {

/// Linux's device numbers of terminals: consoles, /dev/tty and /dev/console, pseudo-terminals.
bool is_terminal_device(uint64_t special_device);

/// Whether the object is a terminal; asks the server once and keeps the answer in the table.
bool is_terminal(Thread& thread, int32_t number, const Descriptor& descriptor);

/// What Read and Write of this descriptor carry: for a terminal the caller's group and, in the upper half, its session, else 0.
uint64_t process_group_for(Thread& thread, int32_t number, const Descriptor& descriptor);

/// A handle to the terminal that keeps it not open: to hold a session's terminal by, or to watch the descriptor.
Result<OwnedHandle> terminal_reference(Thread& thread, abi::Handle terminal);

/// Tells the process server that the caller's session has this terminal now.
Result<> hold_terminal(Thread& thread, abi::Handle terminal, uint64_t special_device);

/// After open without O_NOCTTY: makes the terminal the controlling one if the caller leads a session without one.
void adopt_terminal(Thread& thread, abi::Handle terminal, uint64_t special_device);

}  // namespace portico::posix
