#pragma once

#include "drivers/virtio/transport.h"

namespace portico::virtio {

/// A virtio device with memory-mapped registers, version 2 (section 4.2.2).
///
/// Ownership: borrows the mapped registers. Locks: none.
class MmioTransport final : public Transport {
public:
    static constexpr uint64_t kBytes = 0x200;

    explicit MmioTransport(volatile uint8_t* registers) : registers_(registers) {}

    uint8_t status() override { return static_cast<uint8_t>(read(kStatus)); }
    void set_status(uint8_t status) override { write(kStatus, status); }
    uint64_t features() override;
    void set_features(uint64_t features) override;
    uint16_t queue_size_max(uint16_t queue) override;
    void set_queue(uint16_t queue, uint16_t size, const QueueAddresses& addresses) override;
    void notify(uint16_t queue) override { write(kQueueNotify, queue); }
    uint32_t take_interrupts() override;
    uint32_t configuration_generation() override { return read(kConfigurationGeneration); }
    void read_configuration(uint32_t offset, std::span<std::byte> bytes) override;

    /// Whether there is such a device, and which (2: a disk).
    static bool is_virtio(const volatile uint8_t* registers, uint32_t& device_id);

private:
    enum Register : uint32_t {
        kMagic = 0x000,
        kVersion = 0x004,
        kDeviceId = 0x008,
        kDeviceFeatures = 0x010,
        kDeviceFeaturesSelect = 0x014,
        kDriverFeatures = 0x020,
        kDriverFeaturesSelect = 0x024,
        kQueueSelect = 0x030,
        kQueueSizeMax = 0x034,
        kQueueSize = 0x038,
        kQueueReady = 0x044,
        kQueueNotify = 0x050,
        kInterruptStatus = 0x060,
        kInterruptAcknowledge = 0x064,
        kStatus = 0x070,
        kQueueDescriptors = 0x080,
        kQueueAvailable = 0x090,
        kQueueUsed = 0x0A0,
        kConfigurationGeneration = 0x0FC,
        kConfiguration = 0x100,
    };
    static uint32_t read_at(const volatile uint8_t* registers, Register offset) {
        return *reinterpret_cast<const volatile uint32_t*>(registers + offset);
    }
    uint32_t read(Register offset) const { return read_at(registers_, offset); }
    void write(uint32_t offset, uint32_t value) { *reinterpret_cast<volatile uint32_t*>(registers_ + offset) = value; }
    void write_wide(uint32_t offset, uint64_t value);

    volatile uint8_t* registers_;
};

}  // namespace portico::virtio
