#include "servers/init/disks.h"

#include "drivers/virtio/mmio_transport.h"
#include "drivers/virtio_blk/format.h"
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

void add_mmio_disk(abi::Handle hardware, const std::string& word, std::vector<Disk>& disks) {
    if (!word.starts_with("virtio_mmio.device=")) return;
    const auto device = parse_mmio_device(word);
    if (!device) return log("not understood: " + word);
    const uint64_t page = device->physical & ~kPageMask, offset = device->physical & kPageMask;
    if (offset + virtio::MmioTransport::kBytes > abi::kPageBytes) return log("registers across pages: " + word);
    const Result<uint32_t> id = mmio_device_id(hardware, page, offset);
    if (!id) return log("cannot look at " + word + ": " + std::string(abi::name_of(id.error())));
    if (*id != virtio_blk::kDeviceId) return;
    disks.push_back({.registers_physical = page,
                     .registers_bytes = abi::kPageBytes,
                     .line = device->line,
                     .words = {"registers=" + std::to_string(offset)}});
}

}  // namespace

std::vector<Disk> find_disks(abi::Handle hardware, const std::vector<std::string>& words) {
    std::vector<Disk> disks;
    for (const std::string& word : words) add_mmio_disk(hardware, word, disks);
    return disks;
}

}  // namespace portico::init
