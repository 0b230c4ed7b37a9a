#pragma once

#include "posix/process.h"
#include "posix/signal_frame.h"
#include "posix/thread.h"

/// Taking, keeping and acting on signals.
///
///     process server --TakeSignal--> thread's or process's pending set --unblocked--> action: frame, nothing, stop, end
///
/// A signal for the whole process that its taker blocks is left in Process::pending_signals, and a thread that does not
/// block it is alerted.
namespace portico::posix {

/// Fetches what the process server holds for this process and thread.
void take_signals(Thread& thread);

/// Asks the process server if an alert came since the last time.
inline void take_if_alerted(Thread& thread) {
    if ((thread.pending.exchange(0) & Thread::kAlerted) != 0) take_signals(thread);
}

/// A signal of the thread to itself, or to its process, that it can take itself at once: no other process need hear of it. Its handler runs
/// when the call returns. False: the process server is to be asked.
bool raise_here(Thread& thread, int64_t pid, int64_t tid, uint64_t number);

/// Acts on all signals that are not blocked, the frame being the program's registers. Returns whether a handler will run.
/// Puts a temporary mask's saved one back.
bool deliver_signals(Thread& thread);

/// Acts on a fault of the program at once: its handler, or if it is blocked or ignored, the end.
void deliver_fault(Thread& thread, const SignalDetails& details, const abi::UpcallState& cause);

/// Ends the process as if by the default action of a signal.
[[noreturn]] void die_by_signal(Thread& thread, int number);

/// Ends the process with a wait status as in wait(2). In Bare mode its supervisor finds, as the exit code of ProcessInfo,
/// the exit code (0 to 255) or 128 + the signal.
[[noreturn]] void end_process(Process& process, uint64_t wait_status);

/// Takes one signal of `set` out of what is pending for the thread; number 0: there is none.
protocols::process::SignalInfo take_awaited(Thread& thread, uint64_t set);
/// Waits for one, with thread.awaited set. Number 0: `error` says why: -EAGAIN at the deadline, -kRestartNoHandler for another signal.
protocols::process::SignalInfo await_signal(Thread& thread, uint64_t set, uint64_t deadline_ns, int64_t& error);

/// Tells the signalfds of the process what is pending, so that polls and epolls learn of it.
enum class TellSignals : uint8_t { IfChanged, Always };
void tell_signal_sets(Thread& thread, TellSignals when);

/// Sets the thread's mask and has newly unblocked signals delivered before the program goes on.
void set_signal_mask(Thread& thread, uint64_t mask);

/// Tells the process server which signals are ignored, if that changed.
void tell_ignored(Process& process) EXCLUDES(process.mutex);

/// What it would tell, which counts as told from now on: Exec carries it.
struct IgnoredSignals {
    uint64_t signals = 0;
    uint32_t child_flags = 0;
};
IgnoredSignals told_ignored(Process& process) EXCLUDES(process.mutex);

/// Builds the frame of a handler and makes the registers enter it. False: the stack could not take it.
bool push_signal_frame(Thread& thread, const SignalDetails& details, const SignalAction& action, const abi::UpcallState* cause);

/// rt_sigreturn: loads registers, mask and vector state from the frame below the stack pointer.
Result<> pop_signal_frame(Thread& thread);

bool is_on_alternate_stack(const Thread& thread, uint64_t stack_pointer);

}  // namespace portico::posix
