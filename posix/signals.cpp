#include "posix/signals.h"

#include <cerrno>

#include "posix/identities.h"
#include "posix/interruptible.h"
#include "posix/linux_call.h"

namespace portico::posix {

using protocols::process::SignalInfo;

namespace {

constexpr int32_t kCodeThread = -6;  // SI_TKILL
constexpr uint64_t kIgnoredByDefault = signal_bit(kChild) | signal_bit(kContinue) | signal_bit(kUrgent) | signal_bit(kWindowChange);
constexpr uint64_t kStopsByDefault =
    signal_bit(kStop) | signal_bit(kTerminalStop) | signal_bit(kTerminalInput) | signal_bit(kTerminalOutput);

/// Wakes a thread of the process that can take `number`; if there is none, it waits in the set until one unblocks it.
void alert_another(Process& process, const Thread& taker, int number) {
    const MutexGuard guard(process.mutex);
    for (Thread* other = process.threads; other != nullptr; other = other->next) {
        if (other == &taker || other->ended || !other->handle) continue;
        const uint64_t refused = other->signal_mask & ~other->awaited;
        if ((refused & signal_bit(number)) != 0) continue;
        if (native::call(abi::ThreadAlert{other->handle})) return;
    }
}

void keep(Thread& thread, const SignalInfo& info) {
    const uint64_t refused = thread.signal_mask & ~thread.awaited;
    if (info.code == kCodeThread || (refused & signal_bit(info.number)) == 0) return thread.pending_signals.add(info);
    {
        const MutexGuard guard(thread.process->mutex);
        thread.process->pending_signals.add(info);
    }
    alert_another(*thread.process, thread, info.number);
}

SignalInfo next_deliverable(Thread& thread) {
    const uint64_t wanted = ~thread.signal_mask.load();
    const SignalInfo own = thread.pending_signals.take(wanted);
    if (own.number != 0) return own;
    const MutexGuard guard(thread.process->mutex);
    return thread.process->pending_signals.take(wanted);
}

/// The action, which SA_RESETHAND turns back to the default as it is taken.
SignalAction take_action(Process& process, int number) {
    const MutexGuard guard(process.mutex);
    SignalAction& action = process.actions[number - 1];
    const SignalAction taken = action;
    if ((taken.flags & kResetHand) != 0 && taken.handler > kIgnore) action.handler = kDefault;
    return taken;
}

/// The interrupted call's outcome, as the handler's return will find it.
void settle_interrupted_call(Thread& thread, const SignalAction& action) {
    if (!thread.in_call) return;
    thread.in_call = false;
    const auto result = static_cast<int64_t>(thread.frame->rax);
    if (result == -kRestart && (action.flags & kRestartFlag) != 0) {
        thread.frame->rax = thread.call_number;
        thread.frame->rip -= 2;  // the syscall instruction
    } else if (result == -kRestart || result == -kRestartNoHandler) {
        thread.frame->rax = static_cast<uint64_t>(int64_t{-EINTR});
    }
}

void enter_handler(Thread& thread, const SignalDetails& details, const SignalAction& action, const abi::UpcallState* cause) {
    settle_interrupted_call(thread, action);
    if (!push_signal_frame(thread, details, action, cause)) die_by_signal(thread, kSegv);
    thread.restore_saved_mask = false;  // the frame holds the saved mask now
    uint64_t mask = thread.signal_mask | action.mask;
    if ((action.flags & kNoDefer) == 0) mask |= signal_bit(details.number);
    thread.signal_mask = mask & ~kUnblockable;
}

/// Returns whether a handler will run.
bool act(Thread& thread, const SignalInfo& info) {
    const SignalAction action = take_action(*thread.process, info.number);
    if (action.handler == kIgnore) return false;
    if (action.handler != kDefault) {
        enter_handler(thread, SignalDetails::of(info), action, nullptr);
        return true;
    }
    const uint64_t bit = signal_bit(info.number);
    if ((bit & kIgnoredByDefault) != 0) return false;
    if ((bit & kStopsByDefault) == 0) die_by_signal(thread, info.number);
    (void)settled_call(thread.process->process_server, protocols::process::Stop{.signal = static_cast<uint64_t>(info.number)});
    return false;
}

}  // namespace

void take_signals(Thread& thread) {
    if (thread.process->mode != abi::RuntimeMode::Posix) return;
    for (;;) {
        SignalInfo info{};
        const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(&info, 1))};
        const auto reply = settled_call(thread.process->process_server, protocols::process::TakeSignal{.tid = thread.tid.load()}, lend);
        if (!reply || info.number < 1 || info.number > kSignalMax) return;
        keep(thread, info);
    }
}

