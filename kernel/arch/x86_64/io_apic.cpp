#include "kernel/arch/x86_64/io_apic.h"

#include <algorithm>
#include <atomic>

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/kernel_map.h"
#include "kernel/arch/x86_64/processor.h"

/// Device lines. A line below 16 is the ISA line of that number, wherever the machine connects it; others are the
/// machine's global numbers. All go to the CPU that unmasked them last.
namespace portico::kernel::arch {
namespace {

constexpr uint64_t kMasked = 1 << 16, kLevel = 1 << 15, kActiveLow = 1 << 13;

/// Registers are reached by an index, so two CPUs must not mix. Interrupts are always off here, and the holder waits for
/// nothing, hence no rank: it is innermost.
class RegisterLock {
public:
    RegisterLock() {
        while (taken_.test_and_set(std::memory_order_acquire)) pause_instruction();
    }
    ~RegisterLock() { taken_.clear(std::memory_order_release); }

private:
    static inline std::atomic_flag taken_;
};

struct IoApic {
    static constexpr uint32_t kVersion = 1, kTable = 0x10;
    volatile uint32_t* registers = nullptr;
    unsigned first_line = 0;
    unsigned line_count = 0;

    uint32_t read(uint32_t index) const {
        registers[0] = index;
        return registers[4];
    }
    void write(uint32_t index, uint32_t value) const {
        registers[0] = index;
        registers[4] = value;
    }
};

IoApic io_apics[kIoApicsMax];
unsigned io_apic_count = 0;
MachineTables::IsaRoute isa_routes[kIsaLines];
uint64_t routes[kLinesMax];  ///< by line: what its redirection entry holds, to save reading it; 0 before its first use

/// The IOAPIC of a line and the line's number on it; null if no IOAPIC has it.
const IoApic* io_apic_of(unsigned line, unsigned& pin) {
    if (line >= kLinesMax) return nullptr;
    const unsigned global = line < kIsaLines ? isa_routes[line].line : line;
    for (const IoApic& io_apic : std::span{io_apics, io_apic_count}) {
        if (global < io_apic.first_line || global - io_apic.first_line >= io_apic.line_count) continue;
        pin = global - io_apic.first_line;
        return &io_apic;
    }
    return nullptr;
}

}  // namespace

void start_io_apics(const MachineTables& tables, KernelMap& map) {
    constexpr uint16_t kFirstPicMask = 0x21, kSecondPicMask = 0xA1;
    out8(kFirstPicMask, 0xFF);
    out8(kSecondPicMask, 0xFF);

    std::copy(std::begin(tables.isa), std::end(tables.isa), isa_routes);
    for (unsigned i = 0; i < tables.io_apic_count; ++i) {
        IoApic& io_apic = io_apics[io_apic_count];
        io_apic.registers = map.map_device(tables.io_apics[i].address, 0x20);
        const uint32_t version = io_apic.read(IoApic::kVersion);
        if (version == 0xFFFF'FFFF) continue;  // nothing answers there
        io_apic.first_line = tables.io_apics[i].first_line;
        io_apic.line_count = (version >> 16 & 0xFF) + 1;
        for (unsigned pin = 0; pin < io_apic.line_count; ++pin) io_apic.write(IoApic::kTable + 2 * pin, kMasked);
        ++io_apic_count;
    }
}

bool interrupt_exists(unsigned line) {
    unsigned pin;
    return io_apic_of(line, pin) != nullptr;
}

void unmask_interrupt(unsigned line, bool level_triggered) {
    unsigned pin;
    const IoApic* io_apic = io_apic_of(line, pin);
    if (!io_apic) return;
    uint64_t route = (kVectorDevice + line) | uint64_t{Processor::current().apic_id} << 56;
    if (line < kIsaLines && isa_routes[line].active_low) route |= kActiveLow;
    if (line < kIsaLines && isa_routes[line].fixed) level_triggered = isa_routes[line].level_triggered;
    if (level_triggered) route |= kLevel;

    const RegisterLock lock;
    if (routes[line] >> 32 != route >> 32 || routes[line] == 0)
        io_apic->write(IoApic::kTable + 2 * pin + 1, static_cast<uint32_t>(route >> 32));
    routes[line] = route;
    io_apic->write(IoApic::kTable + 2 * pin, static_cast<uint32_t>(route));
}

void mask_interrupt(unsigned line) {
    unsigned pin;
    const IoApic* io_apic = io_apic_of(line, pin);
    if (!io_apic) return;
    const RegisterLock lock;
    if (routes[line] == 0 || routes[line] & kMasked) return;
    routes[line] |= kMasked;
    io_apic->write(IoApic::kTable + 2 * pin, static_cast<uint32_t>(routes[line]));
}

}  // namespace portico::kernel::arch
