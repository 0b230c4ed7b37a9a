#include "drivers/virtio/mmio_transport.h"

namespace portico::virtio {

bool MmioTransport::is_virtio(const volatile uint8_t* registers, uint32_t& device_id) {
    constexpr uint32_t kVirtMagic = 0x7472'6976, kModern = 2;
    if (read_at(registers, kMagic) != kVirtMagic || read_at(registers, kVersion) != kModern) return false;
    device_id = read_at(registers, kDeviceId);
    return device_id != 0;
}

void MmioTransport::write_wide(uint32_t offset, uint64_t value) {
    write(offset, static_cast<uint32_t>(value));
    write(offset + 4, static_cast<uint32_t>(value >> 32));
}

uint64_t MmioTransport::features() {
    write(kDeviceFeaturesSelect, 1);
    const uint64_t high = read(kDeviceFeatures);
    write(kDeviceFeaturesSelect, 0);
    return high << 32 | read(kDeviceFeatures);
}

void MmioTransport::set_features(uint64_t features) {
    for (const uint32_t half : {0u, 1u}) {
        write(kDriverFeaturesSelect, half);
        write(kDriverFeatures, static_cast<uint32_t>(features >> (32 * half)));
    }
}

uint16_t MmioTransport::queue_size_max(uint16_t queue) {
    write(kQueueSelect, queue);
    const uint32_t size = read(kQueueSizeMax);
    return size > 0x8000 ? uint16_t{0} : static_cast<uint16_t>(size);
}

void MmioTransport::set_queue(uint16_t queue, uint16_t size, const QueueAddresses& addresses) {
    write(kQueueSelect, queue);
    write(kQueueSize, size);
    write_wide(kQueueDescriptors, addresses.descriptors);
    write_wide(kQueueAvailable, addresses.available);
    write_wide(kQueueUsed, addresses.used);
    write(kQueueReady, 1);
}

uint32_t MmioTransport::take_interrupts() {
    const uint32_t causes = read(kInterruptStatus) & (kInterruptUsed | kInterruptConfiguration);
    if (causes != 0) write(kInterruptAcknowledge, causes);
    return causes;
}

void MmioTransport::read_configuration(uint32_t offset, std::span<std::byte> bytes) {
    for (std::byte& byte : bytes) byte = std::byte{registers_[kConfiguration + offset++]};
}

}  // namespace portico::virtio
