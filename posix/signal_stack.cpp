#include <cstring>

#include "posix/entry_points.h"
#include "posix/signals.h"
#include "posix/thread_memory.h"
#include "posix/user_copy.h"

/// Signal frames on the program's stack: building them and loading them back.
namespace portico::posix {

namespace {

constexpr uint32_t kMxcsrMaskDefault = 0xFFBF;
constexpr uint64_t kDirectionFlag = 0x400, kResumeFlag = 0x1'0000, kTrapFlag = 0x100;

uint8_t* vector_area(Thread& thread) {
    return reinterpret_cast<uint8_t*>(thread.vector_state);
}

uint32_t mxcsr_mask(const uint8_t* state) {
    uint32_t mask = 0;
    std::memcpy(&mask, state + 28, sizeof(mask));
    return mask != 0 ? mask : kMxcsrMaskDefault;
}

uint64_t vector_bytes_on_stack(const Thread& thread) {
    return vector_state_bytes() + (thread.vector_mask != 0 ? sizeof(uint32_t) : 0);
}

/// Writes the live vector state, with the note that tells readers its extent.
Result<> save_vector_state(Thread& thread, uint64_t address) {
    TRY(save_vector_state_to_user(address, vector_state_bytes(), thread.vector_mask));
    VectorStateNote note{};
    if (thread.vector_mask != 0) {
        note.state_bytes = vector_state_bytes();
        note.extended_bytes = vector_state_bytes() + sizeof(uint32_t);
        note.features = thread.vector_mask;
        TRY(write_user(address + vector_state_bytes(), VectorStateNote::kMagic2));
    } else {
        note.magic = 0;
    }
    return write_user(address + VectorStateNote::kOffset, note);
}

/// By way of the thread's own area, where what cannot be loaded is taken out of the state.
Result<> load_cleaned_vector_state(Thread& thread, uint64_t address, bool extended) {
    uint8_t* state = vector_area(thread);
    std::memset(state, 0, 512);
    portico_save_vector_state(state, thread.vector_mask);  // only for the processor's MXCSR mask
    const uint32_t allowed = mxcsr_mask(state);
    std::memset(state, 0, vector_state_bytes());
    TRY(copy_from_user(state, address, extended ? vector_state_bytes() : 512));
    clean_vector_state(state, thread.vector_mask, allowed, extended);
    portico_load_vector_state(state, thread.vector_mask);
    return {};
}

Result<> load_vector_state(Thread& thread, uint64_t address) {
    if (address == 0) {
        portico_reset_vector_control();
        return {};
    }
    const auto note = TRY(read_user<VectorStateNote>(address + VectorStateNote::kOffset));
    const bool extended = thread.vector_mask != 0 && note.magic == VectorStateNote::kMagic1 && note.state_bytes == vector_state_bytes();
    if (extended && load_vector_state_from_user(address, vector_state_bytes(), thread.vector_mask)) return {};
    return load_cleaned_vector_state(thread, address, extended);
}

void fill_fault(MachineContext& machine, const abi::UpcallState& cause) {
    switch (cause.kind) {
    case abi::FaultKind::Page:
    case abi::FaultKind::PageLost:
        machine.trap = 14;
        machine.error = 4;
        if (allows(static_cast<abi::Access>(cause.access), abi::Access::Write)) machine.error |= 2;
        if (allows(static_cast<abi::Access>(cause.access), abi::Access::Execute)) machine.error |= 16;
        machine.cr2 = cause.address;
        return;
    case abi::FaultKind::GeneralProtection:
        machine.trap = 13;
        break;
    case abi::FaultKind::InvalidOpcode:
        machine.trap = 6;
        break;
    case abi::FaultKind::DivideError:
        machine.trap = 0;
        break;
    case abi::FaultKind::Breakpoint:
        machine.trap = 3;
        break;
    case abi::FaultKind::Debug:
        machine.trap = 1;
        break;
    case abi::FaultKind::FloatingPoint:
        machine.trap = 16;
        break;
    case abi::FaultKind::Alignment:
        machine.trap = 17;
        break;
    default:
        break;
    }
    machine.error = cause.access;
}

}  // namespace

/// Whether the way back from a call, which puts rip into rcx and the flags into r11, loads these registers as they are.
static bool leaves_like_call(const abi::Registers& registers) {
    return registers.rcx == registers.rip && registers.r11 == registers.rflags && is_user_range(registers.rip, 1);
}

bool is_on_alternate_stack(const Thread& thread, uint64_t stack_pointer) {
    const SignalStack& stack = thread.alternate_stack;
    return (stack.flags & SignalStack::kDisabled) == 0 && stack_pointer > stack.address &&
           stack_pointer - stack.address <= stack.length_bytes;
}

bool push_signal_frame(Thread& thread, const SignalDetails& details, const SignalAction& action, const abi::UpcallState* cause) {
    abi::Registers& registers = *thread.frame;
    uint64_t top = registers.rsp - kRedZoneBytes;
    const bool already = is_on_alternate_stack(thread, registers.rsp);
    const bool switches = (action.flags & kOnStack) != 0 && (thread.alternate_stack.flags & SignalStack::kDisabled) == 0 && !already;
    if (switches) top = thread.alternate_stack.address + thread.alternate_stack.length_bytes;
    const SignalFramePlace place = place_signal_frame(top, vector_bytes_on_stack(thread));
    if (already && !is_on_alternate_stack(thread, place.frame)) return false;
    if (switches && place.frame <= thread.alternate_stack.address) return false;
    if ((action.flags & kRestorer) == 0 || action.restorer == 0 || !is_user_range(action.handler, 1)) return false;

    SignalFrame frame{.return_address = action.restorer,
                      .context = {.flags = UserContext::kStackSegment | UserContext::kStrictStackSegment |
                                           (thread.vector_mask != 0 ? UserContext::kExtendedState : 0),
                                  .link = 0,
                                  .stack = thread.alternate_stack,
                                  .machine = MachineContext::of(registers),
                                  .mask = thread.restore_saved_mask ? thread.saved_mask : thread.signal_mask.load()},
                      .details = details};
    if (already) frame.context.stack.flags |= SignalStack::kOnStackNow;
    frame.context.machine.old_mask = frame.context.mask;
    frame.context.machine.vector_state = place.vector_state;
    if (cause != nullptr) fill_fault(frame.context.machine, *cause);
    if (!save_vector_state(thread, place.vector_state)) return false;
    if (!write_user(place.frame, frame)) return false;

    registers.rdi = static_cast<uint64_t>(details.number);
    registers.rsi = place.frame + offsetof(SignalFrame, details);
    registers.rdx = place.frame + offsetof(SignalFrame, context);
    registers.rax = 0;
    registers.rip = action.handler;
    registers.rsp = place.frame;
    registers.rflags &= ~(kDirectionFlag | kResumeFlag | kTrapFlag);
    portico_reset_vector_control();
    thread.full_restore = 0;  // a handler expects nothing of rcx and r11
    return true;
}

Result<> pop_signal_frame(Thread& thread) {
    const uint64_t address = thread.frame->rsp + sizeof(uint64_t) - offsetof(SignalFrame, context);  // the handler's return took one word
    const auto context = TRY(read_user<UserContext>(address));
    TRY(load_vector_state(thread, context.machine.vector_state));
    *thread.frame = context.machine.registers();
    thread.full_restore = !leaves_like_call(*thread.frame);
    if (!is_on_alternate_stack(thread, thread.frame->rsp)) {
        thread.alternate_stack = context.stack;
        thread.alternate_stack.flags &= SignalStack::kDisabled;
    }
    set_signal_mask(thread, context.mask);
    return {};
}

}  // namespace portico::posix
