#include "servers/init/pci.h"

namespace portico::init {

namespace {

constexpr uint64_t kAddressPort = 0, kDataPort = 4, kFirstPort = 0xCF8, kPortCount = 8;
constexpr uint32_t kEnable = 1u << 31;
constexpr unsigned kFunctionsMax = 256;

class PortFunction final : public PciFunction {
public:
    PortFunction(abi::Handle ports, unsigned number) : ports_(ports), number_(number) {}
    uint32_t read(uint32_t offset) override {
        select(offset);
        const auto value = native::call(abi::IoRead{ports_, kDataPort, 4});
        return value ? static_cast<uint32_t>(value->value) : ~0u;
    }
    void write(uint32_t offset, uint32_t value) override {
        select(offset);
        (void)native::call(abi::IoWrite{ports_, kDataPort, 4, value});
    }

private:
    void select(uint32_t offset) { (void)native::call(abi::IoWrite{ports_, kAddressPort, 4, kEnable | number_ << 8 | (offset & 0xFC)}); }

    abi::Handle ports_;
    unsigned number_;
};

}  // namespace

Result<PciBus> PciBus::open(abi::Handle hardware) {
    OwnedHandle ports(TRY(native::call(abi::IoCreate{hardware, kFirstPort, kPortCount})).io);
    TRY(native::call(abi::IoWrite{ports.get(), kAddressPort, 4, kEnable}));
    if (TRY(native::call(abi::IoRead{ports.get(), kAddressPort, 4})).value != kEnable) return fail(Error::NoDevice);
    return PciBus(std::move(ports));
}

void PciBus::for_each(const std::function<void(unsigned number, PciFunction& function)>& visit) {
    constexpr uint32_t kHeaderType = 0x0E;
    constexpr uint8_t kHasFunctions = 0x80;
    for (unsigned number = 0; number < kFunctionsMax;) {
        PortFunction function(ports_.get(), number);
        const bool is_there = function.read_half(0) != 0xFFFF;
        if (is_there) visit(number, function);
        const bool more = number % 8 != 0 || (is_there && (function.read_byte(kHeaderType) & kHasFunctions) != 0);
        number += more ? 1 : 8;
    }
}

void PciBus::at(unsigned number, const std::function<void(PciFunction& function)>& visit) {
    PortFunction function(ports_.get(), number);
    visit(function);
}

Result<> set_message(abi::Handle hardware, unsigned number, const PciVirtio& device, uint64_t address, uint64_t data) {
    constexpr uint64_t kEntryBytes = 16;
    constexpr uint32_t kMessagesOn = 1u << 31, kAllMasked = 1u << 30;  // of the capability's first four bytes
    const uint64_t page = device.message_table_physical & ~(abi::kPageBytes - 1), offset = device.message_table_physical - page;
    if (offset + kEntryBytes > abi::kPageBytes) return fail(Error::NotSupported);
    PciBus bus = TRY(PciBus::open(hardware));
    const OwnedHandle table(TRY(native::call(abi::MemoryPhysical{hardware, page, abi::kPageBytes})).memory);
    const auto flags = static_cast<uint64_t>(abi::MapFlags::Shared | abi::Access::ReadWrite);
    const uint64_t mapped = TRY(native::call(abi::SpaceMap{abi::kSelfSpace, table.get(), 0, 0, abi::kPageBytes, flags})).address;
    bus.at(number, [&](PciFunction& function) {
        enable(function, true);
        const uint32_t control = function.read(device.message_capability) & ~kAllMasked;
        function.write(device.message_capability, control | kMessagesOn);
        auto* const entry = reinterpret_cast<volatile uint32_t*>(mapped + offset);
        entry[0] = static_cast<uint32_t>(address);
        entry[1] = static_cast<uint32_t>(address >> 32);
        entry[2] = static_cast<uint32_t>(data);
        entry[3] = 0;  // not masked
    });
    (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, mapped, abi::kPageBytes});
    return {};
}

}  // namespace portico::init
