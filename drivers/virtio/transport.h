#pragma once

#include <cstdint>
#include <span>

#include "libs/result.h"

/// How a driver reaches a virtio device (Virtual I/O Device 1.2): the same operations over memory-mapped registers, PCI, or a model in
/// tests.
namespace portico::virtio {

inline constexpr uint8_t kStatusAcknowledge = 1, kStatusDriver = 2, kStatusDriverOk = 4, kStatusFeaturesOk = 8, kStatusNeedsReset = 64,
                         kStatusFailed = 128;
inline constexpr uint64_t kFeatureVersion1 = uint64_t{1} << 32;
inline constexpr uint32_t kInterruptUsed = 1, kInterruptConfiguration = 2;

class Transport {
public:
    struct QueueAddresses {
        uint64_t descriptors, available, used;  ///< physical
    };

    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    virtual uint8_t status() = 0;
    virtual void set_status(uint8_t status) = 0;  ///< 0 resets; it is done when status() is 0
    virtual uint64_t features() = 0;
    virtual void set_features(uint64_t features) = 0;
    virtual uint16_t queue_size_max(uint16_t queue) = 0;  ///< 0: there is no such queue
    virtual void set_queue(uint16_t queue, uint16_t size, const QueueAddresses& addresses) = 0;
    virtual void notify(uint16_t queue) = 0;
    virtual uint32_t take_interrupts() = 0;  ///< kInterrupt… bits since the last time
    virtual uint32_t configuration_generation() = 0;
    virtual void read_configuration(uint32_t offset, std::span<std::byte> bytes) = 0;
};

}  // namespace portico::virtio
