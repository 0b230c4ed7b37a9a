#include "kernel/arch/x86_64/processor.h"

#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/vector_state.h"
#include "kernel/debug/log.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel::arch {

extern "C" void syscall_entry();

namespace {

// The selectors are Linux's, for programs that look at them; sysret takes user data and code from one base.
constexpr uint16_t kKernelCode = 0x10, kSysretBase = 0x23, kTask = 0x40;
constexpr uint64_t kDescriptors[] = {
    0, 0, 0x00AF'9B00'0000'FFFF, 0x00CF'9300'0000'FFFF, 0, 0x00CF'F300'0000'FFFF, 0x00AF'FB00'0000'FFFF,
};

constexpr uint32_t kMsrStar = 0xC000'0081, kMsrLstar = 0xC000'0082, kMsrCstar = 0xC000'0083, kMsrFlagMask = 0xC000'0084;
constexpr uint32_t kMsrGsBase = 0xC000'0101, kMsrKernelGsBase = 0xC000'0102;
constexpr uint64_t kSyscallFlagMask = 0x4'4700 | 0x3000;  // AC NT DF IF TF and IOPL

constexpr uint64_t kControl4Always = 1u << 5 | 1u << 6 | 1u << 7 | 1u << 9 | 1u << 10 | 1u << 16 | 1u << 20 | 1u << 21;
constexpr uint64_t kControl4Umip = 1u << 11, kControl4Xsave = 1u << 18;

struct __attribute__((packed)) Gate {
    uint16_t offset_low, selector;
    uint8_t stack, type;
    uint16_t offset_middle;
    uint32_t offset_high, zero;
};
static_assert(sizeof(Gate) == 16);
BOOT_CONSTANT Gate interrupt_table[256];

struct __attribute__((packed)) TablePointer {
    uint16_t limit;
    const void* base;
};

Processor processors[kCpusMax];

/// The word above an IST stack is its Cpu, for entry code that cannot trust GS.
uint64_t ist_top(unsigned cpu, StackPages stack) {
    const uint64_t top = stack_top(cpu, stack) - 16;
    *reinterpret_cast<const void**>(top) = &cpu_at(cpu);
    return top;
}

}  // namespace

static_assert(offsetof(Cpu, frame) == 0);

Processor& Processor::at(unsigned index) {
    return processors[index];
}
Processor& Processor::of(const Cpu& cpu) {
    return processors[&cpu - &cpu_at(0)];
}
Processor& Processor::current() {
    return *static_cast<Processor*>(this_cpu().frame.machine);
}
unsigned Processor::index() const {
    return static_cast<unsigned>(this - processors);
}

void Processor::set_cpu(unsigned index) {
    Cpu& cpu = cpu_at(index);
    cpu.index = index;
    cpu.frame.self = &cpu.frame;
    cpu.frame.machine = &processors[index];
    processors[index].bit = CpuMask{1} << index;
    cpu.frame.kernel_stack_top = stack_top(index, kMainStack);
    write_msr(kMsrGsBase, reinterpret_cast<uint64_t>(&cpu));
    write_msr(kMsrKernelGsBase, 0);
}

void Processor::check_features() {
    const CpuidLeaf basic = cpuid(1);
    const CpuidLeaf extended = cpuid(0).eax >= 7 ? cpuid(7) : CpuidLeaf{};
    struct {
        bool present;
        const char* name;
    } const needed[] = {
        {(basic.edx & 1u << 9) != 0, "a local APIC"}, {(basic.edx & 1u << 13) != 0, "PGE"},    {(basic.edx & 1u << 24) != 0, "FXSR"},
        {(extended.ebx & 1u << 0) != 0, "FSGSBASE"},  {(extended.ebx & 1u << 7) != 0, "SMEP"}, {(extended.ebx & 1u << 20) != 0, "SMAP"},
    };
    bool refused = false;
    for (const auto& feature : needed) {
        if (feature.present) continue;
        log("boot: the processor lacks %s, which this kernel needs (QEMU: -cpu max)", feature.name);
        refused = true;
    }
    if (refused) stop_machine();
}

void Processor::start() {
    const unsigned i = index();
    for (unsigned d = 0; d < std::size(kDescriptors); ++d) descriptors[d] = kDescriptors[d];
    const uint64_t base = reinterpret_cast<uint64_t>(&task);
    descriptors[kTask / 8] = (sizeof(TaskState) - 1) | (base & 0xFF'FFFF) << 16 | uint64_t{0x89} << 40 | (base >> 24 & 0xFF) << 56;
    descriptors[kTask / 8 + 1] = base >> 32;
    task.stack[0] = stack_top(i, kMainStack);
    task.interrupt_stack[0] = ist_top(i, kDoubleFaultStack);
    task.interrupt_stack[1] = ist_top(i, kMachineCheckStack);
    task.interrupt_stack[2] = ist_top(i, kNmiStack);
    task.port_map_offset = sizeof(TaskState);  // past its end: no port is open to user mode

    const TablePointer descriptor_pointer{sizeof(descriptors) - 1, descriptors};
    asm volatile("lgdt %0" ::"m"(descriptor_pointer));
    asm volatile("ltr %0" ::"r"(kTask));
    load_interrupt_table();

    const CpuidLeaf basic = cpuid(1), extended = cpuid(7);
    write_control4(kControl4Always | (extended.ecx & 1u << 2 ? kControl4Umip : 0) | (basic.ecx & 1u << 26 ? kControl4Xsave : 0));
    start_vector_state();

    write_msr(kMsrStar, uint64_t{kSysretBase} << 48 | uint64_t{kKernelCode} << 32);
    write_msr(kMsrLstar, reinterpret_cast<uint64_t>(&syscall_entry));
    write_msr(kMsrCstar, 0);
    write_msr(kMsrFlagMask, kSyscallFlagMask);
}

extern "C" const char interrupt_stubs[];

void fill_interrupt_table() {
    constexpr uint8_t kGate = 0x8E, kGateFromUser = 0xEE;
    constexpr unsigned kStubBytes = 16, kBreakpoint = 3;
    for (unsigned vector = 0; vector < 256; ++vector) {
        const uint64_t stub = reinterpret_cast<uint64_t>(interrupt_stubs) + vector * kStubBytes;
        const uint8_t stack = vector == 8 ? 1 : vector == 18 ? 2 : vector == 2 ? 3 : 0;
        const uint8_t type = vector == kBreakpoint ? kGateFromUser : kGate;
        interrupt_table[vector] = {
            static_cast<uint16_t>(stub), kKernelCode, stack, type, static_cast<uint16_t>(stub >> 16), static_cast<uint32_t>(stub >> 32), 0};
    }
    load_interrupt_table();
}

void load_interrupt_table() {
    const TablePointer pointer{sizeof(interrupt_table) - 1, interrupt_table};
    asm volatile("lidt %0" ::"m"(pointer));
}

Cpu& this_cpu() {
    CpuFrame* frame;
    asm volatile("movq %%gs:0, %0" : "=r"(frame));
    return *reinterpret_cast<Cpu*>(frame);
}

}  // namespace portico::kernel::arch
