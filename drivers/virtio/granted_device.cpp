#include "drivers/virtio/granted_device.h"

#include <cstdlib>

#include "drivers/virtio/mmio_transport.h"
#include "drivers/virtio/pci_transport.h"
#include "runtime/boot.h"

namespace portico::virtio {
namespace {

std::optional<uint64_t> number_after(std::string_view key) {
    for (uint32_t i = 1;; ++i) {
        const auto argument = boot::argument(i);
        if (!argument) return std::nullopt;
        if (argument->starts_with(key)) return std::strtoull(argument->data() + key.size(), nullptr, 0);
    }
}

Result<std::span<std::byte>> map(abi::Handle memory, abi::MemoryInfo& info) {
    TRY(native::call(abi::MemoryQuery{memory, reinterpret_cast<uint64_t>(&info)}));
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::ReadWrite);
    const uint64_t address = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, memory, 0, 0, info.size_bytes, flags})).address;
    return std::span(reinterpret_cast<std::byte*>(address), info.size_bytes);
}

Result<std::unique_ptr<Transport>> make_transport(std::span<std::byte> memory) {
    const std::span registers(reinterpret_cast<volatile uint8_t*>(memory.data()), memory.size());
    const auto word = [](std::string_view key) { return static_cast<uint32_t>(number_after(key).value_or(0)); };
    if (const uint32_t pci = word("pci="); pci != 0) {
        auto made = std::make_unique<PciTransport>(registers, PciLayout{.common = word("common="),
                                                                        .notify = word("notify="),
                                                                        .notify_multiplier = word("multiplier="),
                                                                        .isr = word("isr="),
                                                                        .device = word("device="),
                                                                        .messages = pci == 2});
        if (!made->is_sound()) return fail(Error::InvalidArgument);
        return made;
    }
    const uint32_t offset = word("registers=");
    if (offset > registers.size() || registers.size() - offset < MmioTransport::kBytes) return fail(Error::InvalidArgument);
    return std::make_unique<MmioTransport>(registers.data() + offset);
}

}  // namespace

Result<GrantedDevice> GrantedDevice::open() {
    abi::MemoryInfo registers_info, memory_info;
    const std::span<std::byte> registers = TRY(map(boot::grant("device.registers"), registers_info));
    const std::span<std::byte> memory = TRY(map(boot::grant("device.memory"), memory_info));
    return GrantedDevice{.port = boot::grant("device.port"),
                         .interrupt = boot::grant("device.interrupt"),
                         .transport = TRY(make_transport(registers)),
                         .memory = {.bytes = memory, .physical = memory_info.physical}};
}

}  // namespace portico::virtio
