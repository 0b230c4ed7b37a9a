#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "abi/handle.h"
#include "abi/types.h"
#include "libs/result.h"
#include "posix/signal_types.h"

namespace portico::posix {

class Process;

struct FaultEvent {
    abi::FaultKind kind = abi::FaultKind::None;
    uint32_t access = 0;
    uint64_t address = 0;
};

/// What the library knows of one thread of the program: the block that GS points to.
///
/// Ownership: allocated with the thread's runtime stack (thread_memory.h), freed after the thread has ended by the next
///            thread that is made (a thread can not free the stack it stands on).
/// Locks:     only its own thread reads and writes it, but for `pending` (its own upcalls) and what clone sets before
///            the thread starts.
/// The first fields are known to entry.S by their offsets.
class Thread {
public:
    /// Bits of `pending`: an alert came, so that the process server is to be asked; one that was taken before can be acted on.
    static constexpr uint32_t kAlerted = 1, kKept = 2;

    Thread* self = this;                ///< gs:0
    uint64_t program_rsp = 0;           ///< gs:8, the program's stack pointer while a call is entered
    uint64_t stack_top = 0;             ///< gs:16, of the runtime stack; the frame lies just below
    abi::Registers* frame = nullptr;    ///< gs:24, the program's registers while it is in the library: fixed
    std::atomic<uint32_t> pending = 0;  ///< gs:32, kAlerted, kKept: signals are to be looked for before going back or waiting
    uint32_t full_restore = 0;          ///< gs:36, the frame must be loaded entirely (rcx and r11 too)
    uint64_t upcall_stack_top = 0;      ///< gs:40
    uint64_t vector_state = 0;          ///< gs:48, address of kVectorStateBytesMax bytes, 64-aligned
    uint64_t vector_mask = 0;           ///< gs:56, xsave features to keep; 0: fxsave only

    Process* process = nullptr;
    std::atomic<int32_t> tid = 0;  ///< set by the creator: a new thread waits for it
    char name[16]{};               ///< PR_SET_NAME
    uint64_t fs_base = 0;          ///< as last set by arch_prctl or clone; programs may change it by wrfsbase

    std::atomic<uint64_t> signal_mask = 0;  ///< blocked; bit n-1 is signal n; others read it to find who takes a signal
    std::atomic<uint64_t> awaited = 0;      ///< sigtimedwait waits for these
    uint64_t saved_mask = 0;                ///< to restore once signals are delivered (sigsuspend, ppoll, …)
    bool restore_saved_mask = false;
    SignalStack alternate_stack;
    PendingSignals pending_signals;  ///< taken from the process server while blocked here

    uint64_t clear_child_tid = 0;    ///< address: zeroed and woken at the thread's end
    uint64_t child_set_tid = 0;      ///< of a fork's child: where to store its pid first
    Thread* vfork_parent = nullptr;  ///< of a vfork child: who made it and waits
    uint64_t robust_list = 0;        ///< address of the head
    uint64_t robust_list_bytes = 0;

    FaultEvent event;                  ///< what the last upcall that interrupted the program was
    uint64_t restart_deadline_ns = 0;  ///< a relative wait that is made again goes on to here; 0: first time
    bool in_call = false;              ///< a Linux call is being handled (else an upcall)
    uint64_t call_number = 0;

    uint64_t block_address = 0;  ///< of the mapping that holds stacks and this block
    uint64_t block_bytes = 0;
    abi::Handle handle;                 ///< of the native thread; none if there was no memory for it
    Thread* next = nullptr;             ///< in Process's list
    bool ended = false;                 ///< by exit; under Process::mutex
    std::atomic<uint32_t> running = 0;  ///< zeroed by the kernel when the thread is off its stack: free then

    /// The asynchronous calls of poll and select get their replies here. Made at first use; never inherited by fork.
    /// Errors: NoMemory.
    Result<abi::Handle> reply_port();

    /// Sets a temporary signal mask for a waiting call (sigsuspend, ppoll, pselect6); the old one comes back after
    /// the handlers it lets through have their frames. If the call is not interrupted: end_temporary_mask().
    void begin_temporary_mask(uint64_t mask);
    void end_temporary_mask();

    abi::Handle reply_port_handle;  ///< use reply_port()
};

inline constexpr size_t kVectorStateBytesMax = 4096;
inline constexpr uint64_t kVectorFeatures = 0xE7;  ///< x87, SSE, AVX, AVX-512: 2696 bytes

static_assert(offsetof(Thread, program_rsp) == 8);
static_assert(offsetof(Thread, stack_top) == 16);
static_assert(offsetof(Thread, frame) == 24);
static_assert(offsetof(Thread, pending) == 32);
static_assert(offsetof(Thread, full_restore) == 36);
static_assert(offsetof(Thread, upcall_stack_top) == 40);
static_assert(offsetof(Thread, vector_state) == 48);
static_assert(offsetof(Thread, vector_mask) == 56);

}  // namespace portico::posix
