#pragma once

#include <atomic>
#include <cstdint>

/// The split virtqueue as it lies in memory (Virtual I/O Device 1.2, section 2.7). All is little-endian, as the machine is.
namespace portico::virtio {

inline constexpr uint16_t kDescriptorNext = 1;          ///< `next` goes on
inline constexpr uint16_t kDescriptorDeviceWrites = 2;  ///< else the device reads

struct Descriptor {
    uint64_t address;
    uint32_t length_bytes;
    uint16_t flags;
    uint16_t next;
};
static_assert(sizeof(Descriptor) == 16);

struct UsedElement {
    uint32_t id;  ///< the chain's first descriptor
    uint32_t length_bytes;
};

/// Where the three parts of a queue of `size` (a power of two) are, from its start. The device reads the first two.
struct RingLayout {
    static constexpr uint64_t kIndexOffset = 2, kEntriesOffset = 4;

    constexpr explicit RingLayout(uint16_t size)
        : available(uint64_t{size} * sizeof(Descriptor)),
          used((available + kEntriesOffset + 2 * uint64_t{size} + 2 + 3) & ~uint64_t{3}),
          bytes(used + kEntriesOffset + uint64_t{size} * sizeof(UsedElement) + 2) {}

    uint64_t available, used, bytes;
};

/// One access to memory that the device accesses, too: made once, whatever the compiler would like.
template <class T>
T load(const void* address, std::memory_order order = std::memory_order_relaxed) {
    return std::atomic_ref<T>(*static_cast<T*>(const_cast<void*>(address))).load(order);
}
template <class T>
void store(void* address, T value, std::memory_order order = std::memory_order_relaxed) {
    std::atomic_ref<T>(*static_cast<T*>(address)).store(value, order);
}

}  // namespace portico::virtio
