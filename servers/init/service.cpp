#include "servers/init/service.h"

#include <algorithm>

#include "drivers/virtio_9p/device.h"
#include "drivers/virtio_blk/device.h"
#include "servers/init/boot_block.h"
#include "servers/swap/slot_map.h"

namespace portico::init {

namespace {

constexpr uint64_t kClientCredits = 256;  // one-way messages another server may have queued
constexpr uint64_t kSupervisorCredits = 16;
constexpr uint64_t kDeviceBits = 1;
constexpr uint64_t kSwapBadge = 1, kSwapCredits = 4;  // of the handle by which the kernel asks for pages
constexpr std::string_view kSwapWord = "swap=";
constexpr uint64_t kSerialPort = 0x3F8, kSerialPortCount = 8, kSerialLine = 4, kSerialBits = 1;

uint64_t memory_bytes(DeviceKind kind) {
    return kind == DeviceKind::Share ? virtio_9p::Device::kMemoryBytes : virtio_blk::Device::kMemoryBytes;
}

}  // namespace

const VirtioDevice* BootResources::device_of(const ServiceDescription& description) const {
    const std::vector<VirtioDevice>& devices = description.device_kind == DeviceKind::Share ? shares : disks;
    const bool is_there = description.device_kind != DeviceKind::None && description.device_number < devices.size();
    return is_there ? &devices[description.device_number] : nullptr;
}

Result<abi::Handle> install(abi::Handle process, abi::Handle handle) {
    return TRY(native::call(abi::HandleInstall{process, abi::kNoHandle, handle, static_cast<uint64_t>(abi::Rights::All)})).handle;
}

Result<OwnedHandle> Service::make_client(uint64_t badge) const {
    return OwnedHandle(TRY(native::call(abi::PortBadge{port_.get(), badge, kClientCredits})).sender);
}

Result<OwnedHandle> Service::make_grant(const GrantDescription& grant, const BootResources& boot, const OwnedHandle& requests,
                                        std::vector<Service>& earlier) {
    switch (grant.kind) {
    case GrantKind::None:
        break;
    case GrantKind::OwnPort:
        return port_.duplicate();
    case GrantKind::Client:
        return earlier[index_of(grant.server)].make_client(grant.badge);
    case GrantKind::Supervisor:
        return requests.duplicate();
    case GrantKind::Inspection: {
        constexpr auto kRights = abi::Rights::Read | abi::Rights::Duplicate | abi::Rights::Transfer;
        return OwnedHandle(TRY(native::call(abi::HandleDuplicate{boot.hardware, static_cast<uint64_t>(kRights)})).handle);
    }
    case GrantKind::Archive:
        return OwnedHandle(TRY(native::call(abi::HandleDuplicate{boot.archive.memory(), static_cast<uint64_t>(abi::Rights::All)})).handle);
    case GrantKind::DeviceRegisters:
    case GrantKind::DeviceInterrupt:
    case GrantKind::DeviceMemory:
        return make_device_grant(grant.kind, boot);
    case GrantKind::SwapDisk:
    case GrantKind::SwapMemory:
    case GrantKind::SwapMap:
        return make_swap_grant(grant, boot, earlier);
    case GrantKind::SerialPorts:
        return OwnedHandle(TRY(native::call(abi::IoCreate{boot.hardware, kSerialPort, kSerialPortCount})).io);
    case GrantKind::SerialInterrupt: {
        const OwnedHandle sender = TRY(make_client(0));
        return OwnedHandle(TRY(native::call(abi::InterruptCreate{boot.hardware, kSerialLine, sender.get(), kSerialBits, 0})).interrupt);
    }
    }
    return fail(Error::InvalidArgument);
}

Result<OwnedHandle> Service::make_device_grant(GrantKind kind, const BootResources& boot) {
    const VirtioDevice& device = *boot.device_of(description_);
    if (kind == GrantKind::DeviceRegisters)
        return OwnedHandle(TRY(native::call(abi::MemoryPhysical{boot.hardware, device.registers_physical, device.registers_bytes})).memory);
    if (kind == GrantKind::DeviceMemory)
        return OwnedHandle(
            TRY(native::call(abi::MemoryPhysical{boot.hardware, abi::kAnyRam, memory_bytes(description_.device_kind)})).memory);
    const OwnedHandle sender = TRY(make_client(0));
    if (device.has_messages()) {
        const auto made = TRY(native::call(abi::InterruptCreate{boot.hardware, abi::kMessageInterrupt, sender.get(), kDeviceBits, 0}));
        OwnedHandle interrupt(made.interrupt);
        TRY(set_message(boot.hardware, device.pci_number, *device.pci, made.address, made.data));
        return interrupt;
    }
    return OwnedHandle(TRY(native::call(abi::InterruptCreate{boot.hardware, device.line, sender.get(), kDeviceBits, 1})).interrupt);
}

Result<OwnedHandle> Service::make_swap_grant(const GrantDescription& grant, const BootResources& boot,
                                             const std::vector<Service>& earlier) {
    if (grant.kind == GrantKind::SwapDisk) return earlier[index_of(boot.swap_disk())].make_client(grant.badge);
    const swap::Layout layout = swap::Layout::of_disk(boot.swap_disk_bytes);
    if (grant.kind == GrantKind::SwapMap) return OwnedHandle(TRY(native::call(abi::MemoryCreate{layout.map_bytes()})).memory);
    const OwnedHandle sender(TRY(native::call(abi::PortBadge{port_.get(), kSwapBadge, kSwapCredits})).sender);
    return OwnedHandle(TRY(native::call(abi::MemoryCreateSwap{boot.hardware, layout.pages * swap::kPageBytes, sender.get()})).memory);
}

std::string_view BootResources::swap_disk() const {
    const auto word = std::ranges::find_if(words, [](const std::string& each) { return each.starts_with(kSwapWord); });
    return word == words.end() ? std::string_view() : std::string_view(*word).substr(kSwapWord.size());
}

bool is_wanted(const ServiceDescription& description, const BootResources& boot) {
    if (description.device_kind != DeviceKind::None) return boot.device_of(description) != nullptr;
    if (description.wanted_by == kSwapWord) return boot.swap_disk_bytes != 0;
    return description.wanted_by.empty() || std::ranges::find(boot.words, description.wanted_by) != boot.words.end();
}

Result<> Service::prepare(const BootResources& boot, const OwnedHandle& requests, std::vector<Service>& earlier) {
    abi::SystemInfo system;
    TRY(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)}));
    // The limit is all memory: the account is there to tell who uses it.
    account_.reset(TRY(native::call(abi::AccountCreate{abi::kSelfAccount, system.memory_bytes})).account);
    port_.reset(TRY(native::call(abi::PortCreate{})).port);
    client_ = TRY(make_client(description_.client_badge));
    for (const GrantDescription& grant : description_.grants) {
        if (grant.kind == GrantKind::None) continue;
        if (grant.kind == GrantKind::Client && !earlier[index_of(grant.server)].client()) continue;
        grants_.push_back({.name = {}, .handle = TRY(make_grant(grant, boot, requests, earlier)).release()});
        grant.name.copy(grants_.back().name, sizeof grants_.back().name - 1);
    }
    return {};
}