bool raise_here(Thread& thread, int64_t pid, int64_t tid, uint64_t number) {
    constexpr uint64_t kBesidesHandler = kUnblockable | kStopsByDefault | signal_bit(kContinue);  // they do something at once
    Process& process = *thread.process;
    const bool to_thread = tid != 0;
    if (process.mode != abi::RuntimeMode::Posix || (to_thread ? tid != thread.tid || (pid != 0 && pid != process.pid) : pid != process.pid))
        return false;
    if (number < 1 || number > kSignalMax) return false;
    const uint64_t bit = signal_bit(static_cast<int>(number));
    if ((bit & (kBesidesHandler | thread.signal_mask)) != 0) return false;
    {
        const MutexGuard guard(process.mutex);
        if (process.actions[number - 1].handler <= kIgnore) return false;
    }
    const protocols::process::Identity* const identity = identity_of(process);
    if (identity == nullptr) return false;
    thread.pending_signals.add(
        {.number = static_cast<int32_t>(number), .code = to_thread ? kCodeThread : 0, .pid = process.pid, .uid = identity->uid});
    thread.pending |= Thread::kKept;
    return true;
}

bool deliver_signals(Thread& thread) {
    bool handler_runs = false;
    for (;;) {
        take_if_alerted(thread);
        const SignalInfo info = next_deliverable(thread);
        if (info.number == 0) break;
        handler_runs = act(thread, info) || handler_runs;
    }
    tell_signal_sets(thread, TellSignals::IfChanged);
    thread.end_temporary_mask();
    return handler_runs;
}

void deliver_fault(Thread& thread, const SignalDetails& details, const abi::UpcallState& cause) {
    const SignalAction action = take_action(*thread.process, details.number);
    const bool blocked = (thread.signal_mask & signal_bit(details.number)) != 0;
    if (action.handler <= kIgnore || blocked) die_by_signal(thread, details.number);
    enter_handler(thread, details, action, &cause);
}

void set_signal_mask(Thread& thread, uint64_t mask) {
    thread.signal_mask = mask & ~kUnblockable;
    const MutexGuard guard(thread.process->mutex);
    const uint64_t kept = thread.pending_signals.set() | thread.process->pending_signals.set();
    if ((kept & ~thread.signal_mask.load()) != 0) thread.pending |= Thread::kKept;
}

static IgnoredSignals ignored_signals(const Process& process) REQUIRES(process.mutex) {
    IgnoredSignals all;
    for (int number = 1; number <= kSignalMax; ++number) {
        const uint64_t handler = process.actions[number - 1].handler;
        if (handler == kIgnore || (handler == kDefault && (signal_bit(number) & kIgnoredByDefault) != 0)) all.signals |= signal_bit(number);
    }
    const SignalAction& child = process.actions[kChild - 1];
    if ((child.flags & kNoChildStop) != 0) all.child_flags |= 1;
    if ((child.flags & kNoChildWait) != 0 || child.handler == kIgnore) all.child_flags |= 2;
    return all;
}

IgnoredSignals told_ignored(Process& process) {
    const MutexGuard guard(process.mutex);
    const IgnoredSignals all = ignored_signals(process);
    process.ignored_told = all.signals;
    process.child_flags_told = all.child_flags;
    return all;
}

void tell_ignored(Process& process) {
    IgnoredSignals all;
    {
        const MutexGuard guard(process.mutex);
        all = ignored_signals(process);
        if (all.signals == process.ignored_told && all.child_flags == process.child_flags_told) return;
        process.ignored_told = all.signals;
        process.child_flags_told = all.child_flags;
    }
    (void)settled_call(process.process_server, protocols::process::SetIgnored{.ignored = all.signals, .child_flags = all.child_flags});
}

void end_process(Process& process, uint64_t wait_status) {
    if (process.mode == abi::RuntimeMode::Posix)
        (void)settled_call(process.process_server, protocols::process::Exit{.wait_status = wait_status});
    const uint64_t signal = wait_status & 0x7F;
    const uint64_t code = signal != 0 ? 128 + signal : (wait_status >> 8) & 0xFF;
    for (;;) (void)native::call(abi::ProcessKill{abi::kSelfProcess, code});
}

void die_by_signal(Thread& thread, int number) {
    end_process(*thread.process, static_cast<uint64_t>(number));
}

}  // namespace portico::posix
