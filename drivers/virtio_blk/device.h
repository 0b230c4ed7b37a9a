#pragma once

#include <array>
#include <optional>
#include <span>
#include <vector>

#include "drivers/virtio/set_up.h"
#include "drivers/virtio_blk/format.h"

namespace portico::virtio_blk {

using virtio::DeviceMemory;

/// One virtio disk: set-up, requests, their ends, and what is done about a device that lies or hangs.
///
///     off ──start()──▶ running ──breaks the protocol, asks for it, or a request is too old──▶ reset, all requests fail with IoError,
///      ▲                  ▲──────────────────────── running again ◀───────────────────────────┘
///      └── reset fails, or kResetsMax of them: every request gets NoDevice
///
/// Data goes through slots, pieces of the device memory: a request owns one until the device has ended it or was reset, so nothing the
/// device may still write is ever used for something else.
///
/// Ownership: borrows transport and memory. Locks: none. Bound: kSlots requests; loops over the device are bounded by what is with it.
class Device {
public:
    static constexpr unsigned kSlots = 16;
    static constexpr uint64_t kSlotBytes = 64 << 10;
    static constexpr unsigned kQueuesMax = 4;
    static constexpr uint16_t kQueueSizeMax = 64;
    static constexpr uint64_t kPageBytes = 4096;
    /// A page for each ring, one for headers and states, then the slots.
    static constexpr uint64_t kMemoryBytes = (kQueuesMax + 1) * kPageBytes + kSlots * kSlotBytes;
    static constexpr unsigned kResetsMax = 16;

    struct Geometry {
        uint64_t size_bytes = 0;
        uint64_t sector_bytes = kSectorBytes;
        uint32_t discard_bytes_max = 0;  ///< 0: no discard
        bool read_only = false;
        bool flush = false;
        bool operator==(const Geometry&) const = default;
    };
    struct Request {
        RequestType type = RequestType::Read;
        uint64_t position_bytes = 0;
        uint64_t length_bytes = 0;  ///< of data in the slot; of Discard, to be discarded
    };
    struct Ended {
        unsigned slot = 0;
        Result<> outcome;
    };

    Device(virtio::Transport& transport, const DeviceMemory& memory, uint64_t timeout_ns);

    /// Resets the device and sets it up; again after a predecessor, whatever that left. False: it cannot be used, and is off.
    bool start();
    bool running() const { return running_; }
    const Geometry& geometry() const { return geometry_; }
    unsigned queue_count() const { return queue_count_; }
    unsigned resets() const { return resets_; }

    std::span<std::byte> data(unsigned slot) { return memory_.bytes.subspan(kDataOffset + slot * kSlotBytes, kSlotBytes); }

    /// Gives the device a request in a slot that has none. The caller sees to it that it fits the geometry. Errors: NoDevice.
    Result<> submit(unsigned slot, const Request& request, uint64_t now_ns);

    /// Takes up what the device has done. Every submitted slot comes back once. `ended` is filled anew.
    void service(uint64_t now_ns, std::vector<Ended>& ended);
    unsigned pending() const { return pending_; }

private:
    static constexpr uint64_t kControlOffset = kQueuesMax * kPageBytes, kControlBytes = 64, kStatusAt = 32;
    static constexpr uint64_t kDataOffset = kControlOffset + kPageBytes;
    static_assert(kSlots * kControlBytes <= kPageBytes);
    static_assert(virtio::RingLayout(kQueueSizeMax).bytes <= kPageBytes);
    static_assert(kQueueSizeMax >= 3 * kSlots, "a full set of requests fits in one queue");

    struct Slot {
        bool pending = false;
        RequestType type = RequestType::Read;
        uint64_t length_bytes = 0;
        uint64_t submitted_ns = 0;
    };

    bool set_up();
    bool set_up_queues(uint64_t features);
    bool read_geometry(uint64_t features);
    std::byte* control(unsigned slot) { return memory_.bytes.data() + kControlOffset + slot * kControlBytes; }
    Result<> outcome_of(unsigned slot, uint32_t length_bytes);
    bool is_too_old(uint64_t now_ns) const;
    void start_over(std::vector<Ended>& ended);

    virtio::Transport& transport_;
    DeviceMemory memory_;
    uint64_t timeout_ns_;
    uint64_t features_ = 0;
    Geometry geometry_;
    std::array<std::optional<virtio::Virtqueue>, kQueuesMax> queues_;
    std::array<Slot, kSlots> slots_{};
    unsigned queue_count_ = 0;
    unsigned next_queue_ = 0;
    unsigned pending_ = 0;
    unsigned resets_ = 0;
    bool running_ = false;
};

}  // namespace portico::virtio_blk
