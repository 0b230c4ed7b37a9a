#pragma once

#include <optional>

#include "drivers/virtio/transport.h"
#include "drivers/virtio/virtqueue.h"

/// What every driver does with its device first (section 3.1.1).
namespace portico::virtio {

/// Memory that the device reaches, too: where the driver has it, and where the device.
struct DeviceMemory {
    std::span<std::byte> bytes;
    uint64_t physical = 0;
};

/// False: the device does not end its reset.
bool reset(Transport& transport);

/// From reset to the agreed features: those of `wanted` that are offered. Nothing: the device is older than version 1, or does not agree.
std::optional<uint64_t> negotiate(Transport& transport, uint64_t wanted);

/// The queues are set up: the device may work. Or: it is given up.
void go_on(Transport& transport);
void give_up(Transport& transport);

/// Sets up a queue at the start of a page of its own, `offset` bytes in the memory. Nothing if it would have fewer than `size_min`
/// descriptors.
std::optional<Virtqueue> set_up_queue(Transport& transport, uint16_t queue, const DeviceMemory& memory, uint64_t offset, uint16_t size_min,
                                      uint16_t size_max);

}  // namespace portico::virtio
