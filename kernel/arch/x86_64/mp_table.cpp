#include <string_view>

#include "kernel/arch/x86_64/kernel_map.h"
#include "kernel/arch/x86_64/machine_tables.h"

/// Intel's MultiProcessor Specification 1.4, for machines without ACPI.
namespace portico::kernel::arch {
namespace {

constexpr unsigned kHeaderBytes = 44;
enum : uint8_t { kProcessor = 0, kBus = 1, kIoApic = 2, kInterrupt = 3, kLocalInterrupt = 4 };

uint32_t field32(const uint8_t* at) {
    return at[0] | at[1] << 8 | at[2] << 16 | static_cast<uint32_t>(at[3]) << 24;
}

uint64_t find_floating_pointer(KernelMap& map) {
    constexpr std::string_view kSignature = "_MP_";
    for (const uint64_t base : {0x9FC00, 0xF0000, 0xE0000})
        if (const uint64_t found = scan_firmware(map, base, base == 0x9FC00 ? 0x400 : 0x10000, kSignature, 16)) return found;
    return 0;
}

}  // namespace

bool read_mp_table(MachineTables& tables, KernelMap& map) {
    const uint64_t floating = find_floating_pointer(map);
    if (floating == 0) return false;
    const uint64_t physical = field32(static_cast<const uint8_t*>(map.reach(floating, 16)) + 4);
    const auto* table = static_cast<const uint8_t*>(map.reach(physical, kHeaderBytes));
    if (!table || std::string_view{reinterpret_cast<const char*>(table), 4} != "PCMP") return false;
    const unsigned length_bytes = table[4] | table[5] << 8;
    if (length_bytes < kHeaderBytes || !map.reach(physical, length_bytes) || !sums_to_zero(table, length_bytes)) return false;

    tables.local_apic = field32(table + 36);
    bool isa_bus[256]{};
    unsigned next_line = 0;
    for (unsigned at = kHeaderBytes; at < length_bytes;) {
        const uint8_t* item = table + at;
        const unsigned item_bytes = item[0] == kProcessor ? 20 : 8;
        if (item[0] > kLocalInterrupt || at + item_bytes > length_bytes) break;
        if (item[0] == kProcessor && (item[3] & 1)) tables.add_cpu(item[1]);
        if (item[0] == kBus) isa_bus[item[1]] = std::string_view{reinterpret_cast<const char*>(item + 2), 3} == "ISA";
        if (item[0] == kIoApic && (item[3] & 1)) {
            tables.add_io_apic(field32(item + 4), next_line);  // lines are numbered on in the order of the table
            next_line += 24;
        }
        if (item[0] == kInterrupt && item[1] == 0 && isa_bus[item[4]] && item[5] < kIsaLines) {
            const unsigned trigger = (item[2] >> 2) & 3;
            tables.isa[item[5]] = {item[7], (item[2] & 3) == 3, trigger == 3, trigger != 0};
        }
        at += item_bytes;
    }
    return tables.cpu_count > 0 && tables.io_apic_count > 0;
}

}  // namespace portico::kernel::arch
