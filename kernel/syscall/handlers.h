#pragma once

#include <algorithm>

#include "abi/syscalls.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"
#include "libs/result.h"

/// One function for each call of abi::Syscalls, in the file of its family: find the object with the right, copy in, act,
/// answer. A call that blocks leaves the caller not Running; its registers are written when the wait ends.
namespace portico::kernel {

template <class Call>
using ReplyOf =
    std::conditional_t<std::is_same_v<typename Call::Reply, abi::NoReply> || abi::kUsesMessageRegisters<Call>, void, typename Call::Reply>;

/// Calls whose handlers read or write more than the argument registers.
template <class Call>
inline constexpr bool kNeedsAllRegisters =
    abi::kUsesMessageRegisters<Call> || std::is_same_v<Call, abi::ProcessExec> || std::is_same_v<Call, abi::UpcallReturn>;

template <class Call>
Result<ReplyOf<Call>> on_syscall(Thread& caller, const Call& call);

/// Finds an object by handle or pseudo-handle. Errors: BadHandle, WrongType, AccessDenied.
template <class T>
Result<T*> find_object(Thread& caller, abi::Handle handle, Rights rights) {
    Process& process = caller.process();
    if (handle.index() == 0) {
        if constexpr (T::kType == ObjectType::Process)
            if (handle == abi::kSelfProcess) return &process;
        if constexpr (T::kType == ObjectType::Thread)
            if (handle == abi::kSelfThread) return &caller;
        if constexpr (T::kType == ObjectType::AddressSpace)
            if (handle == abi::kSelfSpace) return &process.space();
        if constexpr (T::kType == ObjectType::Account)
            if (handle == abi::kSelfAccount) return &process.account();
        return fail(Error::BadHandle);
    }
    return process.handles().get<T>(handle, rights);
}

/// A capability to any object, also by pseudo-handle. Errors: BadHandle, AccessDenied.
Result<Capability> duplicate_capability(Thread& caller, abi::Handle handle, Rights needed, Rights keep);

/// Gives the caller a handle to an object that it just made.
template <class T>
Result<abi::Handle> give_handle(Thread& caller, T& object, Rights rights) {
    return caller.process().handles().add(Capability(object, rights));
}

/// Makes the system call that is in the frame of the thread running there, chooses who runs, and lets go of the kernel lock, which is held.
void finish_syscall(Cpu& cpu);

inline constexpr uint64_t kPageMask = abi::kPageBytes - 1;
constexpr uint64_t pages_for(uint64_t bytes) {
    return bytes / abi::kPageBytes + (bytes % abi::kPageBytes != 0 ? 1 : 0);
}

/// The caller's system call is made once more, so that interrupts get in between.
inline void make_again(Thread& caller) {
    caller.frame.registers.rip -= 2;  // the length of the syscall instruction
    caller.restart = true;
}

constexpr uint64_t kCopyStepBytes = 64 * 1024;

/// For calls with offset in rsi, address in rdx and length in r10: copies a bounded part; if more is left, moves the arguments on and runs
/// the system call again, so that interrupts get in.
template <class Copy>
Result<> copy_in_steps(Thread& caller, uint64_t length, Copy copy) {
    const uint64_t step = std::min(length, kCopyStepBytes);
    TRY(copy(step));
    if (step == length) return {};
    abi::Registers& r = caller.frame.registers;
    r.rsi += step;
    r.rdx += step;
    r.r10 -= step;
    make_again(caller);
    return {};
}

}  // namespace portico::kernel
