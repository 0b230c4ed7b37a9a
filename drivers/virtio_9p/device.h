#pragma once

#include <optional>
#include <string>

#include "drivers/virtio/set_up.h"

namespace portico::virtio_9p {

inline constexpr uint32_t kDeviceId = 9;  ///< of virtio (9P transport)

/// One share: a device that takes a 9P message and gives the answer to it. What is in the messages is not looked at here.
///
///     off ──start()──▶ ready ──submit()──▶ with the device ──▶ ready
///      ▲                 ▲                    └── it breaks the protocol, or takes too long: reset, a new session ──▶ ready
///      └── the reset fails, or kResetsMax of them: every exchange gets NoDevice
///
/// A session ends with a reset, and with it all that the server behind the device knew of us.
///
/// Ownership: borrows transport and memory. Locks: none. Bound: one exchange; loops over the device are bounded by what is with it.
class Device {
public:
    static constexpr uint64_t kPageBytes = 4096;
    static constexpr uint64_t kMessageBytesMax = 65 * kPageBytes;  ///< each way: 64 pages of a file, and what is around them
    static constexpr uint64_t kMemoryBytes = kPageBytes + 2 * kMessageBytesMax;
    static constexpr unsigned kResetsMax = 16;
    static constexpr uint32_t kTagBytesMax = 255;

    Device(virtio::Transport& transport, const virtio::DeviceMemory& memory, uint64_t timeout_ns)
        : transport_(transport), memory_(memory), timeout_ns_(timeout_ns) {}

    /// Resets the device and sets it up; again after a predecessor, whatever that left. False: it cannot be used, and is off.
    bool start();
    bool running() const { return running_; }
    const std::string& tag() const { return tag_; }  ///< what the host calls it
    unsigned resets() const { return resets_; }

    /// Where the request is put before submit, and where the answer is after it. The device may change the second one at any time.
    std::span<std::byte> request() { return memory_.bytes.subspan(kPageBytes, kMessageBytesMax); }
    std::span<std::byte> answer() { return memory_.bytes.subspan(kPageBytes + kMessageBytesMax, kMessageBytesMax); }

    /// Gives the device a request; the one before has ended. Errors: NoDevice.
    Result<> submit(uint32_t request_bytes, uint32_t answer_bytes_max, uint64_t now_ns);
    bool pending() const { return pending_; }

    /// Takes up what the device has done: how long the answer is, or IoError if it was reset instead. Nothing while it is at work.
    std::optional<Result<uint32_t>> service(uint64_t now_ns);

private:
    bool set_up();
    bool read_tag();
    std::optional<Result<uint32_t>> start_over();

    virtio::Transport& transport_;
    virtio::DeviceMemory memory_;
    uint64_t timeout_ns_;
    std::optional<virtio::Virtqueue> queue_;
    std::string tag_;
    uint64_t submitted_ns_ = 0;
    unsigned resets_ = 0;
    bool running_ = false, pending_ = false;
};

}  // namespace portico::virtio_9p
