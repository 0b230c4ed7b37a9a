#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "protocols/host_link.h"

namespace portico::terminal {

using protocols::host_link::Channel;

/// What becomes of the channels on the line to the host.
enum class Framing : uint8_t {
    Plain,   ///< a terminal is on the line: all channels but Control are its bytes, Control is nobody's
    Framed,  ///< the host command is: SLIP frames
};

/// Bytes on their way to the host, in the order in which they were sent, whatever their channel.
///
/// Ownership: copies. Locks: none. Bound: none of its own; the terminal server takes writes only while pending_bytes() is small.
class OutputQueue {
public:
    explicit OutputQueue(Framing framing) : framing_(framing) {}

    void send(Channel channel, std::string_view bytes);
    bool empty() const { return pending_bytes_ == 0; }
    size_t pending_bytes() const { return pending_bytes_; }
    size_t pending_bytes(Channel channel) const { return pending_of_[static_cast<size_t>(channel)]; }

    /// Takes back what is pending on a channel.
    std::string take_back(Channel channel);

    /// Takes the next bytes for the line, whole frames, at most kChunkBytesMax; nothing if nothing is pending.
    std::string next_chunk();
    static constexpr size_t kChunkBytesMax = 4096;

    /// What goes over the line before the last chunk if that, or a part of it, was perhaps sent already. Nothing on a plain line.
    std::string repeat_mark() const;

private:
    struct Segment {
        Channel channel;
        std::string bytes;
        size_t sent = 0;
    };
    static constexpr size_t kChannels = 6;

    Framing framing_;
    std::deque<Segment> segments_;
    size_t pending_bytes_ = 0;
    uint64_t frames_taken_ = 0, frames_before_chunk_ = 0;  // by next_chunk: in all, before the last
    std::array<size_t, kChannels> pending_of_{};
};

}  // namespace portico::terminal
