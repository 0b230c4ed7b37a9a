#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/signals.h"
#include "posix/user_copy.h"

/// Linux calls about signals: actions, masks, sending, waiting.
namespace portico::posix {

using protocols::process::Kill;
using protocols::process::SignalInfo;

namespace {

constexpr uint64_t kSetBytes = 8;
constexpr uint64_t kStackBytesMin = 2048;

bool is_signal(uint64_t number) {
    return number >= 1 && number <= kSignalMax;
}

/// A signal to oneself must be acted on before the call returns, and an alert may come later than the reply.
int64_t sent(Thread& thread, const Result<protocols::Empty>& reply) {
    if (!reply) return reply.error() == Error::AccessDenied ? -EPERM : to_errno(reply.error());
    thread.pending |= Thread::kAlerted;
    return 0;
}

int64_t send(Thread& thread, int64_t pid, int64_t tid, uint64_t signal) {
    if (signal > kSignalMax) return -EINVAL;
    if (raise_here(thread, pid, tid, signal)) return 0;
    return sent(thread, settled_call(thread.process->process_server, Kill{.pid = pid, .tid = tid, .signal = signal}));
}

/// sigqueue: the sender gives the siginfo; it may not pretend to be the kernel or kill.
int64_t queue(Thread& thread, int64_t pid, int64_t tid, uint64_t signal, uint64_t details_address) {
    if (!is_signal(signal)) return -EINVAL;
    const auto details = read_user<SignalDetails>(details_address);
    if (!details) return -EFAULT;
    if ((details->code >= 0 || details->code == -6) && pid != thread.process->pid) return -EPERM;
    SignalInfo info{.number = static_cast<int32_t>(signal),
                    .code = details->code,
                    .pid = details->sender.pid,
                    .uid = details->sender.uid,
                    .value = details->sender.value};
    const ipc::Lend lend{.readable = std::as_bytes(std::span(&info, 1))};
    return sent(thread, settled_call(thread.process->process_server, Kill{.pid = pid, .tid = tid, .signal = signal}, lend));
}

bool has_deliverable(Thread& thread) {
    const MutexGuard guard(thread.process->mutex);
    return ((thread.pending_signals.set() | thread.process->pending_signals.set()) & ~thread.signal_mask.load()) != 0;
}

}  // namespace

SignalInfo take_awaited(Thread& thread, uint64_t set) {
    take_if_alerted(thread);
    SignalInfo taken = thread.pending_signals.take(set);
    if (taken.number == 0) {
        const MutexGuard guard(thread.process->mutex);
        taken = thread.process->pending_signals.take(set);
    }
    if (has_deliverable(thread)) thread.pending |= Thread::kKept;
    return taken;
}

SignalInfo await_signal(Thread& thread, uint64_t set, uint64_t deadline_ns, int64_t& error) {
    for (;;) {
        const SignalInfo info = take_awaited(thread, set);
        if (info.number != 0) return info;
        if (has_deliverable(thread)) {
            error = -kRestartNoHandler;
            return {};
        }
        if (interruptible::sleep(thread, deadline_ns)) {
            error = -EAGAIN;
            return {};
        }
    }
}

int64_t sys_rt_sigaction(Thread& thread, const Arguments& arguments) {
    const auto [number, action_address, old_address, set_bytes, unused, unused_too] = arguments;
    if (!is_signal(number) || set_bytes != kSetBytes) return -EINVAL;
    Process& process = *thread.process;
    SignalAction action;
    if (action_address != 0) {
        if (number == kKill || number == kStop) return -EINVAL;
        const auto read = read_user<SignalAction>(action_address);
        if (!read) return -EFAULT;
        action = *read;
        action.mask &= ~kUnblockable;
    }
    SignalAction old;
    {
        const MutexGuard guard(process.mutex);
        old = process.actions[number - 1];
        if (action_address != 0) {
            process.actions[number - 1] = action;
            if (action.handler == kIgnore) {
                process.pending_signals.discard(signal_bit(static_cast<int>(number)));
                thread.pending_signals.discard(signal_bit(static_cast<int>(number)));
            }
        }
    }
    if (action_address != 0 && process.mode == abi::RuntimeMode::Posix) tell_ignored(process);
    if (old_address != 0 && !write_user(old_address, old)) return -EFAULT;
    return 0;
}

int64_t sys_rt_sigprocmask(Thread& thread, const Arguments& arguments) {
    const auto [how, set_address, old_address, set_bytes, unused, unused_too] = arguments;
    if (set_bytes != kSetBytes) return -EINVAL;
    const uint64_t old = thread.signal_mask;
    if (set_address != 0) {
        const auto set = read_user<uint64_t>(set_address);
        if (!set) return -EFAULT;
        switch (static_cast<uint32_t>(how)) {
        case 0:
            set_signal_mask(thread, old | *set);
            break;
        case 1:
            set_signal_mask(thread, old & ~*set);
            break;
        case 2:
            set_signal_mask(thread, *set);
            break;
        default:
            return -EINVAL;
        }
    }
    if (old_address != 0 && !write_user(old_address, old)) return -EFAULT;
    return 0;
}

int64_t sys_rt_sigreturn(Thread& thread, const Arguments&) {
    if (!pop_signal_frame(thread)) die_by_signal(thread, kSegv);
    thread.in_call = false;  // the frame is what was interrupted: its rax is no result
    return 0;
}

int64_t sys_rt_sigpending(Thread& thread, const Arguments& arguments) {
    if (arguments[1] > kSetBytes) return -EINVAL;
    take_if_alerted(thread);
    uint64_t set = 0;
    {
        const MutexGuard guard(thread.process->mutex);
        const uint64_t kept = thread.pending_signals.set() | thread.process->pending_signals.set();
        set = kept & thread.signal_mask.load();
        if ((kept & ~thread.signal_mask.load()) != 0) thread.pending |= Thread::kKept;
    }
    return to_errno(copy_to_user(arguments[0], &set, arguments[1]));
}

int64_t sys_rt_sigsuspend(Thread& thread, const Arguments& arguments) {
    if (arguments[1] != kSetBytes) return -EINVAL;
    const auto mask = read_user<uint64_t>(arguments[0]);
    if (!mask) return -EFAULT;
    thread.begin_temporary_mask(*mask);
    while (interruptible::sleep(thread, abi::kForever)) {
    }
    return -kRestartNoHandler;
}

int64_t sys_pause(Thread& thread, const Arguments&) {
    while (interruptible::sleep(thread, abi::kForever)) {
    }
    return -kRestartNoHandler;
}

int64_t sys_rt_sigtimedwait(Thread& thread, const Arguments& arguments) {
    const auto [set_address, details_address, timeout_address, set_bytes, unused, unused_too] = arguments;
    if (set_bytes != kSetBytes) return -EINVAL;
    const auto set = read_user<uint64_t>(set_address);
    if (!set) return -EFAULT;
    uint64_t deadline_ns = abi::kForever;
    if (timeout_address != 0) {
        const auto timeout = read_user<TimeSpec>(timeout_address);
        if (!timeout) return -EFAULT;
        if (!timeout->valid()) return -EINVAL;
        deadline_ns = thread.restart_deadline_ns != 0 ? thread.restart_deadline_ns : deadline_after(timeout->to_ns());
        thread.restart_deadline_ns = deadline_ns;
    }
    int64_t error = 0;
    thread.awaited = *set & ~kUnblockable;
    const SignalInfo info = await_signal(thread, thread.awaited, deadline_ns, error);
    thread.awaited = 0;
    tell_signal_sets(thread, TellSignals::IfChanged);
    if (info.number == 0) return error;
    if (details_address != 0 && !write_user(details_address, SignalDetails::of(info))) return -EFAULT;
    return info.number;
}

int64_t sys_sigaltstack(Thread& thread, const Arguments& arguments) {
    const SignalStack old = thread.alternate_stack;
    const bool in_use = is_on_alternate_stack(thread, thread.frame->rsp);
    if (arguments[0] != 0) {
        auto stack = read_user<SignalStack>(arguments[0]);
        if (!stack) return -EFAULT;
        if (in_use) return -EPERM;
        if ((stack->flags & ~(SignalStack::kDisabled | SignalStack::kOnStackNow)) != 0) return -EINVAL;
        stack->flags &= SignalStack::kDisabled;
        if (stack->flags == 0 && stack->length_bytes < kStackBytesMin) return -ENOMEM;
        thread.alternate_stack = *stack;
    }
    if (arguments[1] == 0) return 0;
    SignalStack shown = old;
    if (in_use) shown.flags = SignalStack::kOnStackNow;
    return to_errno(write_user(arguments[1], shown));
}

int64_t sys_kill(Thread& thread, const Arguments& arguments) {
    return send(thread, static_cast<int32_t>(arguments[0]), 0, static_cast<uint32_t>(arguments[1]));
}

int64_t sys_tkill(Thread& thread, const Arguments& arguments) {
    const auto tid = static_cast<int32_t>(arguments[0]);
    return tid <= 0 ? -EINVAL : send(thread, 0, tid, static_cast<uint32_t>(arguments[1]));
}

int64_t sys_tgkill(Thread& thread, const Arguments& arguments) {
    const auto pid = static_cast<int32_t>(arguments[0]);
    const auto tid = static_cast<int32_t>(arguments[1]);
    return pid <= 0 || tid <= 0 ? -EINVAL : send(thread, pid, tid, static_cast<uint32_t>(arguments[2]));
}

int64_t sys_rt_sigqueueinfo(Thread& thread, const Arguments& arguments) {
    return queue(thread, static_cast<int32_t>(arguments[0]), 0, static_cast<uint32_t>(arguments[1]), arguments[2]);
}

int64_t sys_rt_tgsigqueueinfo(Thread& thread, const Arguments& arguments) {
    const auto tid = static_cast<int32_t>(arguments[1]);
    if (tid <= 0) return -EINVAL;
    return queue(thread, static_cast<int32_t>(arguments[0]), tid, static_cast<uint32_t>(arguments[2]), arguments[3]);
}

}  // namespace portico::posix
