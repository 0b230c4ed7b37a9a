#include <string_view>

#include "kernel/arch/x86_64/kernel_map.h"
#include "kernel/arch/x86_64/machine_tables.h"

/// The ACPI tables that need no interpreter: MADT for processors and interrupts, FADT for the power management timer.
namespace portico::kernel::arch {
namespace {

struct __attribute__((packed)) RootPointer {
    char signature[8];
    uint8_t checksum;
    char vendor[6];
    uint8_t revision;
    uint32_t rsdt;
    uint32_t length_bytes;
    uint64_t xsdt;
};
constexpr unsigned kRootPointerChecked = 20;

struct __attribute__((packed)) Header {
    char signature[4];
    uint32_t length_bytes;
    uint8_t revision, checksum;
    char vendor[6], table_id[8];
    uint32_t vendor_revision, creator, creator_revision;
};
static_assert(sizeof(Header) == 36);

constexpr uint32_t kTableBytesMax = 1 << 20;
constexpr unsigned kFadtTimerPort = 76, kFadtTimerBytes = 91;

/// Unaligned little-endian field of a table.
template <class T>
T field(const uint8_t* at) {
    T value;
    __builtin_memcpy(&value, at, sizeof(T));
    return value;
}

/// A whole table, checked; null if it is not sound.
const Header* table_of(KernelMap& map, uint64_t physical) {
    const auto* header = static_cast<const Header*>(map.reach(physical, sizeof(Header)));
    if (!header || header->length_bytes < sizeof(Header) || header->length_bytes > kTableBytesMax) return nullptr;
    if (!map.reach(physical, header->length_bytes)) return nullptr;
    return sums_to_zero(header, header->length_bytes) ? header : nullptr;
}

uint64_t find_root_pointer(KernelMap& map) {
    constexpr std::string_view kSignature = "RSD PTR ";
    const auto* extended_area = static_cast<const uint16_t*>(map.reach(0x40E, 2));  // its segment
    const uint64_t base = extended_area ? uint64_t{*extended_area} << 4 : 0;
    uint64_t found = 0;
    if (base >= 0x80000 && base < 0xA0000) found = scan_firmware(map, base, 1024, kSignature, kRootPointerChecked);
    return found ? found : scan_firmware(map, 0xE0000, 0x20000, kSignature, kRootPointerChecked);
}

void read_override(MachineTables& tables, const uint8_t* item) {
    const unsigned isa_line = item[3];
    const uint16_t flags = field<uint16_t>(item + 8);
    if (isa_line >= kIsaLines) return;
    const unsigned trigger = (flags >> 2) & 3;
    tables.isa[isa_line] = {field<uint32_t>(item + 4), (flags & 3) == 3, trigger == 3, trigger != 0};
}

void read_madt(MachineTables& tables, const Header& madt) {
    enum : uint8_t { kLocalApic = 0, kIoApic = 1, kOverride = 2, kLocalAddress = 5 };
    const auto* bytes = reinterpret_cast<const uint8_t*>(&madt);
    if (madt.length_bytes < 44) return;
    tables.local_apic = field<uint32_t>(bytes + 36);
    for (uint32_t at = 44; at + 2 <= madt.length_bytes;) {
        const uint8_t* item = bytes + at;
        const uint8_t type = item[0], length = item[1];
        if (length < 2 || at + length > madt.length_bytes) return;
        if (type == kLocalApic && length >= 8 && (field<uint32_t>(item + 4) & 1)) tables.add_cpu(item[3]);
        if (type == kIoApic && length >= 12) tables.add_io_apic(field<uint32_t>(item + 4), field<uint32_t>(item + 8));
        if (type == kOverride && length >= 10) read_override(tables, item);
        if (type == kLocalAddress && length >= 12) tables.local_apic = field<uint64_t>(item + 4);
        at += length;
    }
}

void read_fadt(MachineTables& tables, const Header& fadt) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&fadt);
    if (fadt.length_bytes <= kFadtTimerBytes || bytes[kFadtTimerBytes] != 4) return;
    const uint32_t port = field<uint32_t>(bytes + kFadtTimerPort);
    if (port <= 0xFFFF) tables.power_timer_port = static_cast<uint16_t>(port);
}

}  // namespace

bool read_acpi(MachineTables& tables, KernelMap& map, uint64_t rsdp) {
    if (rsdp == 0) rsdp = find_root_pointer(map);
    const auto* root = static_cast<const RootPointer*>(rsdp ? map.reach(rsdp, sizeof(RootPointer)) : nullptr);
    if (!root || std::string_view{root->signature, 8} != "RSD PTR " || !sums_to_zero(root, kRootPointerChecked)) return false;

    const bool wide = root->revision >= 2 && root->xsdt != 0;
    const Header* index = table_of(map, wide ? root->xsdt : root->rsdt);
    if (!index) return false;
    const unsigned entry_bytes = wide ? 8 : 4;
    bool found = false;
    for (uint32_t at = sizeof(Header); at + entry_bytes <= index->length_bytes; at += entry_bytes) {
        const uint8_t* slot = reinterpret_cast<const uint8_t*>(index) + at;
        const uint64_t physical = wide ? field<uint64_t>(slot) : field<uint32_t>(slot);
        const auto* peek = static_cast<const Header*>(map.reach(physical, sizeof(Header)));
        const std::string_view signature = peek ? std::string_view{peek->signature, 4} : std::string_view{};
        if (signature != "APIC" && signature != "FACP") continue;
        const Header* table = table_of(map, physical);
        if (!table) continue;
        if (signature == "FACP") read_fadt(tables, *table);
        if (signature == "APIC" && !found) {
            read_madt(tables, *table);
            found = true;
        }
    }
    return found;
}

}  // namespace portico::kernel::arch
