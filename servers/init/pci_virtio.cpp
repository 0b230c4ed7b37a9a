#include <algorithm>

#include "servers/init/pci.h"

namespace portico::init {

namespace {

constexpr uint32_t kIdentity = 0x00, kCommand = 0x04, kBars = 0x10, kCapabilities = 0x34, kLine = 0x3C;
constexpr uint16_t kVirtioVendor = 0x1AF4, kFirstOld = 0x1000, kFirstModern = 0x1040, kLastModern = 0x107F;
constexpr uint32_t kHasCapabilities = 1 << 20;  // of the status, the command's upper half
constexpr uint32_t kMemory = 1 << 1, kBusMaster = 1 << 2, kNoLine = 1 << 10;
constexpr uint8_t kVendorCapability = 0x09, kMessageCapability = 0x11;
constexpr unsigned kCapabilitiesMax = 48, kBarCount = 6;
constexpr uint64_t kPageBytes = abi::kPageBytes, kRegistersBytesMax = 1 << 20;

/// The address of a memory BAR; nothing if it is none, or not placed.
std::optional<uint64_t> memory_bar(PciFunction& function, uint32_t index) {
    if (index >= kBarCount) return std::nullopt;
    const uint32_t low = function.read(kBars + 4 * index);
    const bool is_io = (low & 1) != 0, is_wide = (low & 6) == 4;
    if (is_io || (is_wide && index + 1 >= kBarCount)) return std::nullopt;
    const uint64_t address = (low & ~0xFu) | (is_wide ? uint64_t{function.read(kBars + 4 * (index + 1))} << 32 : 0);
    if (address == 0 || address % kPageBytes != 0) return std::nullopt;
    return address;
}

struct Structure {
    uint32_t bar = ~0u, offset = 0, length_bytes = 0;
};

}  // namespace

std::optional<PciVirtio> virtio_of(PciFunction& function) {
    const uint32_t identity = function.read(kIdentity);
    const auto device_number = static_cast<uint16_t>(identity >> 16);
    if ((identity & 0xFFFF) != kVirtioVendor || device_number < kFirstOld || device_number > kLastModern) return std::nullopt;
    if ((function.read(kCommand) & kHasCapabilities) == 0) return std::nullopt;
    PciVirtio found;
    // Older ones tell their kind as subsystem.
    found.kind = device_number >= kFirstModern ? static_cast<uint16_t>(device_number - kFirstModern) : function.read_half(0x2E);
    found.line = function.read_byte(kLine);

    std::array<Structure, 5> structures;  // by cfg_type: 1 common, 2 notify, 3 ISR, 4 device
    uint32_t at = function.read_byte(kCapabilities) & ~3u;
    for (unsigned i = 0; i < kCapabilitiesMax && at >= 0x40 && at <= 0xF0; ++i, at = function.read_byte(at + 1) & ~3u) {
        const uint8_t id = function.read_byte(at);
        if (id == kMessageCapability && found.message_capability == 0) {
            const uint32_t table = function.read(at + 4);
            const auto base = memory_bar(function, table & 7);
            if (!base) continue;
            found.message_capability = at;
            found.message_table_physical = *base + (table & ~7u);
        }
        if (id != kVendorCapability) continue;
        const uint8_t type = function.read_byte(at + 3);
        if (type == 0 || type >= structures.size() || structures[type].bar != ~0u) continue;  // the first of a kind is to be used
        structures[type] = {.bar = function.read_byte(at + 4), .offset = function.read(at + 8), .length_bytes = function.read(at + 12)};
        if (type == 2) found.notify_multiplier = function.read(at + 16);
    }
    uint64_t end = 0;
    for (size_t type = 1; type < structures.size(); ++type) {
        const Structure& structure = structures[type];
        if (structure.bar != structures[1].bar) return std::nullopt;  // missing, or somewhere else: no device seen does that
        end = std::max(end, uint64_t{structure.offset} + structure.length_bytes);
    }
    const auto base = memory_bar(function, structures[1].bar);
    if (!base || end == 0 || end > kRegistersBytesMax) return std::nullopt;
    found.registers_physical = *base;
    found.registers_bytes = (end + kPageBytes - 1) & ~(kPageBytes - 1);
    found.common = structures[1].offset;
    found.notify = structures[2].offset;
    found.isr = structures[3].offset;
    found.device = structures[4].offset;
    return found;
}

void enable(PciFunction& function, bool messages) {
    const uint32_t command = function.read(kCommand) & 0xFFFF;
    function.write(kCommand, (command & ~kNoLine) | kMemory | kBusMaster | (messages ? kNoLine : 0));
}

}  // namespace portico::init
