#include "drivers/virtio/set_up.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace portico::virtio {

namespace {

constexpr unsigned kResetLooksMax = 100'000;  // a device that does not end its reset meanwhile never will
constexpr uint8_t kNegotiated = kStatusAcknowledge | kStatusDriver | kStatusFeaturesOk;
constexpr uint64_t kPageBytes = 4096;

}  // namespace

bool reset(Transport& transport) {
    transport.set_status(0);
    for (unsigned i = 0; i < kResetLooksMax; ++i)
        if (transport.status() == 0) return true;
    return false;
}

std::optional<uint64_t> negotiate(Transport& transport, uint64_t wanted) {
    transport.set_status(kStatusAcknowledge);
    transport.set_status(kStatusAcknowledge | kStatusDriver);
    const uint64_t offered = transport.features();
    if ((offered & kFeatureVersion1) == 0) return std::nullopt;
    const uint64_t features = offered & (wanted | kFeatureVersion1);
    transport.set_features(features);
    transport.set_status(kNegotiated);
    if ((transport.status() & kStatusFeaturesOk) == 0) return std::nullopt;
    return features;
}

void go_on(Transport& transport) {
    transport.set_status(kNegotiated | kStatusDriverOk);
}

void give_up(Transport& transport) {
    transport.set_status(kNegotiated | kStatusFailed);
}

std::optional<Virtqueue> set_up_queue(Transport& transport, uint16_t queue, const DeviceMemory& memory, uint64_t offset, uint16_t size_min,
                                      uint16_t size_max) {
    const uint16_t size = std::min(std::bit_floor(transport.queue_size_max(queue)), size_max);
    if (size < size_min) return std::nullopt;
    const RingLayout layout(size);
    const std::span<std::byte> ring = memory.bytes.subspan(offset, kPageBytes);
    std::memset(ring.data(), 0, ring.size());
    const uint64_t physical = memory.physical + offset;
    transport.set_queue(queue, size, {.descriptors = physical, .available = physical + layout.available, .used = physical + layout.used});
    return Virtqueue(ring.first(layout.bytes), size);
}

}  // namespace portico::virtio
