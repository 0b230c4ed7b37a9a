#include "drivers/virtio_blk/device.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace portico::virtio_blk {

using namespace virtio;

namespace {

constexpr unsigned kConfigurationTriesMax = 16;
constexpr uint64_t kSizeBytesMax = uint64_t{1} << 62;

template <class T>
T configured(Transport& transport, uint32_t offset) {
    T value{};
    transport.read_configuration(offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
}

}  // namespace

Device::Device(Transport& transport, const DeviceMemory& memory, uint64_t timeout_ns)
    : transport_(transport), memory_(memory), timeout_ns_(timeout_ns) {}

bool Device::start() {
    running_ = memory_.bytes.size() >= kMemoryBytes && reset(transport_) && set_up();
    if (!running_) (void)reset(transport_);
    return running_;
}

bool Device::set_up() {
    constexpr uint64_t kWanted = kFeatureReadOnly | kFeatureSectorSize | kFeatureFlush | kFeatureQueues | kFeatureDiscard;
    const std::optional<uint64_t> features = negotiate(transport_, kWanted);
    if (!features) return false;
    features_ = *features;
    if (!read_geometry(features_) || !set_up_queues(features_)) {
        give_up(transport_);
        return false;
    }
    go_on(transport_);
    return true;
}

bool Device::read_geometry(uint64_t features) {
    Geometry geometry;
    for (unsigned tries = 0;; ++tries) {
        if (tries == kConfigurationTriesMax) return false;
        const uint32_t generation = transport_.configuration_generation();
        const auto sectors = configured<uint64_t>(transport_, kCapacityOffset);
        const bool tells_sector = (features & kFeatureSectorSize) != 0, discards = (features & kFeatureDiscard) != 0;
        const uint64_t sector_bytes = tells_sector ? configured<uint32_t>(transport_, kSectorSizeOffset) : kSectorBytes;
        const uint64_t discard_sectors = discards ? configured<uint32_t>(transport_, kDiscardSectorsMaxOffset) : 0;
        if (transport_.configuration_generation() != generation) continue;
        if (!std::has_single_bit(sector_bytes) || sector_bytes < kSectorBytes || sector_bytes > kSlotBytes) return false;
        if (sectors > kSizeBytesMax / kSectorBytes) return false;
        geometry.sector_bytes = sector_bytes;
        geometry.size_bytes = sectors * kSectorBytes & ~(sector_bytes - 1);
        const uint64_t discard_bytes = std::min<uint64_t>(discard_sectors * kSectorBytes, uint64_t{1} << 30);
        geometry.discard_bytes_max = static_cast<uint32_t>(discard_bytes & ~(sector_bytes - 1));
        break;
    }
    geometry.read_only = (features & kFeatureReadOnly) != 0;
    geometry.flush = (features & kFeatureFlush) != 0;
    geometry_ = geometry;
    return true;
}

bool Device::set_up_queues(uint64_t features) {
    const unsigned offered = (features & kFeatureQueues) != 0 ? configured<uint16_t>(transport_, kQueueCountOffset) : 1;
    queue_count_ = 0;
    for (; queue_count_ < std::min(offered, kQueuesMax); ++queue_count_) {
        const auto queue = static_cast<uint16_t>(queue_count_);
        constexpr uint16_t kSizeMin = 4;  // one request needs three descriptors
        std::optional<Virtqueue> made = set_up_queue(transport_, queue, memory_, queue * kPageBytes, kSizeMin, kQueueSizeMax);
        if (!made) break;
        queues_[queue].emplace(std::move(*made));
    }
    next_queue_ = 0;
    return queue_count_ > 0;
}

Result<> Device::submit(unsigned slot, const Request& request, uint64_t now_ns) {
    if (!running_) return fail(Error::NoDevice);
    const bool flushes = request.type == RequestType::Flush, discards = request.type == RequestType::Discard;
    const RequestHeader header{.type = request.type, .sector = flushes || discards ? 0 : request.position_bytes / kSectorBytes};
    std::memcpy(control(slot), &header, sizeof header);
    store(control(slot) + kStatusAt, kNoStatus);
    uint64_t data_bytes = flushes ? 0 : request.length_bytes;
    if (discards) {
        const DiscardRange range{.sector = request.position_bytes / kSectorBytes,
                                 .sector_count = static_cast<uint32_t>(request.length_bytes / kSectorBytes)};
        std::memcpy(data(slot).data(), &range, sizeof range);
        data_bytes = sizeof range;
    }
    const uint64_t control_physical = memory_.physical + kControlOffset + slot * kControlBytes;
    std::array<Virtqueue::Piece, 3> pieces;
    size_t count = 0;
    pieces[count++] = {.physical = control_physical, .length_bytes = sizeof header};
    if (data_bytes != 0)
        pieces[count++] = {.physical = memory_.physical + kDataOffset + slot * kSlotBytes,
                           .length_bytes = static_cast<uint32_t>(data_bytes),
                           .device_writes = request.type == RequestType::Read};
    pieces[count++] = {.physical = control_physical + kStatusAt, .length_bytes = 1, .device_writes = true};

    Result<> added = fail(Error::WouldBlock);
    unsigned queue = next_queue_;
    for (unsigned tried = 0; !added && tried < queue_count_; ++tried) {
        queue = (next_queue_ + tried) % queue_count_;
        added = queues_[queue]->add({pieces.data(), count}, slot);
    }
    TRY(added);
    next_queue_ = (queue + 1) % queue_count_;
    slots_[slot] = {.pending = true, .type = request.type, .length_bytes = data_bytes, .submitted_ns = now_ns};
    ++pending_;
    if (queues_[queue]->publish()) transport_.notify(static_cast<uint16_t>(queue));
    return {};
}

Result<> Device::outcome_of(unsigned slot, uint32_t length_bytes) {
    const auto status = load<uint8_t>(control(slot) + kStatusAt);
    // What it says it wrote must be the data and the state; old devices count less, so only a read is held to it.
    const bool is_short = slots_[slot].type == RequestType::Read && length_bytes < slots_[slot].length_bytes;
    if (status == kDone) return is_short ? fail(Error::IoError) : Result<>{};
    return fail(status == kUnsupported ? Error::NotSupported : Error::IoError);
}

void Device::service(uint64_t now_ns, std::vector<Ended>& ended) {
    ended.clear();
    if (!running_) return;
    const uint32_t causes = transport_.take_interrupts();
    bool sound = true;
    for (unsigned i = 0; i < queue_count_ && sound; ++i) {
        for (;;) {
            const auto used = queues_[i]->take();
            sound = used.has_value();
            if (!used || !*used) break;
            const auto slot = static_cast<unsigned>((*used)->owner);
            ended.push_back({.slot = slot, .outcome = outcome_of(slot, (*used)->length_bytes)});
            slots_[slot].pending = false;
            --pending_;
        }
    }
    if ((causes & kInterruptConfiguration) != 0) {
        if ((transport_.status() & kStatusNeedsReset) != 0) sound = false;
        if (sound && !read_geometry(features_)) sound = false;
    }
    if (!sound || is_too_old(now_ns)) start_over(ended);
}

bool Device::is_too_old(uint64_t now_ns) const {
    return pending_ > 0 &&
           std::ranges::any_of(slots_, [&](const Slot& slot) { return slot.pending && now_ns - slot.submitted_ns > timeout_ns_; });
}

void Device::start_over(std::vector<Ended>& ended) {
    // Only after the reset has the device let go of the slots. If it does not reset, they are never used again: the device is off.
    running_ = false;
    if (++resets_ <= kResetsMax) (void)start();
    for (unsigned slot = 0; slot < kSlots; ++slot) {
        if (!std::exchange(slots_[slot].pending, false)) continue;
        ended.push_back({.slot = slot, .outcome = fail(running_ ? Error::IoError : Error::NoDevice)});
    }
    pending_ = 0;
}

}  // namespace portico::virtio_blk
