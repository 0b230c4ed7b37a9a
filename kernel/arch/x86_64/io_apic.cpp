#include "kernel/arch/x86_64/io_apic.h"

#include <algorithm>
#include <atomic>

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/kernel_map.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/processor.h"

/// Device lines. A line below 16 is the ISA line of that number, wherever the machine connects it; others are the
/// machine's global numbers. All go to the CPU that unmasked them last.
///
/// Numbers that no IOAPIC has are free for messages (PCI's MSI): a device writes the vector to a local APIC. They are edges without a
/// mask in hardware.
///
/// An edge that comes while its line is masked in hardware is lost, so edge-triggered lines are closed by a flag only: the
/// next edge is remembered (and then masks the line, so that it costs one interrupt) and given back by unmask_interrupt.
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

struct Line {
    uint64_t route = 0;       ///< what its redirection entry holds, to save reading it; 0 before its first use
    bool open = false;        ///< the core wants its interrupts
    bool edge_waits = false;  ///< came while closed
};
Line lines[kLinesMax];

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

void mask_in_hardware(const IoApic& io_apic, unsigned pin, Line& line) {
    if (line.route == 0 || line.route & kMasked) return;
    line.route |= kMasked;
    io_apic.write(IoApic::kTable + 2 * pin, static_cast<uint32_t>(line.route));
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

InterruptMessage message_of_interrupt(unsigned line) {
    constexpr uint64_t kMessageAddress = 0xFEE0'0000;  // + the APIC's id << 12; physical, one CPU
    if (line < kIsaLines || line >= kLinesMax || interrupt_exists(line)) return {};
    return {kMessageAddress | uint64_t{Processor::current().apic_id} << 12, kVectorDevice + line};
}

void unmask_interrupt(unsigned line, bool level_triggered) {
    unsigned pin;
    const IoApic* io_apic = io_apic_of(line, pin);
    const unsigned own_id = Processor::current().apic_id;
    uint64_t route = (kVectorDevice + line) | uint64_t{own_id} << 56;
    if (line < kIsaLines && isa_routes[line].active_low) route |= kActiveLow;
    if (line < kIsaLines && isa_routes[line].fixed) level_triggered = isa_routes[line].level_triggered;
    if (level_triggered) route |= kLevel;

    const RegisterLock lock;
    Line& state = lines[line];
    state.open = true;
    if (io_apic) {
        if (state.route >> 32 != route >> 32 || state.route == 0)
            io_apic->write(IoApic::kTable + 2 * pin + 1, static_cast<uint32_t>(route >> 32));
        if (state.route != route) io_apic->write(IoApic::kTable + 2 * pin, static_cast<uint32_t>(route));
        state.route = route;
    }
    if (state.edge_waits) local_apic::send_interrupt(own_id, kVectorDevice + line);
    state.edge_waits = false;
}

void mask_interrupt(unsigned line) {
    unsigned pin;
    const IoApic* io_apic = io_apic_of(line, pin);
    const RegisterLock lock;
    lines[line].open = false;
    if (io_apic && lines[line].route & kLevel) mask_in_hardware(*io_apic, pin, lines[line]);
}

bool take_interrupt(unsigned line) {
    unsigned pin;
    const IoApic* io_apic = io_apic_of(line, pin);
    const RegisterLock lock;
    Line& state = lines[line];
    const bool was_open = state.open;
    state.open = false;
    const bool level = state.route & kLevel;
    if (!level && !was_open) state.edge_waits = true;
    if (io_apic && (level || !was_open)) mask_in_hardware(*io_apic, pin, state);
    return was_open;
}

}  // namespace portico::kernel::arch
