#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "abi/types.h"
#include "posix/signal_types.h"

/// What Linux (x86-64) puts on a handler's stack, as libc, unwinders and debuggers read it.
namespace portico::posix {

/// siginfo_t, by its variants' fields.
struct SignalDetails {
    int32_t number = 0;
    int32_t error = 0;
    int32_t code = 0;
    int32_t zero = 0;
    union {
        struct {
            int32_t pid;
            uint32_t uid;
            union {
                uint64_t value;  ///< sigqueue
                int32_t status;  ///< SIGCHLD; its times (clock ticks) follow
            };
            int64_t user_ticks, system_ticks;
        } sender;
        struct {
            int32_t timer;
            int32_t overrun;
            uint64_t value;
        } timer;
        struct {
            uint64_t address;
        } fault;
        uint8_t bytes[112];
    };

    constexpr SignalDetails() : bytes{} {}
    static SignalDetails of(const protocols::process::SignalInfo& info);
    static SignalDetails of_fault(int number, int code, uint64_t address);
};
static_assert(sizeof(SignalDetails) == 128);

/// struct sigcontext_64.
struct MachineContext {
    uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
    uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
    uint16_t cs, gs, fs, ss;
    uint64_t error, trap, old_mask, cr2;
    uint64_t vector_state;  ///< address, 64-aligned
    uint64_t reserved[8];

    static MachineContext of(const abi::Registers& registers);
    /// Only flags that a program may set go back.
    abi::Registers registers() const;
};
static_assert(sizeof(MachineContext) == 256);

/// struct ucontext, with the kernel's sigset_t.
struct UserContext {
    static constexpr uint64_t kExtendedState = 1, kStackSegment = 2, kStrictStackSegment = 4;
    uint64_t flags;
    uint64_t link;
    SignalStack stack;
    MachineContext machine;
    uint64_t mask;
};
static_assert(sizeof(UserContext) == 304);

/// struct rt_sigframe: rsp points to return_address when the handler starts, to context when it has returned.
struct SignalFrame {
    uint64_t return_address;
    UserContext context;
    SignalDetails details;
};
static_assert(sizeof(SignalFrame) == 440);
static_assert(offsetof(SignalFrame, context) == 8);
static_assert(offsetof(SignalFrame, details) == 312);

/// struct _fpx_sw_bytes, in bytes 464 to 511 of the vector state.
struct VectorStateNote {
    static constexpr uint32_t kMagic1 = 0x4650'5853, kMagic2 = 0x4650'5845;
    static constexpr size_t kOffset = 464;
    uint32_t magic = kMagic1;
    uint32_t extended_bytes = 0;  ///< with the closing kMagic2
    uint64_t features = 0;
    uint32_t state_bytes = 0;
    uint32_t zero[7]{};
};
static_assert(sizeof(VectorStateNote) == 48);

inline constexpr uint64_t kRedZoneBytes = 128;

struct SignalFramePlace {
    uint64_t frame;
    uint64_t vector_state;
};

/// Below `stack_pointer` (red zone already skipped): vector state 64-aligned, frame so that the handler starts as if called.
constexpr SignalFramePlace place_signal_frame(uint64_t stack_pointer, uint64_t vector_bytes) {
    const uint64_t vector_state = (stack_pointer - vector_bytes) & ~uint64_t{63};
    return {.frame = ((vector_state - sizeof(SignalFrame)) & ~uint64_t{15}) - 8, .vector_state = vector_state};
}

/// Makes a vector state read from the program fit to load: features, reserved header bytes and MXCSR bits that fault.
void clean_vector_state(uint8_t* state, uint64_t features, uint32_t mxcsr_mask, bool has_header);

}  // namespace portico::posix
