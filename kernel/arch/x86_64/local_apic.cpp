#include "kernel/arch/x86_64/local_apic.h"

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/debug/log.h"

namespace portico::kernel::arch::local_apic {
namespace {

enum Register : unsigned {
    kTaskPriority = 0x80,
    kEndOfInterrupt = 0xB0,
    kSpurious = 0xF0,
    kCommandLow = 0x300,
    kCommandHigh = 0x310,
    kTimer = 0x320,
    kThermal = 0x330,
    kPerformance = 0x340,
    kLine0 = 0x350,
    kLine1 = 0x360,
    kError = 0x370,
    kTimerInitial = 0x380,
    kTimerCurrent = 0x390,
    kTimerDivide = 0x3E0,
};
constexpr uint32_t kMasked = 1 << 16, kEnabled = 1 << 8, kPending = 1 << 12, kAssert = 1 << 14, kAllOthers = 3 << 18;
constexpr uint32_t kDivideBy1 = 0b1011;
constexpr uint32_t kMsrBase = 0x1B;
constexpr uint64_t kBaseX2 = 1 << 10, kBaseEnabled = 1 << 11;

volatile uint32_t* registers_base = nullptr;

uint32_t read(Register which) {
    return registers_base[which / 4];
}
void write(Register which, uint32_t value) {
    registers_base[which / 4] = value;
}

/// Interrupts are off, so nothing comes between the two halves.
void command(unsigned apic_id, uint32_t low) {
    for (unsigned tries = 0; (read(kCommandLow) & kPending) && tries < 1'000'000; ++tries) pause_instruction();
    write(kCommandHigh, apic_id << 24);
    write(kCommandLow, low | kAssert);
}

}  // namespace

void find() {
    const uint64_t base = read_msr(kMsrBase);
    if (base & kBaseX2) panic("boot: the firmware left the local APIC in x2APIC mode, which this kernel does not drive");
    if (!(base & kBaseEnabled)) write_msr(kMsrBase, base | kBaseEnabled);
}

void use(volatile uint32_t* registers) {
    registers_base = registers;
}

void start() {
    find();
    write(kTaskPriority, 0);
    write(kSpurious, kEnabled | kVectorSpurious);
    for (const Register source : {kThermal, kPerformance, kLine0, kLine1, kError}) write(source, kMasked);
    write(kTimerDivide, kDivideBy1);
    write(kTimerInitial, 0);
    write(kTimer, kVectorTimer);
}

unsigned own_id() {
    return cpuid(1).ebx >> 24;
}
void end_of_interrupt() {
    write(kEndOfInterrupt, 0);
}
void send_interrupt(unsigned apic_id, unsigned vector) {
    command(apic_id, vector);
}
void send(unsigned apic_id, unsigned mode, unsigned vector) {
    command(apic_id, mode << 8 | vector);
}

void send_nmi_to_others() {
    if (registers_base) command(0, kAllOthers | kNmi << 8);
}

void set_timer(uint32_t count) {
    write(kTimerInitial, count);
}
uint32_t timer_count() {
    return read(kTimerCurrent);
}

}  // namespace portico::kernel::arch::local_apic

namespace portico::kernel::arch {

void kick(Cpu& cpu) {
    local_apic::send_interrupt(Processor::of(cpu).apic_id, kVectorKick);
}

}  // namespace portico::kernel::arch
