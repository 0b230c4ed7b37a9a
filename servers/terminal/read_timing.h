#pragma once

#include <algorithm>
#include <cstdint>

#include "abi/message.h"

namespace portico::terminal {

/// What a read should do now.
struct ReadDecision {
    enum class What : uint8_t { Take, Wait, WouldBlock };
    What what;
    uint64_t deadline_ns = abi::kForever;  ///< Wait: decide again then, if nothing came before
};

/// State of a non-canonical read, for the cases A to D of termios(3).
struct RawRead {
    uint64_t available_bytes;
    uint64_t wanted_bytes;
    uint8_t minimum;      ///< VMIN
    uint8_t time_tenths;  ///< VTIME
    bool non_blocking;
    uint64_t started_ns;     ///< when the read began
    uint64_t last_input_ns;  ///< when the last byte came in
};

inline ReadDecision decide(const RawRead& read, uint64_t now_ns) {
    using enum ReadDecision::What;
    const uint64_t time_ns = read.time_tenths * uint64_t{100'000'000};
    if (read.available_bytes >= std::clamp<uint64_t>(read.minimum, 1, std::max<uint64_t>(read.wanted_bytes, 1))) return {.what = Take};
    if (read.minimum == 0 && read.time_tenths == 0) return {.what = Take};  // C: what there is, even nothing
    if (read.non_blocking) return {.what = read.available_bytes > 0 ? Take : WouldBlock};
    if (read.time_tenths == 0) return {.what = Wait};                          // B: as long as it takes
    if (read.minimum > 0 && read.available_bytes == 0) return {.what = Wait};  // D: the time runs from the first byte on
    // A: the time runs from the read's start. D: between bytes, and for bytes that were there before from the read's start.
    const uint64_t from_ns = read.minimum == 0 ? read.started_ns : std::max(read.started_ns, read.last_input_ns);
    if (now_ns >= from_ns + time_ns) return {.what = Take};
    return {.what = Wait, .deadline_ns = from_ns + time_ns};
}

}  // namespace portico::terminal
