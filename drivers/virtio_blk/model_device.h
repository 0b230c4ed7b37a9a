#pragma once

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "drivers/virtio_blk/device.h"

namespace portico::virtio_blk {

/// A disk as a driver sees one, for tests: honest until it is told otherwise. It works only when asked to (`work`).
class ModelDevice final : public virtio::Transport {
public:
    static constexpr uint64_t kPhysicalBase = 0x1234'5000;

    explicit ModelDevice(uint64_t size_bytes) : disk(size_bytes), ram(Device::kMemoryBytes) {}

    std::vector<std::byte> disk;
    std::vector<std::byte> ram;
    DeviceMemory memory() { return {.bytes = ram, .physical = kPhysicalBase}; }

    // What it offers and how it behaves.
    uint64_t offered = virtio::kFeatureVersion1 | kFeatureFlush;
    uint32_t sector_bytes = 512;
    uint16_t queues = 1, queue_size = 128;
    bool resets = true;             ///< else status never becomes 0 again
    uint64_t bad_position = ~0ull;  ///< requests for this fail
    unsigned generation_changes = 0;
    unsigned flushes = 0, resets_seen = 0;
    uint32_t pending_causes = 0;
    uint64_t discarded_bytes = 0;

    uint8_t status() override { return status_; }
    void set_status(uint8_t status) override {
        if (status == 0) {
            ++resets_seen;
            rings_.clear();
            if (!resets) return;
        }
        status_ = status;
    }
    void need_reset() {
        status_ |= virtio::kStatusNeedsReset;
        pending_causes |= virtio::kInterruptConfiguration;
    }
    uint64_t features() override { return offered; }
    void set_features(uint64_t features) override { accepted = features; }
    uint64_t accepted = 0;
    uint16_t queue_size_max(uint16_t queue) override { return queue < queues ? queue_size : uint16_t{0}; }
    void set_queue(uint16_t queue, uint16_t size, const QueueAddresses& addresses) override { rings_[queue] = {size, addresses}; }
    void notify(uint16_t) override { ++notified; }
    unsigned notified = 0;
    uint32_t take_interrupts() override { return std::exchange(pending_causes, 0); }
    uint32_t configuration_generation() override { return generation_changes > 0 ? generation_changes-- : 0; }
    void read_configuration(uint32_t offset, std::span<std::byte> bytes) override {
        std::array<std::byte, 64> all{};
        const uint64_t sectors = disk.size() / 512;
        const uint32_t discard_max = 64;
        std::memcpy(&all[kCapacityOffset], &sectors, 8);
        std::memcpy(&all[kSectorSizeOffset], &sector_bytes, 4);
        std::memcpy(&all[kQueueCountOffset], &queues, 2);
        std::memcpy(&all[kDiscardSectorsMaxOffset], &discard_max, 4);
        std::memcpy(bytes.data(), &all[offset], bytes.size());
    }

    struct Ring {
        uint16_t size = 0;
        QueueAddresses addresses{};
        uint16_t seen = 0, used = 0;
    };
    std::map<uint16_t, Ring>& rings() { return rings_; }
    std::byte* at(uint64_t physical) { return ram.data() + (physical - kPhysicalBase); }

    /// Takes up all requests; `newest_first`: and ends them the other way round.
    void work(bool newest_first = false) {
        for (auto& [number, ring] : rings_) {
            std::vector<std::pair<uint16_t, uint32_t>> ended;
            while (ring.seen != virtio::load<uint16_t>(at(ring.addresses.available + 2))) {
                const auto head = virtio::load<uint16_t>(at(ring.addresses.available + 4 + 2 * (ring.seen++ % ring.size)));
                ended.emplace_back(head, perform(ring, head));
            }
            if (newest_first) std::reverse(ended.begin(), ended.end());
            for (const auto& [head, bytes] : ended) end(ring, head, bytes);
        }
    }
    void end(Ring& ring, uint32_t id, uint32_t length_bytes) {
        const virtio::UsedElement element{id, length_bytes};
        std::memcpy(at(ring.addresses.used + 4 + sizeof element * (ring.used++ % ring.size)), &element, sizeof element);
        virtio::store<uint16_t>(at(ring.addresses.used + 2), ring.used);
        pending_causes |= virtio::kInterruptUsed;
    }

private:
    uint32_t perform(const Ring& ring, uint16_t head) {
        std::vector<virtio::Descriptor> chain;
        for (uint16_t index = head;; index = chain.back().next) {
            virtio::Descriptor descriptor;
            std::memcpy(&descriptor, at(ring.addresses.descriptors + index * sizeof descriptor), sizeof descriptor);
            chain.push_back(descriptor);
            if ((descriptor.flags & virtio::kDescriptorNext) == 0) break;
        }
        RequestHeader header;
        std::memcpy(&header, at(chain.front().address), sizeof header);
        uint8_t state = kDone;
        uint32_t written = 1;
        const uint64_t position = header.sector * kSectorBytes;
        for (size_t i = 1; i + 1 < chain.size(); ++i) {
            const virtio::Descriptor& data = chain[i];
            if (header.type == RequestType::Discard) {
                DiscardRange range;
                std::memcpy(&range, at(data.address), sizeof range);
                discarded_bytes += uint64_t{range.sector_count} * kSectorBytes;
                continue;
            }
            if (position > disk.size() || data.length_bytes > disk.size() - position || position == bad_position) {
                state = kFailed;
            } else if (header.type == RequestType::Read) {
                std::memcpy(at(data.address), &disk[position], data.length_bytes);
                written += data.length_bytes;
            } else {
                std::memcpy(&disk[position], at(data.address), data.length_bytes);
            }
        }
        if (header.type == RequestType::Flush) ++flushes;
        std::memcpy(at(chain.back().address), &state, 1);
        return written;
    }

    uint8_t status_ = 0;
    std::map<uint16_t, Ring> rings_;
};

}  // namespace portico::virtio_blk
