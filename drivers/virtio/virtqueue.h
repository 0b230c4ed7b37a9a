#pragma once

#include <optional>
#include <span>
#include <vector>

#include "drivers/virtio/split_ring.h"
#include "libs/result.h"

namespace portico::virtio {

/// The driver's side of one split virtqueue.
///
/// What the driver knows of its chains is in its own memory; of what the device can change, only the used ring is read, each value once,
/// and nothing in it is believed: a device that names a chain which is not its, or moves its index by more than it has, is broken.
///
/// Ownership: borrows the ring's memory, which the device accesses by physical address.
/// Locks:     none. Bound: `size` descriptors.
class Virtqueue {
public:
    static constexpr uint16_t kSizeMax = 256;
    static constexpr uint64_t kNobody = ~uint64_t{0};

    struct Piece {
        uint64_t physical = 0;
        uint32_t length_bytes = 0;
        bool device_writes = false;
    };
    struct Used {
        uint64_t owner = 0;
        uint32_t length_bytes = 0;  ///< that the device says it wrote: at most what it was given to write
    };

    /// `memory` is RingLayout(size).bytes, all zeros, 16-byte aligned. `size` is a power of two, at most kSizeMax.
    Virtqueue(std::span<std::byte> memory, uint16_t size);

    /// Gives the device a chain; those that it reads come first. `owner` is what `take` tells when it comes back. Errors: WouldBlock (too
    /// few descriptors are free), InvalidArgument (no pieces).
    Result<> add(std::span<const Piece> pieces, uint64_t owner);
    /// Shows the device what was added; true: it wants to be told.
    bool publish();

    /// A chain that the device has done with, if there is one. Errors: BadProtocol: the device is broken; nothing more comes from it.
    Result<std::optional<Used>> take();

    uint16_t size() const { return size_; }
    uint16_t free_count() const { return free_count_; }
    uint16_t pending() const { return size_ - free_count_; }  ///< descriptors that are with the device
    bool broken() const { return broken_; }

private:
    /// What the driver knows of a descriptor; of a chain the first one counts.
    struct Shadow {
        uint64_t owner = kNobody;  ///< kNobody: not the first of a chain that is with the device
        uint32_t writable_bytes = 0;
        uint16_t next = 0;
        uint16_t count = 0;
    };

    std::byte* descriptor(uint16_t index) { return memory_.data() + index * sizeof(Descriptor); }
    Result<std::optional<Used>> refuse();

    std::span<std::byte> memory_;
    RingLayout layout_;
    uint16_t size_;
    uint16_t free_count_;
    uint16_t first_free_ = 0;
    uint16_t available_index_ = 0;  // as it will be published
    uint16_t published_index_ = 0;
    uint16_t used_index_ = 0;  // taken so far
    bool broken_ = false;
    std::vector<Shadow> shadow_;
};

}  // namespace portico::virtio
