#include "kernel/arch/x86_64/clock.h"

#include <algorithm>

#include "kernel/arch/x86_64/calibration.h"
#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/kvm_clock.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/debug/log.h"

namespace portico::kernel::arch {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kHypervisorApicHz = kSecond;  // QEMU's and KVM's local APIC timer counts nanoseconds

uint64_t tsc_hz = 0;
uint64_t tsc_at_zero = 0;
uint64_t tsc_multiplier = 0;   // 2^32 / ticks per nanosecond
uint64_t apic_multiplier = 0;  // 2^32 * ticks per nanosecond

/// From the processor's or the hypervisor's own description; 0 if they do not say.
uint64_t described_tsc_hz(bool hypervisor) {
    constexpr uint32_t kHypervisor = 0x4000'0000, kTiming = kHypervisor + 0x10;
    if (hypervisor && cpuid(kHypervisor).eax >= kTiming)
        if (const uint64_t khz = cpuid(kTiming).eax) return khz * 1000;
    const uint32_t leaf_max = cpuid(0).eax;
    if (leaf_max < 0x15) return 0;
    const CpuidLeaf ratio = cpuid(0x15);
    if (ratio.eax == 0 || ratio.ebx == 0) return 0;
    if (ratio.ecx != 0) return uint64_t{ratio.ecx} * ratio.ebx / ratio.eax;
    return leaf_max >= 0x16 ? uint64_t{cpuid(0x16).eax & 0xFFFF} * 1'000'000 : 0;
}

bool apic_timer_counts_nanoseconds(bool hypervisor) {
    if (!hypervisor) return false;
    const CpuidLeaf leaf = cpuid(0x4000'0000);
    constexpr CpuidLeaf kTcg{0, 0x5447'4354, 0x4354'4743, 0x4743'5447};  // "TCGTCGTCGTCG"
    constexpr CpuidLeaf kKvm{0, 0x4B4D'564B, 0x564B'4D56, 0x4D};         // "KVMKVMKVM"
    auto is = [&leaf](const CpuidLeaf& name) { return leaf.ebx == name.ebx && leaf.ecx == name.ecx && leaf.edx == name.edx; };
    return is(kTcg) || is(kKvm);
}

void write_timer(uint64_t delay_ns) {
    const auto ticks = static_cast<uint64_t>(static_cast<unsigned __int128>(delay_ns) * apic_multiplier >> 32);
    local_apic::set_timer(static_cast<uint32_t>(std::clamp<uint64_t>(ticks, 1, 0xFFFF'FFFF)));
}

}  // namespace

void start_clock(uint16_t power_timer_port) {
    const bool hypervisor = cpuid(1).ecx & 1u << 31;
    const char* source = "described";
    uint64_t apic_hz = apic_timer_counts_nanoseconds(hypervisor) ? kHypervisorApicHz : 0;
    tsc_hz = described_tsc_hz(hypervisor);
    if (tsc_hz == 0 && hypervisor) {
        source = "KVM clock";
        tsc_hz = kvm_clock_tsc_hz();
    }
    if (tsc_hz == 0) {
        const Reference reference = apic_hz != 0            ? local_apic_reference(apic_hz)
                                    : power_timer_port != 0 ? power_timer_reference(power_timer_port)
                                                            : interval_timer_reference();
        source = reference.name;
        tsc_hz = measure_tsc(reference);
    }
    if (tsc_hz == 0) panic("boot: no clock tells the rate of the time stamp counter");
    if (apic_hz == 0) apic_hz = measure_local_apic(tsc_hz);
    if (apic_hz == 0) panic("boot: the local APIC's timer does not count");

    tsc_multiplier = (kSecond << 32) / tsc_hz;
    apic_multiplier = (apic_hz << 16) / kSecond << 16;
    if (apic_hz == kSecond) apic_multiplier = uint64_t{1} << 32;
    tsc_at_zero = read_tsc();
    log("clock: %lu kHz (%s), timer %lu kHz", tsc_hz / 1000, source, apic_hz / 1000);
}

uint64_t now_ns() {
    return ticks_to_ns(read_tsc() - tsc_at_zero);
}

uint64_t random() {
    constexpr unsigned kTriesMax = 10;
    uint64_t value = 0;
    bool found = false;
    if ((cpuid(1).ecx & 1u << 30) != 0)
        for (unsigned tries = 0; tries < kTriesMax && !found; ++tries) found = read_random(value);
    return value ^ read_tsc() * 0x9E37'79B9'7F4A'7C15;  // time alone is what machines without a source have
}

uint64_t ticks() {
    return read_tsc();
}

uint64_t ticks_to_ns(uint64_t ticks) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(ticks) * tsc_multiplier >> 32);
}

/// A deadline later than the armed one costs no access to the timer: it fires early, sees what is wanted, and goes on.
void arm_timer(uint64_t deadline_ns) {
    Processor& own = Processor::current();
    own.timer_wanted_ns = deadline_ns;
    if (deadline_ns >= own.timer_armed_ns) return;
    own.timer_armed_ns = deadline_ns;
    const uint64_t now = now_ns();
    write_timer(deadline_ns > now ? deadline_ns - now : 0);
}

bool timer_is_due() {
    Processor& own = Processor::current();
    own.timer_armed_ns = abi::kForever;
    if (own.timer_wanted_ns == abi::kForever) return false;
    if (now_ns() >= own.timer_wanted_ns) {
        own.timer_wanted_ns = abi::kForever;
        return true;
    }
    arm_timer(own.timer_wanted_ns);
    return false;
}

void describe_clock(abi::SystemInfo& info) {
    info.tsc_hz = tsc_hz;
    info.tsc_at_zero = tsc_at_zero;
    info.tsc_multiplier = tsc_multiplier;
}

}  // namespace portico::kernel::arch
