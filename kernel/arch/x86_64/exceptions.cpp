#include "abi/syscalls.h"
#include "kernel/arch/x86_64/clock.h"
#include "kernel/arch/x86_64/instructions.h"
#include "kernel/arch/x86_64/io_apic.h"
#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/local_apic.h"
#include "kernel/arch/x86_64/processor.h"
#include "kernel/arch/x86_64/tlb.h"
#include "kernel/debug/log.h"
#include "kernel/sched/cpu.h"

/// What entry.S calls: one function for interrupts of user mode, one for those of the idle kernel, the rest are our bugs.
namespace portico::kernel::arch {
namespace {

using abi::FaultKind;

static_assert(offsetof(ThreadFrame, registers) == 0);
static_assert(offsetof(abi::Registers, rdi) == 40);
static_assert(offsetof(abi::Registers, r15) == 112);
static_assert(offsetof(abi::Registers, rip) == 120);
static_assert(offsetof(abi::Registers, rflags) == 128);
static_assert(offsetof(abi::Registers, rsp) == 136);
static_assert(offsetof(ThreadFrame, gs_base) == 168);
static_assert(abi::PortCall::doc.number == 7);
static_assert(abi::PortReceive::doc.number == 9);
static_assert(abi::PortReplyReceive::doc.number == 11);
static_assert(abi::PortSend::doc.number == 6);

/// As kernel_exception in entry.S pushes it.
struct KernelException {
    uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

enum : unsigned {
    kDivide = 0,
    kDebug = 1,
    kBreakpoint = 3,
    kInvalidOpcode = 6,
    kNoCoprocessor = 7,
    kDoubleFault = 8,
    kPageFault = 14,
    kX87Error = 16,
    kAlignmentCheck = 17,
    kSimdError = 19,
    kExceptions = 32
};
constexpr uint64_t kErrorWrite = 2, kErrorReserved = 8, kErrorFetch = 16;

FaultKind kind_of(unsigned vector) {
    switch (vector) {
    case kDivide:
        return FaultKind::DivideError;
    case kDebug:
        return FaultKind::Debug;
    case kBreakpoint:
        return FaultKind::Breakpoint;
    case kInvalidOpcode:
    case kNoCoprocessor:
        return FaultKind::InvalidOpcode;
    case kX87Error:
    case kSimdError:
        return FaultKind::FloatingPoint;
    case kAlignmentCheck:
        return FaultKind::Alignment;
    default:
        return FaultKind::GeneralProtection;
    }
}

void enter_page_fault(Cpu& cpu, uint64_t error) {
    const uint64_t address = read_control2();
    if (error & kErrorReserved) panic("page table entry with reserved bits at %lx", address);
    const abi::Access tried = error & kErrorWrite ? abi::Access::Write : error & kErrorFetch ? abi::Access::Execute : abi::Access::Read;
    enter_fault(cpu, FaultKind::Page, static_cast<uint32_t>(tried), address);
}

}  // namespace

extern "C" void arch_user_interrupt(Cpu& cpu, unsigned vector, uint64_t error) {
    if (vector == kPageFault) return enter_page_fault(cpu, error);
    if (vector < kExceptions) return enter_fault(cpu, kind_of(vector), static_cast<uint32_t>(error), 0);
    if (vector == kVectorSpurious) return;  // has no end
    if (vector >= kVectorDevice && vector < kVectorDevice + kLinesMax) {
        const bool wanted = take_interrupt(vector - kVectorDevice);
        local_apic::end_of_interrupt();
        if (wanted) enter_interrupt(cpu, vector - kVectorDevice);
        return;
    }
    local_apic::end_of_interrupt();
    if (vector == kVectorShootDown) return answer_shoot_down();
    if (vector == kVectorKick) return enter_kick(cpu);
    if (vector == kVectorTimer && timer_is_due()) return enter_timer(cpu);
}

extern "C" void arch_idle_interrupt(Cpu& cpu, unsigned vector) {
    if (vector == kVectorSpurious) return;
    const bool device = vector >= kVectorDevice && vector < kVectorDevice + kLinesMax && take_interrupt(vector - kVectorDevice);
    local_apic::end_of_interrupt();
    if (device) idle_interrupt(cpu, vector - kVectorDevice);
    if (vector == kVectorShootDown) answer_shoot_down();
    if (vector == kVectorTimer) timer_is_due();
}

extern "C" [[noreturn]] void arch_bad_exit() {
    panic("a thread would go on at %lx, which is no user address", this_cpu().frame.current->registers.rip);
}

extern "C" [[noreturn]] void arch_kernel_exception(const KernelException& e) {
    const uint64_t address = read_control2();
    const uint64_t slot_offset = address - stack_slot(0);
    const bool overflow = e.vector == kDoubleFault && slot_offset < stack_slot(kCpusMax) - stack_slot(0);
    log("rax %016lx rbx %016lx rcx %016lx rdx %016lx", e.rax, e.rbx, e.rcx, e.rdx);
    log("rsi %016lx rdi %016lx rbp %016lx rsp %016lx", e.rsi, e.rdi, e.rbp, e.rsp);
    log("r8  %016lx r9  %016lx r10 %016lx r11 %016lx", e.r8, e.r9, e.r10, e.r11);
    log("r12 %016lx r13 %016lx r14 %016lx r15 %016lx", e.r12, e.r13, e.r14, e.r15);
    log("rflags %lx cs %lx cr3 %lx", e.rflags, e.cs, read_control3());
    panic("%s: exception %lu error %lx address %lx at %lx", overflow ? "kernel stack overflow" : "kernel fault", e.vector, e.error, address,
          e.rip);
}

void wait_for_interrupt() {
    asm volatile("sti\n\thlt\n\tcli" ::: "memory");  // sti holds interrupts off until hlt has begun
}

}  // namespace portico::kernel::arch
