#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace portico::uart {

/// Received bytes nobody has read yet, in order.
///
/// Ownership: holds copies. Locks: none. Bound: kBytesMax; the device is not read while it is full.
class ReceiveBuffer {
public:
    static constexpr size_t kBytesMax = 4096;
    static_assert((kBytesMax & (kBytesMax - 1)) == 0, "positions wrap by masking");

    size_t size() const { return head_ - tail_; }
    bool empty() const { return head_ == tail_; }
    bool full() const { return size() == kBytesMax; }

    /// False if full.
    bool push(uint8_t byte) {
        if (full()) return false;
        bytes_[head_++ & (kBytesMax - 1)] = byte;
        return true;
    }

    /// Copies the oldest bytes without taking them; tells how many.
    size_t peek(std::span<uint8_t> to) const {
        const size_t count = std::min(to.size(), size());
        for (size_t i = 0; i < count; ++i) to[i] = bytes_[(tail_ + i) & (kBytesMax - 1)];
        return count;
    }

    void consume(size_t count) { tail_ += std::min(count, size()); }

private:
    std::array<uint8_t, kBytesMax> bytes_{};
    size_t head_ = 0;  // both only grow; their difference is the size
    size_t tail_ = 0;
};

}  // namespace portico::uart
