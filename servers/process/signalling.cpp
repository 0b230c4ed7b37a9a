#include <algorithm>

#include "servers/process/credential_rules.h"
#include "servers/process/server.h"

namespace portico::process {

Result<> Server::send_signal(Process& sender, Process& target, const SignalInfo& info, Thread* thread) {
    const bool continues_own_session = info.number == kContinue && sender.session == target.session;
    if (sender.pid != 0 && !continues_own_session && !may_signal(sender.credentials, target.credentials)) return fail(Error::AccessDenied);
    if (info.number == 0) return {};
    return lifecycle_.deliver(target, info, thread);
}

Result<> Server::send_to_many(Process& sender, int64_t selector, const SignalInfo& info) {
    std::vector<int32_t> targets;
    if (selector == -1) {
        targets = table_.list(1, ProcessTable::kIdMax);  // all but pid 1 and the caller
        std::erase(targets, sender.pid);
    } else {
        if (selector <= -ProcessTable::kIdMax) return fail(Error::NoProcess);
        const int64_t group = selector == 0 ? sender.group : -selector;
        const std::set<int32_t>& members = table_.group_members(static_cast<int32_t>(group));
        targets.assign(members.begin(), members.end());
    }
    Result<> result = fail(Error::NoProcess);
    for (const int32_t pid : targets) {
        Process* target = table_.find(pid);
        if (target == nullptr) continue;
        const Result<> sent = send_signal(sender, *target, info, nullptr);
        if (sent || !result) result = result ? result : sent;  // one success is enough
    }
    return result;
}

Result<> Server::send_to_thread(Process& sender, int64_t pid, int64_t tid, SignalInfo info) {
    Process* target = table_.find_by_thread(tid);
    if (target == nullptr || target->pid == 0 || (pid > 0 && target->pid != pid)) return fail(Error::NoProcess);
    const auto thread = target->threads.find(static_cast<int32_t>(tid));
    return send_signal(sender, *target, info, thread == target->threads.end() ? nullptr : &thread->second);
}

Result<protocol::Kill::Reply> Server::on(const Call& call, const protocol::Kill& request) {
    Process& sender = *TRY(caller(call));
    if (request.signal > static_cast<uint64_t>(kSignalMax)) return fail(Error::InvalidArgument);
    SignalInfo info{.code = request.tid > 0 ? kCodeThreadKill : kCodeUser, .pid = sender.pid, .uid = sender.credentials.uid};
    if (call.readable_bytes() != 0) {
        if (call.readable_bytes() != sizeof info) return fail(Error::InvalidArgument);
        TRY(call.read(0, std::as_writable_bytes(std::span(&info, 1))));
        // Nobody may pretend to others to be the kernel or kill(2).
        const bool to_itself = request.pid == sender.pid;
        if ((info.code >= 0 || info.code == kCodeThreadKill) && !to_itself) return fail(Error::AccessDenied);
    }
    info.number = static_cast<int32_t>(request.signal);
    if (request.tid > 0) {
        TRY(send_to_thread(sender, request.pid, request.tid, info));
    } else if (request.pid > 0) {
        Process* target = TRY(named(sender, request.pid));
        TRY(send_signal(sender, *target, info, nullptr));
    } else {
        TRY(send_to_many(sender, request.pid, info));
    }
    return protocol::Kill::Reply{};
}

Task Server::on(Call call, protocol::TakeSignal request) {
    const Result<Process*> found = caller(call);
    if (!found) {
        (void)call.refuse(found.error());
        co_return;
    }
    Process& process = **found;
    const auto thread = request.tid > 0 && request.tid < ProcessTable::kIdMax ? process.threads.find(static_cast<int32_t>(request.tid))
                                                                              : process.threads.end();
    const bool from_thread = thread != process.threads.end() && !thread->second.pending.empty();
    SignalQueue& queue = from_thread ? thread->second.pending : process.pending;
    const SignalInfo info = with_overruns(process, queue.first().value_or(SignalInfo{}));
    const Result<> told = call.write(0, std::as_bytes(std::span(&info, 1)));
    if (!told) {
        (void)call.refuse(told.error());
        co_return;
    }
    // Reply, then commit: what an interrupted caller did not see stays pending.
    if (!call.reply<protocol::TakeSignal>({}) || info.number == 0) co_return;
    queue.remove_first(info.number);
    note_taken(process, info);
    if ((signal_bit(info.number) & kStopSignals) != 0) process.stop_taken = true;
}

Result<protocol::SetIgnored::Reply> Server::on(const Call& call, const protocol::SetIgnored& request) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    set_ignored(process, request.ignored, request.child_flags);
    return protocol::SetIgnored::Reply{};
}

void Server::set_ignored(Process& process, uint64_t ignored, uint64_t child_flags) {
    process.ignored = ignored & ~kNeverIgnored;
    process.child_flags = child_flags & (kNoStopNotice | kNoZombies);
    process.pending.discard(process.ignored);
    for (auto& [tid, thread] : process.threads) thread.pending.discard(process.ignored);
}

Result<protocol::SignalGroup::Reply> Server::on(const Call& call, const protocol::SignalGroup& request) {
    const Process* sender = TRY(caller(call));
    TRY(require_init(*sender));
    if (request.group <= 0 || request.group >= ProcessTable::kIdMax || request.signal < 1 || request.signal > kSignalMax)
        return fail(Error::InvalidArgument);
    lifecycle_.deliver_to_group(static_cast<int32_t>(request.group), {.number = static_cast<int32_t>(request.signal), .code = kCodeKernel});
    return protocol::SignalGroup::Reply{};
}

}  // namespace portico::process
