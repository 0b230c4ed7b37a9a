#include "kernel/arch/x86_64/calibration.h"

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/local_apic.h"

namespace portico::kernel::arch {
namespace {

constexpr unsigned kReadsMax = 2'000'000;
constexpr unsigned kSamples = 8;

struct Sample {
    uint64_t tsc = 0;
    uint32_t count = 0;
};

/// Both clocks at one moment: of several tries the one in which reading the reference took least.
Sample sample(const Reference& reference) {
    Sample best;
    uint64_t best_gap = ~uint64_t{0};
    for (unsigned i = 0; i < kSamples; ++i) {
        const uint64_t before = read_tsc();
        const uint32_t count = reference.read(reference.port);
        const uint64_t gap = read_tsc() - before;
        if (gap >= best_gap) continue;
        best_gap = gap;
        best = {before + gap / 2, count};
    }
    return best;
}

}  // namespace

Reference local_apic_reference(uint64_t hz) {
    local_apic::set_timer(0xFFFF'FFFF);
    return {"local APIC", hz, 0xFFFF'FFFF, [](uint16_t) { return ~local_apic::timer_count(); }, 0};
}

Reference power_timer_reference(uint16_t port) {
    return {"ACPI timer", 3'579'545, 0xFF'FFFF, [](uint16_t p) { return in32(p); }, port};
}

Reference interval_timer_reference() {
    constexpr uint16_t kCommand = 0x43, kChannel2 = 0x42, kGate = 0x61;
    out8(kGate, static_cast<uint8_t>((in8(kGate) & ~2u) | 1));  // count, without a sound
    out8(kCommand, 0b1011'0100);                                // channel 2, both bytes, mode 2
    out8(kChannel2, 0);
    out8(kChannel2, 0);
    auto read = [](uint16_t port) -> uint32_t {
        out8(kCommand, 0b1000'0000);  // latch channel 2
        const unsigned low = in8(port);
        return 0xFFFFu - (low | unsigned{in8(port)} << 8);
    };
    return {"8254", 1'193'182, 0xFFFF, read, kChannel2};
}

uint64_t measure_tsc(const Reference& reference) {
    const Sample first = sample(reference);
    const uint64_t enough = reference.hz / 1000;
    for (unsigned i = 0; i < kReadsMax; ++i) {
        if (((reference.read(reference.port) - first.count) & reference.mask) >= enough) break;
        pause_instruction();
    }
    const Sample last = sample(reference);
    local_apic::set_timer(0);
    const uint64_t counted = (last.count - first.count) & reference.mask;
    return counted < enough ? 0 : (last.tsc - first.tsc) * reference.hz / counted;
}

uint64_t measure_local_apic(uint64_t tsc_hz) {
    const Reference timer = local_apic_reference(0);
    const Sample first = sample(timer);
    for (unsigned i = 0; i < kReadsMax && read_tsc() - first.tsc < tsc_hz / 1000; ++i) pause_instruction();
    const Sample last = sample(timer);
    local_apic::set_timer(0);
    return uint64_t{last.count - first.count} * tsc_hz / (last.tsc - first.tsc);
}

}  // namespace portico::kernel::arch
