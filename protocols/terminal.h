#pragma once

#include <cstdint>

#include "protocols/method.h"

/// What init asks of the terminal server beyond the file protocol (protocols/file.h). Its openable names, given as the path of
/// file::Open on its root handle: "console" and "tty0" (the terminal), "stdin", "stdout", "stderr", "trace"
/// (the host's streams).
namespace portico::protocols::terminal {

struct Report {
    static constexpr Method method{0x310, "terminal.report",
                                   "Tell the host (control channel) that the command ended with a wait status, once all output is out. "
                                   "With a readable window: a system failure, in one line."};
    using Reply = Empty;
    uint64_t wait_status;
};

using Protocol = MethodList<Report>;

}  // namespace portico::protocols::terminal
