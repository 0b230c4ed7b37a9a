#pragma once

#include "abi/handle.h"

namespace portico::bench {

/// Runs `body(port)` in a thread of this process with a lower priority, and returns when it has returned. The runtime library
/// knows nothing of that thread, so `body` may make native calls only.
void run_with_priority(uint64_t priority, void (*body)(abi::Handle port), abi::Handle port);

/// Starts a thread that waits at `port` for ever (until its process ends) and needs no stack. With a `sender` it first makes a
/// call, which it gives up at once.
void start_waiting_thread(abi::Handle port, abi::Handle sender);

}  // namespace portico::bench