Result<OwnedHandle> Service::make_process(const BootResources& boot, abi::Handle events, uint64_t supervisor_badge) {
    const std::string path = "boot/" + std::string(description_.program.empty() ? name() : description_.program);
    const auto program = boot.archive.find(path);
    if (!program) return fail(Error::NotFound);
    const OwnedHandle image = TRY(boot.archive.copy_of(*program));

    // The process comes first, for the block holds values of its handle table; its space gets the block when that is written.
    BootContents contents;
    contents.program_path = path;
    std::vector<std::string> arguments{std::string(name())};
    arguments.insert(arguments.end(), boot.words.begin(), boot.words.end());
    if (const VirtioDevice* const device = boot.device_of(description_))
        arguments.insert(arguments.end(), device->words.begin(), device->words.end());
    contents.arguments = arguments;
    contents.program_bytes = program->data.size();
    contents.realtime_offset_ns = boot.realtime_offset_ns;
    std::vector<abi::Grant> grants = grants_;
    contents.grants = grants;
    const uint64_t block_bytes = TRY(lay_out(contents)).size();  // handles have no influence on it
    const OwnedHandle block(TRY(native::call(abi::MemoryCreate{block_bytes})).memory);
    const OwnedHandle space = TRY(boot.runtime.make_space(block.get(), block_bytes, account_.get()));
    const OwnedHandle supervisor(TRY(native::call(abi::PortBadge{events, supervisor_badge, kSupervisorCredits})).sender);
    OwnedHandle process(TRY(native::call(abi::ProcessCreate{space.get(), account_.get(), supervisor.get()})).process);
    native::set_name(process.get(), name());

    contents.program_image = TRY(install(process.get(), image.get()));
    for (abi::Grant& grant : grants) grant.handle = TRY(install(process.get(), grant.handle));
    const std::vector<std::byte> bytes = TRY(lay_out(contents));
    TRY(native::call(abi::MemoryWrite{block.get(), 0, reinterpret_cast<uint64_t>(bytes.data()), bytes.size()}));
    return process;
}

Result<> Service::start(const BootResources& boot, abi::Handle events, uint64_t supervisor_badge) {
    OwnedHandle process = TRY(make_process(boot, events, supervisor_badge));
    const abi::ThreadStart start = boot.runtime.first_thread();
    const auto thread = native::call(abi::ThreadCreate{process.get(), reinterpret_cast<uint64_t>(&start)});
    if (!thread) {
        (void)native::call(abi::ProcessKill{process.get(), 0});
        return fail(thread.error());
    }
    native::close(thread->thread);
    process_ = std::move(process);
    return {};
}

void Service::kill() {
    if (process_) (void)native::call(abi::ProcessKill{process_.get(), 0});
}

uint64_t Service::bury() {
    abi::ProcessInfo info;
    (void)native::call(abi::ProcessQuery{process_.get(), reinterpret_cast<uint64_t>(&info)});
    process_.reset();
    return info.exit_code;
}

}  // namespace portico::init
