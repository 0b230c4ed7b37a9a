#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "posix/heap.h"

namespace portico::posix {

/// An array for the time of one call: on the stack for the usual few elements, else on the heap. Not cleared.
///
/// Ownership: frees its heap block. Without memory it is false and empty.
template <class T, uint32_t kInline>
class ScratchArray {
public:
    explicit ScratchArray(uint64_t count) : count_(count) {
        if (count > kInline) block_ = static_cast<T*>(heap::allocate(count * sizeof(T)));
    }
    ScratchArray(const ScratchArray&) = delete;
    ScratchArray& operator=(const ScratchArray&) = delete;
    ~ScratchArray() { heap::release(block_); }

    explicit operator bool() const { return count_ <= kInline || block_ != nullptr; }
    std::span<T> all() const { return {count_ <= kInline ? inline_.data() : block_, count_}; }

private:
    uint64_t count_;
    T* block_ = nullptr;
    mutable std::array<T, kInline> inline_;
};

}  // namespace portico::posix
