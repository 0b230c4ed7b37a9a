#include "kernel/arch/x86_64/machine_tables.h"

#include <utility>

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/kernel_map.h"
#include "kernel/debug/log.h"

namespace portico::kernel::arch {
namespace {

/// How many CPUs QEMU started, from its configuration device; 1 if this is not QEMU.
unsigned count_from_fw_cfg() {
    constexpr uint16_t kSelector = 0x510, kData = 0x511, kSignature = 0, kCpuCount = 5;
    out16(kSelector, kSignature);
    for (const char expected : {'Q', 'E', 'M', 'U'})
        if (in8(kData) != static_cast<uint8_t>(expected)) return 1;
    out16(kSelector, kCpuCount);
    const unsigned low = in8(kData);
    return low | unsigned{in8(kData)} << 8;
}

}  // namespace

void MachineTables::add_cpu(unsigned apic_id) {
    if (cpu_count < kCpusMax && apic_id < 0xFF) apic_ids[cpu_count++] = static_cast<uint8_t>(apic_id);
}

void MachineTables::add_io_apic(uint64_t address, unsigned first_line) {
    if (io_apic_count < kIoApicsMax) io_apics[io_apic_count++] = {address, first_line};
}

void read_machine_tables(MachineTables& tables, KernelMap& map, uint64_t rsdp, unsigned own_apic_id) {
    for (unsigned i = 0; i < kIsaLines; ++i) tables.isa[i] = {i, false, false, false};

    if (read_acpi(tables, map, rsdp)) {
        tables.source = "ACPI";
    } else {
        tables.source = "MP table";
        if (!read_mp_table(tables, map)) {
            tables.source = "fw_cfg";
            tables.io_apic_count = 0;
            tables.add_io_apic(0xFEC0'0000, 0);
        }
        // SeaBIOS's MP table lists one processor of each package.
        const unsigned count = count_from_fw_cfg();
        if (count > tables.cpu_count) tables.cpu_count = 0;
        for (unsigned id = 0; id < count && tables.cpu_count < count; ++id) tables.add_cpu(id);
    }

    // CPU 0 is ours even if the tables name it last, or there were too many before it.
    unsigned own = 0;
    while (own < tables.cpu_count && tables.apic_ids[own] != own_apic_id) ++own;
    if (tables.cpu_count == 0) tables.cpu_count = 1;
    if (own < tables.cpu_count) std::swap(tables.apic_ids[0], tables.apic_ids[own]);
    tables.apic_ids[0] = static_cast<uint8_t>(own_apic_id);
}

uint64_t scan_firmware(KernelMap& map, uint64_t base, uint64_t length_bytes, std::string_view signature, unsigned checked_bytes) {
    const auto* bytes = static_cast<const char*>(map.reach(base, length_bytes));
    if (!bytes) return 0;
    for (uint64_t at = 0; at + checked_bytes <= length_bytes; at += 16) {
        if (bytes[at] != signature[0] || std::string_view{bytes + at, signature.size()} != signature) continue;
        if (sums_to_zero(bytes + at, checked_bytes)) return base + at;
    }
    return 0;
}

bool sums_to_zero(const void* data, uint64_t length_bytes) {
    uint8_t sum = 0;
    for (uint64_t i = 0; i < length_bytes; ++i) sum = static_cast<uint8_t>(sum + static_cast<const uint8_t*>(data)[i]);
    return sum == 0;
}

}  // namespace portico::kernel::arch
