#pragma once

#include <cstdint>

#include "runtime/native.h"

namespace portico::terminal {

/// Time since boot, as deadlines count it.
inline uint64_t clock_now_ns() {
    const auto reply = native::call(abi::ClockRead{});
    return reply ? reply->now_ns : 0;
}

}  // namespace portico::terminal
