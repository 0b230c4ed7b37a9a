#pragma once

#include <cstdint>

#include "protocols/method.h"

/// A serial line: bytes in, bytes out, no meaning. The driver keeps nothing that its death could lose but what is in the
/// device's FIFO; the terminal server behind it owns all state.
namespace portico::protocols::uart {

inline constexpr uint32_t kChunkBytesMax = 4096;

struct Write {
    static constexpr Method method{0x300, "uart.write",
                                   "Transmit the readable window, at most kChunkBytesMax; replies when the device has taken it."};
    struct Reply {
        uint64_t length_bytes;
    };
    uint64_t length_bytes;
};

/// Asynchronous calls have no windows, so received bytes travel in the reply's words.
struct Read {
    static constexpr Method method{0x301, "uart.read", "Wait for received bytes. One reader at a time.", Repeat::Yes};
    struct Reply {
        uint8_t length_bytes;  ///< 1 to 32; or 0, a new driver's first answer: received bytes may have died with the one before
        uint8_t zero[7];
        uint8_t bytes[32];
    };
};

using Protocol = MethodList<Write, Read>;

}  // namespace portico::protocols::uart
