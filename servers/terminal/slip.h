#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocols/host_link.h"

/// SLIP framing (RFC 1055) as protocols/host_link.h lays it down. Pure: bytes in, bytes out.
namespace portico::terminal {

namespace slip {
inline constexpr uint8_t kEnd = 0xC0, kEscape = 0xDB, kEscapedEnd = 0xDC, kEscapedEscape = 0xDD;

/// Length of a frame with this many bytes, at worst.
constexpr size_t encoded_bytes_max(size_t length) {
    return 2 * length + 2;
}

/// Appends the frame `END channel payload END` to `out`.
void encode(protocols::host_link::Channel channel, std::string_view payload, std::string& out);
}  // namespace slip

/// Cuts received bytes into frames.
///
/// Ownership: keeps the frame being received. Locks: none. Bound: kFrameBytesMax.
/// Errors: a frame that is too long or has a bad escape is dropped as a whole; the next END starts anew.
class SlipDecoder {
public:
    /// Takes one byte; true if it ended a frame, which frame() shows until the next push.
    bool push(uint8_t byte);
    std::span<const uint8_t> frame() const { return frame_; }
    uint64_t dropped_frames() const { return dropped_frames_; }

private:
    void add(uint8_t byte);

    std::vector<uint8_t> frame_;
    uint64_t dropped_frames_ = 0;
    bool ended_ = false;  // frame_ was shown and goes with the next byte
    bool escaped_ = false;
    bool damaged_ = false;  // until the next END
};

}  // namespace portico::terminal
