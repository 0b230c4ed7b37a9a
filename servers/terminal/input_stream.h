#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace portico::terminal {

/// Standard input that is no terminal: bytes from the host, which sends no more than it has credit for.
///
/// Ownership: copies. Locks: none. Bound: kBytesMax, buffered and granted together.
class InputStream {
public:
    static constexpr size_t kBytesMax = 4096;

    /// Credit to send to the host now, 0 for none. Small amounts are saved up: as long as they are, there are more bytes to read
    /// or more that the host may send, so nothing waits for them.
    size_t take_credit() {
        const size_t room = kBytesMax - buffered_.size() - granted_;
        if (ended_ || room < kBytesMax / 2) return 0;
        granted_ += room;
        return room;
    }

    /// Takes bytes from the host; what exceeds its credit is dropped. Tells how many were.
    size_t receive(std::span<const uint8_t> bytes) {
        const size_t taken = std::min(bytes.size(), granted_);
        buffered_.append(reinterpret_cast<const char*>(bytes.data()), taken);
        granted_ -= taken;
        return bytes.size() - taken;
    }

    void end() { ended_ = true; }
    bool ended() const { return ended_; }

    /// A read would not wait: there are bytes, or no more will come.
    bool readable() const { return !buffered_.empty() || ended_; }
    size_t size() const { return buffered_.size(); }
    std::string peek(size_t length_max) const { return buffered_.substr(0, length_max); }
    void consume(size_t count) { buffered_.erase(0, count); }

private:
    std::string buffered_;
    size_t granted_ = 0;  // what the host may still send
    bool ended_ = false;
};

}  // namespace portico::terminal
