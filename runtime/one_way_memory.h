#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "libs/result.h"

/// Memory that two processes share, each piece of which only one of them writes. What heap and stream are made of.
///
/// Either side makes a piece of its own and gives the other a handle to read it. So nothing that a process wrote can be changed by
/// its peer, and the only thing it must never trust is what it reads in the peer's piece: that may change at any moment, and say
/// anything. The pieces only ever grow (abi::MemoryFlags::GrowOnly), so a peer cannot make a reader fault by taking pages away.
namespace portico::ipc {

/// The piece that this side writes.
class OwnMemory {
public:
    OwnMemory(std::byte* base, uint64_t size_bytes, uint64_t bytes_max) : base_(base), size_bytes_(size_bytes), bytes_max_(bytes_max) {}
    OwnMemory(const OwnMemory&) = delete;
    OwnMemory& operator=(const OwnMemory&) = delete;
    virtual ~OwnMemory() = default;

    std::byte* base() const { return base_; }
    uint64_t size_bytes() const { return size_bytes_; }
    uint64_t bytes_max() const { return bytes_max_; }  ///< how far it may grow; addresses are set aside for so much

    /// Errors: TooLarge beyond bytes_max, NoMemory.
    Result<> grow(uint64_t size_bytes) {
        if (size_bytes > bytes_max_) return fail(Error::TooLarge);
        TRY(resize(size_bytes));
        size_bytes_ = size_bytes;
        return {};
    }

private:
    virtual Result<> resize(uint64_t size_bytes) = 0;

    std::byte* base_;
    uint64_t size_bytes_;
    uint64_t bytes_max_;
};

/// The piece that the other side writes.
class PeerMemory {
public:
    PeerMemory(const std::byte* base, uint64_t bytes_max) : base_(base), bytes_max_(bytes_max) {}
    PeerMemory(const PeerMemory&) = delete;
    PeerMemory& operator=(const PeerMemory&) = delete;
    virtual ~PeerMemory() = default;

    const std::byte* base() const { return base_; }

    /// Whether these bytes can be read without a fault. Asks for the size again if it was smaller when last asked.
    bool covers(uint64_t offset, uint64_t length_bytes) {
        if (offset > bytes_max_ || length_bytes > bytes_max_ - offset) return false;
        if (offset + length_bytes > size_bytes_) size_bytes_ = query_size();
        return offset + length_bytes <= size_bytes_;
    }

private:
    virtual uint64_t query_size() = 0;

    const std::byte* base_;
    uint64_t bytes_max_;  ///< as far as it is mapped here
    uint64_t size_bytes_ = 0;
};

/// Copies out of memory that the peer may be changing. The compiler must not look there again for what it finds in the copy:
/// what was checked and what is used must be the same bytes.
inline void copy_once(void* to, const void* from, size_t length_bytes) {
    if (length_bytes == 0) return;
    std::memcpy(to, from, length_bytes);
    asm volatile("" : : "r"(to) : "memory");
}

/// A number in shared memory; one side stores it, the other loads it.
template <class T>
T load_acquire(const T& shared) {
    return std::atomic_ref<T>(const_cast<T&>(shared)).load(std::memory_order_acquire);
}
template <class T>
T load_relaxed(const T& shared) {
    return std::atomic_ref<T>(const_cast<T&>(shared)).load(std::memory_order_relaxed);
}
template <class T>
void store_release(T& shared, T value) {
    std::atomic_ref<T>(shared).store(value, std::memory_order_release);
}
template <class T>
void store_relaxed(T& shared, T value) {
    std::atomic_ref<T>(shared).store(value, std::memory_order_relaxed);
}

}  // namespace portico::ipc
