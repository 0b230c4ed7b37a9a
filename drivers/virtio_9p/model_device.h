#pragma once

#include <cstring>
#include <vector>

#include "drivers/virtio_9p/device.h"

namespace portico::virtio_9p {

/// A share as a driver sees one, for tests: its answer is the request turned round. Honest until it is told otherwise; it works only when
/// asked to.
class ModelDevice final : public virtio::Transport {
public:
    static constexpr uint64_t kPhysicalBase = 0x1234'5000;

    std::vector<std::byte> ram = std::vector<std::byte>(Device::kMemoryBytes);
    virtio::DeviceMemory memory() { return {.bytes = ram, .physical = kPhysicalBase}; }

    uint64_t offered = virtio::kFeatureVersion1 | 1;
    std::string tag = "name";
    uint16_t queue_size = 128;
    bool resets = true;  ///< else status never becomes 0 again
    uint32_t pending_causes = 0;

    uint8_t status() override { return status_; }
    void set_status(uint8_t status) override {
        if (status == 0) {
            seen_ = used_ = 0;
            if (!resets) return;
        }
        status_ = status;
    }
    void need_reset() {
        status_ |= virtio::kStatusNeedsReset;
        pending_causes |= virtio::kInterruptConfiguration;
    }
    uint64_t features() override { return offered; }
    void set_features(uint64_t) override {}
    uint16_t queue_size_max(uint16_t queue) override { return queue == 0 ? queue_size : uint16_t{0}; }
    void set_queue(uint16_t, uint16_t size, const QueueAddresses& addresses) override {
        size_ = size;
        addresses_ = addresses;
    }
    void notify(uint16_t) override {}
    uint32_t take_interrupts() override { return std::exchange(pending_causes, 0); }
    uint32_t configuration_generation() override { return 0; }
    void read_configuration(uint32_t offset, std::span<std::byte> bytes) override {
        std::vector<std::byte> all(2 + tag.size());
        all[0] = static_cast<std::byte>(tag.size());
        all[1] = static_cast<std::byte>(tag.size() >> 8);
        std::memcpy(all.data() + 2, tag.data(), tag.size());
        std::memcpy(bytes.data(), all.data() + offset, bytes.size());
    }

    std::byte* at(uint64_t physical) { return ram.data() + (physical - kPhysicalBase); }

    void work() {
        while (seen_ != virtio::load<uint16_t>(at(addresses_.available + 2))) {
            const auto head = virtio::load<uint16_t>(at(addresses_.available + 4 + 2 * (seen_++ % size_)));
            virtio::Descriptor request, answer;
            std::memcpy(&request, at(addresses_.descriptors + head * sizeof request), sizeof request);
            std::memcpy(&answer, at(addresses_.descriptors + request.next * sizeof answer), sizeof answer);
            const uint32_t count = std::min(request.length_bytes, answer.length_bytes);
            for (uint32_t i = 0; i < count; ++i) *at(answer.address + i) = *at(request.address + request.length_bytes - 1 - i);
            end(head, count);
        }
    }
    void end(uint32_t id, uint32_t length_bytes) {
        const virtio::UsedElement element{id, length_bytes};
        std::memcpy(at(addresses_.used + 4 + sizeof element * (used_++ % size_)), &element, sizeof element);
        virtio::store<uint16_t>(at(addresses_.used + 2), used_);
        pending_causes |= virtio::kInterruptUsed;
    }

private:
    uint8_t status_ = 0;
    uint16_t size_ = 1, seen_ = 0, used_ = 0;
    QueueAddresses addresses_{};
};

}  // namespace portico::virtio_9p
