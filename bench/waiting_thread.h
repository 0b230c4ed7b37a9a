#pragma once

#include "abi/handle.h"

namespace portico::bench {

/// Starts a thread that waits at `port` for ever (until its process ends) and needs no stack; the runtime library knows nothing of
/// it. With a `sender` it first makes a call, which it gives up at once.
void start_waiting_thread(abi::Handle port, abi::Handle sender);

}  // namespace portico::bench
