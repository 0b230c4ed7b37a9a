#pragma once

#include <cstdint>

#include "kernel/arch/arch.h"

namespace portico::kernel::arch {

class KernelMap;

inline constexpr unsigned kIoApicsMax = 8;
inline constexpr unsigned kIsaLines = 16;

/// What the firmware's tables say about processors and interrupts, in ACPI's terms.
struct MachineTables {
    struct IoApicEntry {
        uint64_t address;
        unsigned first_line;
    };
    struct IsaRoute {
        unsigned line;  ///< global number
        bool active_low;
        bool level_triggered;  ///< only if `fixed`
        bool fixed;            ///< the table says how it triggers, whatever the driver thinks
    };

    uint64_t local_apic = 0xFEE0'0000;
    uint8_t apic_ids[kCpusMax];  ///< of usable processors; the first is the one we run on
    unsigned cpu_count = 0;
    IoApicEntry io_apics[kIoApicsMax];
    unsigned io_apic_count = 0;
    IsaRoute isa[kIsaLines];
    uint16_t power_timer_port = 0;  ///< the 3.58 MHz timer; 0 if there is none
    const char* source = "";

    void add_cpu(unsigned apic_id);
    void add_io_apic(uint64_t address, unsigned first_line);
};

/// ACPI, else the MP table, else QEMU's fw_cfg and the usual addresses.
void read_machine_tables(MachineTables& tables, KernelMap& map, uint64_t rsdp, unsigned own_apic_id);

bool read_acpi(MachineTables& tables, KernelMap& map, uint64_t rsdp);  ///< false if there is none with a MADT
bool read_mp_table(MachineTables& tables, KernelMap& map);

/// Scans [base, base + length_bytes) at 16-byte steps for a structure that starts with `signature`; 0 if absent.
uint64_t scan_firmware(KernelMap& map, uint64_t base, uint64_t length_bytes, std::string_view signature, unsigned checked_bytes);
bool sums_to_zero(const void* data, uint64_t length_bytes);

}  // namespace portico::kernel::arch
