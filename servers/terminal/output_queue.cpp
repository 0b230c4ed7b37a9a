#include "servers/terminal/output_queue.h"

#include <algorithm>

#include "servers/terminal/slip.h"

namespace portico::terminal {

void OutputQueue::send(Channel channel, std::string_view bytes) {
    if (bytes.empty() || (framing_ == Framing::Plain && channel == Channel::Control)) return;
    // A control line is a frame of its own; the other channels are streams.
    if (!segments_.empty() && segments_.back().channel == channel && channel != Channel::Control)
        segments_.back().bytes.append(bytes);
    else
        segments_.push_back({.channel = channel, .bytes = std::string(bytes)});
    pending_bytes_ += bytes.size();
    pending_of_[static_cast<size_t>(channel)] += bytes.size();
}

std::string OutputQueue::take_back(Channel channel) {
    std::string taken;
    std::erase_if(segments_, [&](const Segment& segment) {
        if (segment.channel == channel) taken.append(segment.bytes, segment.sent);
        return segment.channel == channel;
    });
    pending_bytes_ -= taken.size();
    pending_of_[static_cast<size_t>(channel)] -= taken.size();
    return taken;
}

std::string OutputQueue::next_chunk() {
    constexpr size_t kPayloadMax = protocols::host_link::kFrameBytesMax - 1;  // the channel is the frame's first byte
    std::string chunk;
    frames_before_chunk_ = frames_taken_;
    while (!segments_.empty()) {
        const size_t room = kChunkBytesMax - chunk.size();
        const bool framed = framing_ == Framing::Framed;
        if (framed ? room < slip::encoded_bytes_max(kPayloadMax + 1) : room == 0) break;
        Segment& segment = segments_.front();
        const size_t length = std::min(framed ? kPayloadMax : room, segment.bytes.size() - segment.sent);
        const std::string_view payload = std::string_view(segment.bytes).substr(segment.sent, length);
        if (framed) {
            slip::encode(segment.channel, payload, chunk);
            ++frames_taken_;
        } else {
            chunk.append(payload);
        }
        segment.sent += length;
        pending_bytes_ -= length;
        pending_of_[static_cast<size_t>(segment.channel)] -= length;
        if (segment.sent == segment.bytes.size()) segments_.pop_front();
    }
    return chunk;
}

std::string OutputQueue::repeat_mark() const {
    if (framing_ == Framing::Plain) return {};
    std::string mark{static_cast<char>(slip::kEscape)};  // with the END of the next frame: a bad escape
    slip::encode(Channel::Control, "again " + std::to_string(frames_before_chunk_), mark);
    return mark;
}

}  // namespace portico::terminal
