#pragma once

#include <cstdint>
#include <span>

#include "posix/files/linux_files.h"
#include "posix/thread.h"

namespace portico::posix {

/// What poll, ppoll, select and pselect6 are made of: asks every descriptor once; if none is ready, leaves an asynchronous
/// Poll at each and waits for the first reply, the deadline or an alert. Nothing is left behind when it returns.
///
/// Returns how many have `happened` bits; 0 at the deadline; -kRestartNoHandler after an alert; other negative errno.
int64_t poll_descriptors(Thread& thread, std::span<linux_abi::PollDescriptor> descriptors, uint64_t deadline_ns);

/// The deadline of a wait that may be a restart of one: a restarted wait goes on to the first one's deadline.
uint64_t wait_deadline(Thread& thread, uint64_t duration_ns);

}  // namespace portico::posix
