#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "protocols/host_link.h"
#include "servers/terminal/control_line.h"

namespace portico::terminal {

/// Takes each of the host's frames once, though a dying driver loses some and the host then sends more than those again:
///
///     in step ──lost()──▶ waiting (takes nothing) ──"again N"──▶ in step (drops what it has of the repeated ones)
///
/// Ownership: none. Locks: none. Bound: two counts.
class FrameCounter {
public:
    /// Is this frame to be taken? Never "again N" itself.
    bool is_new(std::span<const uint8_t> frame) {
        using protocols::host_link::Channel;
        if (static_cast<Channel>(frame[0]) == Channel::Control) {
            const ControlLine line = parse_control_line({reinterpret_cast<const char*>(frame.data()) + 1, frame.size() - 1});
            if (const auto* again = std::get_if<SentAgain>(&line)) {
                repeated_ = count_ - std::min(count_, again->from_frame);
                count_ = std::max(count_, again->from_frame);
                waiting_ = false;
                return false;
            }
        }
        if (waiting_) return false;
        if (repeated_ > 0) {
            --repeated_;
            return false;
        }
        ++count_;
        return true;
    }

    /// Bytes were lost, so nothing is taken before the host says "again". Tells how many frames were taken until now.
    uint64_t lost() {
        waiting_ = true;
        return count_;
    }

private:
    uint64_t count_ = 0;
    uint64_t repeated_ = 0;  // of the frames that come next
    bool waiting_ = false;
};

}  // namespace portico::terminal
