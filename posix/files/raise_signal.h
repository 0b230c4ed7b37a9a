#pragma once

#include "posix/thread.h"

namespace portico::posix {

/// Queues a signal to the calling thread, as Linux does for SIGPIPE: acted upon before the program goes on.
inline void raise_signal(Thread& thread, int number, int32_t pid) {
    thread.pending_signals.add({.number = number, .pid = pid});
    thread.pending |= Thread::kKept;
}

}  // namespace portico::posix
