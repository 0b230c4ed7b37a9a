#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "servers/strace/call_text.h"

namespace portico::strace {

/// A call whose result is awaited.
struct PendingCall {
    LinuxCall call;
    bool is_shown = false;
    uint64_t begun_ns = 0;
};

struct TracedThread {
    int64_t pid = 0;
    int64_t tid = 0;
    std::optional<PendingCall> pending;
};

/// The threads whose calls have been seen and that have not ended, by the low half of their kernel ids.
using TracedThreads = std::map<uint32_t, TracedThread>;

}  // namespace portico::strace
