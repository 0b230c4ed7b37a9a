#include "drivers/virtio/pci_transport.h"

namespace portico::virtio {

bool PciTransport::is_sound() const {
    constexpr uint32_t kDeviceBytes = 64;  // of the configuration; more is not read
    const auto fits = [&](uint64_t offset, uint64_t bytes) { return offset <= registers_.size() && bytes <= registers_.size() - offset; };
    return fits(layout_.common, kCommonBytes) && fits(layout_.notify, 2) && fits(layout_.isr, 1) && fits(layout_.device, kDeviceBytes) &&
           layout_.common % 4 == 0 && layout_.notify % 2 == 0;
}

void PciTransport::write_wide(Field field, uint64_t value) {
    write<uint32_t>(field, static_cast<uint32_t>(value));
    write<uint32_t>(field + 4, static_cast<uint32_t>(value >> 32));
}

uint64_t PciTransport::features() {
    write<uint32_t>(kDeviceFeaturesSelect, 1);
    const uint64_t high = read<uint32_t>(kDeviceFeatures);
    write<uint32_t>(kDeviceFeaturesSelect, 0);
    return high << 32 | read<uint32_t>(kDeviceFeatures);
}

void PciTransport::set_features(uint64_t features) {
    for (const uint32_t half : {0u, 1u}) {
        write<uint32_t>(kDriverFeaturesSelect, half);
        write<uint32_t>(kDriverFeatures, static_cast<uint32_t>(features >> (32 * half)));
    }
}

uint16_t PciTransport::queue_size_max(uint16_t queue) {
    if (queue >= kQueuesMax) return 0;
    write<uint16_t>(kQueueSelect, queue);
    return read<uint16_t>(kQueueSize);
}

void PciTransport::set_queue(uint16_t queue, uint16_t size, const QueueAddresses& addresses) {
    constexpr uint16_t kNoVector = 0xFFFF;
    const uint16_t vector = layout_.messages ? 0 : kNoVector;
    write<uint16_t>(kConfigurationVector, vector);
    write<uint16_t>(kQueueSelect, queue);
    write<uint16_t>(kQueueSize, size);
    write<uint16_t>(kQueueVector, vector);
    write_wide(kQueueDescriptors, addresses.descriptors);
    write_wide(kQueueAvailable, addresses.available);
    write_wide(kQueueUsed, addresses.used);
    const uint64_t offset = layout_.notify + uint64_t{read<uint16_t>(kQueueNotifyOffset)} * layout_.notify_multiplier;
    notify_offset_[queue] = offset <= registers_.size() - 2 && offset % 2 == 0 ? offset : layout_.notify;
    write<uint16_t>(kQueueEnable, 1);
}

void PciTransport::notify(uint16_t queue) {
    if (queue < kQueuesMax && notify_offset_[queue] != 0) *at<uint16_t>(notify_offset_[queue]) = queue;
}

void PciTransport::read_configuration(uint32_t offset, std::span<std::byte> bytes) {
    for (std::byte& byte : bytes) byte = std::byte{*at<uint8_t>(layout_.device + offset++)};
}

}  // namespace portico::virtio
