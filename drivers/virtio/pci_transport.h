#pragma once

#include <array>

#include "drivers/virtio/transport.h"

namespace portico::virtio {

/// Where a PCI device's structures are (section 4.1.4), all in one range of its memory: offsets from its start.
struct PciLayout {
    uint32_t common = 0, notify = 0, notify_multiplier = 0, isr = 0, device = 0;
    bool messages = false;  ///< interrupts are messages (MSI-X), entry 0 of the table for all
};

/// A virtio device on PCI, as of version 1.
///
/// Ownership: borrows the mapped registers. Locks: none.
class PciTransport final : public Transport {
public:
    static constexpr uint32_t kCommonBytes = 56;
    static constexpr uint16_t kQueuesMax = 16;

    PciTransport(std::span<volatile uint8_t> registers, const PciLayout& layout) : registers_(registers), layout_(layout) {}

    /// Whether all that is accessed without further checks is inside. (Notification addresses are the device's: checked when used.)
    bool is_sound() const;

    uint8_t status() override { return read<uint8_t>(kStatus); }
    void set_status(uint8_t status) override { write<uint8_t>(kStatus, status); }
    uint64_t features() override;
    void set_features(uint64_t features) override;
    uint16_t queue_size_max(uint16_t queue) override;
    void set_queue(uint16_t queue, uint16_t size, const QueueAddresses& addresses) override;
    void notify(uint16_t queue) override;
    uint32_t take_interrupts() override { return *at<uint8_t>(layout_.isr); }  // reading acknowledges
    uint32_t configuration_generation() override { return read<uint8_t>(kGeneration); }
    void read_configuration(uint32_t offset, std::span<std::byte> bytes) override;

private:
    enum Field : uint32_t {
        kDeviceFeaturesSelect = 0,
        kDeviceFeatures = 4,
        kDriverFeaturesSelect = 8,
        kDriverFeatures = 12,
        kConfigurationVector = 16,
        kStatus = 20,
        kGeneration = 21,
        kQueueSelect = 22,
        kQueueSize = 24,
        kQueueVector = 26,
        kQueueEnable = 28,
        kQueueNotifyOffset = 30,
        kQueueDescriptors = 32,
        kQueueAvailable = 40,
        kQueueUsed = 48,
    };
    template <class T>
    volatile T* at(uint64_t offset) {
        return reinterpret_cast<volatile T*>(registers_.data() + offset);
    }
    template <class T>
    T read(Field field) {
        return *at<T>(layout_.common + field);
    }
    template <class T>
    void write(uint32_t field, T value) {
        *at<T>(layout_.common + field) = value;
    }
    void write_wide(Field field, uint64_t value);

    std::span<volatile uint8_t> registers_;
    PciLayout layout_;
    std::array<uint64_t, kQueuesMax> notify_offset_{};  // from the registers' start; 0: not set up
};

}  // namespace portico::virtio
