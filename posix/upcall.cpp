#include "posix/entry_points.h"
#include "posix/log_line.h"
#include "posix/signals.h"

/// What the kernel's diversions of a thread lead to. In an upcall nothing may wait or touch the program's memory: it
/// only decides where the thread goes on.
namespace portico::posix {

namespace {

bool lies_in(uint64_t instruction, const char* begin, const char* end) {
    return instruction >= address_of(begin) && instruction < address_of(end);
}

[[noreturn]] void leave_upcall(const abi::Registers& registers) {
    for (;;) (void)native::call(abi::UpcallReturn{reinterpret_cast<uint64_t>(&registers)});
}

[[noreturn]] void report_bug(Thread& thread, const abi::UpcallState& state) {
    {
        LogLine line;
        line << "runtime library: fault " << static_cast<int>(state.kind) << " at ";
        line.hex(state.registers.rip) << " address ";
        line.hex(state.address) << " pid " << thread.process->pid;
    }
    // Of its own data a page may be lost with the disk it was swapped to.
    die_by_signal(thread, state.kind == abi::FaultKind::PageLost ? kBus : kSegv);
}

/// Interrupted inside the library: note an alert, move out of the marked ranges.
void divert_library(Thread& thread, abi::UpcallState& state) {
    uint64_t& instruction = state.registers.rip;
    if (state.kind == abi::FaultKind::Alert) {
        thread.pending |= Thread::kAlerted;
        if (lies_in(instruction, portico_wait_test, portico_wait_end))
            instruction = address_of(portico_wait_interrupted);
        else if (lies_in(instruction, portico_exit_test, portico_exit_end))
            instruction = address_of(portico_exit_restart);
        return;
    }
    const bool memory_fault =
        state.kind == abi::FaultKind::Page || state.kind == abi::FaultKind::PageLost || state.kind == abi::FaultKind::GeneralProtection;
    if (!memory_fault || !lies_in(instruction, portico_user_begin, portico_user_end)) report_bug(thread, state);
    instruction = address_of(portico_user_fault);
}

/// Interrupted in the program: its registers become the frame, and the thread goes on in portico_event.
void divert_program(Thread& thread, abi::UpcallState& state) {
    if (state.kind == abi::FaultKind::Alert) thread.pending |= Thread::kAlerted;
    *thread.frame = state.registers;
    thread.full_restore = 1;
    thread.event = {.kind = state.kind, .access = state.access, .address = state.address};
    state.registers = {.rip = address_of(portico_event_entry), .rflags = 0x202, .rsp = reinterpret_cast<uint64_t>(thread.frame)};
}

/// How a page fault looks to Linux programs: nothing mapped, wrong access, or mapped beyond the memory object's end.
SignalDetails page_fault(const FaultEvent& event) {
    constexpr int kNotMapped = 1, kAccess = 2, kNoObject = 2;
    abi::MappingInfo mapping;
    const auto found = native::call(abi::SpaceQuery{abi::kSelfSpace, event.address, reinterpret_cast<uint64_t>(&mapping)});
    if (!found || mapping.address > event.address) return SignalDetails::of_fault(kSegv, kNotMapped, event.address);
    if (!allows(static_cast<abi::Access>(mapping.access), static_cast<abi::Access>(event.access & 7)))
        return SignalDetails::of_fault(kSegv, kAccess, event.address);
    return SignalDetails::of_fault(kBus, kNoObject, event.address);
}

SignalDetails details_of(const Thread& thread) {
    constexpr int kFromKernel = 0x80;  // SI_KERNEL
    const uint64_t instruction = thread.frame->rip;
    switch (thread.event.kind) {
    case abi::FaultKind::Page:
        return page_fault(thread.event);
    case abi::FaultKind::PageLost:
        return SignalDetails::of_fault(kBus, 2, thread.event.address);  // BUS_ADRERR
    case abi::FaultKind::InvalidOpcode:
        return SignalDetails::of_fault(kIll, 2, instruction);  // ILL_ILLOPN
    case abi::FaultKind::DivideError:
        return SignalDetails::of_fault(kFloat, 1, instruction);  // FPE_INTDIV
    case abi::FaultKind::FloatingPoint:
        return SignalDetails::of_fault(kFloat, 7, instruction);  // FPE_FLTINV
    case abi::FaultKind::Breakpoint:
        return SignalDetails::of_fault(kTrap, kFromKernel, 0);
    case abi::FaultKind::Debug:
        return SignalDetails::of_fault(kTrap, 2, instruction);  // TRAP_TRACE
    case abi::FaultKind::Alignment:
        return SignalDetails::of_fault(kBus, 1, 0);  // BUS_ADRALN
    default:
        return SignalDetails::of_fault(kSegv, kFromKernel, 0);
    }
}

}  // namespace

extern "C" void portico_upcall(Thread* thread) {
    abi::UpcallState state;
    if (!native::call(abi::UpcallQuery{reinterpret_cast<uint64_t>(&state)})) die_by_signal(*thread, kSegv);
    if (lies_in(state.registers.rip, portico_text_begin, portico_text_end))
        divert_library(*thread, state);
    else
        divert_program(*thread, state);
    leave_upcall(state.registers);
}

extern "C" void portico_event(Thread* thread) {
    thread->in_call = false;
    if (thread->event.kind != abi::FaultKind::Alert) {
        const abi::UpcallState cause{
            .registers = *thread->frame, .kind = thread->event.kind, .access = thread->event.access, .address = thread->event.address};
        deliver_fault(*thread, details_of(*thread), cause);
    }
    (void)deliver_signals(*thread);
}

extern "C" void portico_pending_at_exit(Thread* thread) {
    (void)deliver_signals(*thread);
}

}  // namespace portico::posix
