#pragma once

#include "protocols/method.h"

/// The tracer of Linux calls: the service (abi::ProcessSetService) of the first program and all that come of it. Its other clients are
/// threads that make Linux calls.
namespace portico::protocols::strace {

struct Finish {
    static constexpr Method method{0x500, "strace.finish",
                                   "From init, when the first program has ended: reply once the host has all of the trace.", Repeat::Yes};
    using Reply = Empty;
};

using Protocol = MethodList<Finish>;

}  // namespace portico::protocols::strace
