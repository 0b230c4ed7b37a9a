#include <cstdio>
#include <cstdlib>

#include "drivers/virtio/mmio_transport.h"
#include "drivers/virtio/pci_transport.h"
#include "drivers/virtio_blk/server.h"
#include "runtime/boot.h"

/// Drives one virtio disk. Grants: disk.port, disk.registers (its page of registers), disk.interrupt, disk.memory (RAM that the device may
/// use). Arguments: name, then words that say where the registers are.
namespace portico::virtio_blk {
namespace {

constexpr uint64_t kTimeoutNs = 20'000'000'000;  // a request that takes longer is lost

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

/// As the words say: registers=OFFSET, or pci=1 (with a line) or 2 (messages) and where the structures are.
Result<std::unique_ptr<virtio::Transport>> make_transport(std::span<std::byte> memory) {
    const std::span registers(reinterpret_cast<volatile uint8_t*>(memory.data()), memory.size());
    const auto word = [](std::string_view key) { return static_cast<uint32_t>(number_after(key).value_or(0)); };
    if (const uint32_t pci = word("pci="); pci != 0) {
        auto made = std::make_unique<virtio::PciTransport>(registers, virtio::PciLayout{.common = word("common="),
                                                                                        .notify = word("notify="),
                                                                                        .notify_multiplier = word("multiplier="),
                                                                                        .isr = word("isr="),
                                                                                        .device = word("device="),
                                                                                        .messages = pci == 2});
        if (!made->is_sound()) return fail(Error::InvalidArgument);
        return made;
    }
    const uint32_t offset = word("registers=");
    if (offset > registers.size() || registers.size() - offset < virtio::MmioTransport::kBytes) return fail(Error::InvalidArgument);
    return std::make_unique<virtio::MmioTransport>(registers.data() + offset);
}

Result<> run(std::string_view name) {
    const abi::Handle port = boot::grant("disk.port");
    abi::MemoryInfo registers_info, memory_info;
    const std::span<std::byte> registers = TRY(map(boot::grant("disk.registers"), registers_info));
    const std::span<std::byte> memory = TRY(map(boot::grant("disk.memory"), memory_info));
    const std::unique_ptr<virtio::Transport> transport = TRY(make_transport(registers));
    static Device device(*transport, {.bytes = memory, .physical = memory_info.physical}, kTimeoutNs);

    const OwnedHandle self(TRY(native::call(abi::PortBadge{port, 0, 1})).sender);
    const abi::Handle timer = TRY(native::call(abi::TimerCreate{self.get(), Server::kTimerBits})).timer;
    if (device.start())
        fprintf(stderr, "%.*s: %llu sectors of %llu bytes, %u queues%s\n", static_cast<int>(name.size()), name.data(),
                static_cast<unsigned long long>(device.geometry().size_bytes / device.geometry().sector_bytes),
                static_cast<unsigned long long>(device.geometry().sector_bytes), device.queue_count(),
                device.geometry().read_only ? ", read-only" : "");
    else
        fprintf(stderr, "%.*s: no virtio disk that can be used; every call will fail with NoDevice\n", static_cast<int>(name.size()),
                name.data());
    static Server server(device, {.interrupt = boot::grant("disk.interrupt"), .timer = timer});
    server.service();  // a predecessor may have died between an interrupt and its acknowledgement
    ipc::run(server, port, block::Protocol{});
}

}  // namespace
}  // namespace portico::virtio_blk

int main() {
    const std::string_view name = portico::boot::argument(0).value_or("virtio_blk");
    const portico::Result<> result = portico::virtio_blk::run(name);
    fprintf(stderr, "%.*s: cannot start: %s\n", static_cast<int>(name.size()), name.data(), portico::abi::name_of(result.error()).data());
    return 1;
}
