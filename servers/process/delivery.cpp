#include "servers/process/lifecycle.h"

namespace portico::process {

Result<> Lifecycle::deliver(Process& target, const SignalInfo& info, Thread* thread) {
    if (info.number < 1 || info.number > kSignalMax) return fail(Error::InvalidArgument);
    if (target.pid == 0 || target.state == State::Ending || target.state == State::Zombie) return {};
    const uint64_t bit = signal_bit(info.number);
    if (info.number == kKill) {
        kill(target, kKill);
        return {};
    }
    if ((bit & kStopSignals) != 0) discard_everywhere(target, signal_bit(kContinue));
    if (info.number == kStop) {
        stop(target, kStop);
        return {};
    }
    if (info.number == kContinue) resume(target);
    if ((target.ignored & bit) != 0) return {};
    if (const Result<> queued = (thread != nullptr ? thread->pending : target.pending).add(info); !queued) return queued;
    alert(target, thread);
    return {};
}

void Lifecycle::deliver_to_group(int32_t group, const SignalInfo& info) {
    const std::set<int32_t> members = table_.group_members(group);  // a copy: delivery may change the group
    for (const int32_t pid : members)
        if (Process* member = table_.find(pid); member != nullptr) (void)deliver(*member, info);
}

void Lifecycle::discard_everywhere(Process& process, uint64_t signals) {
    process.pending.discard(signals);
    for (auto& [tid, thread] : process.threads) thread.pending.discard(signals);
}

bool Lifecycle::try_alert(Process& process, int32_t tid) {
    const auto thread = process.threads.find(tid);
    if (thread == process.threads.end()) return false;
    const Result<> alerted = native::call(abi::ThreadAlert{thread->second.handle.get()});
    return alerted.has_value();
}

void Lifecycle::alert(Process& process, Thread* thread) {
    // A vfork parent's call can not be ended and repeated: it is alerted when the child has let go of its memory.
    if (process.vfork_waits > 0) return;
    if (thread != nullptr) {
        (void)native::call(abi::ThreadAlert{thread->handle.get()});
        return;
    }
    if (try_alert(process, process.pid)) return;
    // The first thread has ended, as have those that an exec cut off without a word: any living one will do.
    for (const auto& [tid, other] : process.threads)
        if (try_alert(process, tid)) return;
}

void Lifecycle::stop(Process& process, int signal) {
    if (process.state != State::Running) return;
    process.state = State::Stopped;
    process.stop_signal = signal;
    process.stop_unreported = true;
    process.continue_unreported = false;
    process.stop_taken = false;
    (void)native::call(abi::ProcessSuspend{process.kernel_process.get()});
    notify_parent(process, kCodeStopped, signal);
}

void Lifecycle::resume(Process& process) {
    discard_everywhere(process, kStopSignals);
    process.stop_taken = false;
    if (process.state != State::Stopped) return;
    process.state = State::Running;
    process.stop_unreported = false;
    process.continue_unreported = true;
    (void)native::call(abi::ProcessResume{process.kernel_process.get()});
    process.continued.wake_all();
    notify_parent(process, kCodeContinued, kContinue);
}

void Lifecycle::notify_parent(Process& child, int code, int status) {
    Process* parent = table_.find(child.parent);
    if (parent == nullptr) return;
    if ((parent->child_flags & kNoStopNotice) == 0)
        (void)deliver(*parent, {.number = kChild, .code = code, .pid = child.pid, .uid = child.credentials.uid, .status = status});
    parent->child_changes.wake_all();
}

}  // namespace portico::process
