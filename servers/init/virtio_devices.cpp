#include "servers/init/virtio_devices.h"

#include <algorithm>

#include "drivers/virtio/mmio_transport.h"
#include "servers/init/log.h"

namespace portico::init {

namespace {

constexpr uint64_t kPageMask = abi::kPageBytes - 1;

/// Which virtio device there is, by a look at its registers; 0 for none. Errors: those of the system calls.
Result<uint32_t> mmio_device_id(abi::Handle hardware, uint64_t page, uint64_t offset) {
    const OwnedHandle registers(TRY(native::call(abi::MemoryPhysical{hardware, page, abi::kPageBytes})).memory);
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::Read);
    const uint64_t address = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, registers.get(), 0, 0, abi::kPageBytes, flags})).address;
    uint32_t id = 0;
    const bool is_virtio = virtio::MmioTransport::is_virtio(reinterpret_cast<const volatile uint8_t*>(address + offset), id);
    (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, address, abi::kPageBytes});
    return is_virtio ? id : 0;
}

using Kinds = std::span<const uint32_t>;

bool is_one_of(uint32_t kind, Kinds kinds) {
    return std::ranges::find(kinds, kind) != kinds.end();
}

void add_mmio_device(abi::Handle hardware, const std::string& word, Kinds kinds, std::vector<VirtioDevice>& devices) {
    if (!word.starts_with("virtio_mmio.device=")) return;
    const auto device = parse_mmio_device(word);
    if (!device) return log("not understood: " + word);
    const uint64_t page = device->physical & ~kPageMask, offset = device->physical & kPageMask;
    if (offset + virtio::MmioTransport::kBytes > abi::kPageBytes) return log("registers across pages: " + word);
    const Result<uint32_t> id = mmio_device_id(hardware, page, offset);
    if (!id) return log("cannot look at " + word + ": " + std::string(abi::name_of(id.error())));
    if (!is_one_of(*id, kinds)) return;
    devices.push_back({.kind = *id,
                       .registers_physical = page,
                       .registers_bytes = abi::kPageBytes,
                       .line = device->line,
                       .words = {"registers=" + std::to_string(offset)},
                       .pci = std::nullopt});
}

void add_pci_device(unsigned number, PciFunction& function, Kinds kinds, std::vector<VirtioDevice>& devices) {
    const auto device = virtio_of(function);
    if (!device || !is_one_of(device->kind, kinds)) return;
    const auto word = [](std::string_view name, uint64_t value) { return std::string(name) + "=" + std::to_string(value); };
    const bool messages = device->message_capability != 0;
    if (!messages && (device->line == 0 || device->line == 0xFF))
        return log("a device without an interrupt, at PCI function " + std::to_string(number));
    enable(function, messages);
    devices.push_back({.kind = device->kind,
                       .registers_physical = device->registers_physical,
                       .registers_bytes = device->registers_bytes,
                       .line = device->line,
                       .words = {word("pci", messages ? 2 : 1), word("common", device->common), word("notify", device->notify),
                                 word("multiplier", device->notify_multiplier), word("isr", device->isr), word("device", device->device)},
                       .pci = device,
                       .pci_number = number});
}

}  // namespace

std::vector<VirtioDevice> find_devices(abi::Handle hardware, const std::vector<std::string>& words, Kinds kinds) {
    std::vector<VirtioDevice> devices;
    for (const std::string& word : words) add_mmio_device(hardware, word, kinds, devices);
    if (Result<PciBus> bus = PciBus::open(hardware))
        bus->for_each([&](unsigned number, PciFunction& function) { add_pci_device(number, function, kinds, devices); });
    return devices;
}

}  // namespace portico::init
