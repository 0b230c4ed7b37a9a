#include "servers/terminal/slip.h"

namespace portico::terminal {

namespace slip {

void encode(protocols::host_link::Channel channel, std::string_view payload, std::string& out) {
    const auto append = [&out](uint8_t byte) {
        if (byte == kEnd || byte == kEscape) {
            out.push_back(static_cast<char>(kEscape));
            byte = byte == kEnd ? kEscapedEnd : kEscapedEscape;
        }
        out.push_back(static_cast<char>(byte));
    };
    out.push_back(static_cast<char>(kEnd));
    append(static_cast<uint8_t>(channel));
    for (const char c : payload) append(static_cast<uint8_t>(c));
    out.push_back(static_cast<char>(kEnd));
}

}  // namespace slip

void SlipDecoder::add(uint8_t byte) {
    if (frame_.size() == protocols::host_link::kFrameBytesMax)
        damaged_ = true;
    else
        frame_.push_back(byte);
}

bool SlipDecoder::push(uint8_t byte) {
    if (ended_) {
        frame_.clear();
        ended_ = false;
    }
    if (byte == slip::kEnd) {
        const bool damaged = damaged_ || escaped_;
        damaged_ = escaped_ = false;
        ended_ = true;
        if (damaged) ++dropped_frames_;
        return !damaged && !frame_.empty();
    }
    if (escaped_) {
        escaped_ = false;
        if (byte == slip::kEscapedEnd)
            add(slip::kEnd);
        else if (byte == slip::kEscapedEscape)
            add(slip::kEscape);
        else
            damaged_ = true;
    } else if (byte == slip::kEscape) {
        escaped_ = true;
    } else {
        add(byte);
    }
    return false;
}

}  // namespace portico::terminal
