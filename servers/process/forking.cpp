#include <algorithm>
#include <cstring>

#include "servers/process/server.h"

namespace portico::process {

namespace {

/// For ps and for the kernel's lists. A name field need not end with a zero.
void rename(Process& process, const char (&field)[16]) {
    process.name.assign(field, ::strnlen(field, sizeof(field) - 1));
    native::set_name(process.kernel_process.get(), process.name);
}

}  // namespace

Result<Process*> Server::fork(Process& parent, const protocol::Fork& request) {
    if (parent.pid == 0) return fail(Error::AccessDenied);
    if (request.exit_signal < 0 || request.exit_signal > kSignalMax || request.share_space > 1) return fail(Error::InvalidArgument);
    const std::shared_ptr<Budget> budget = parent.children_budget ? parent.children_budget : parent.budget;
    TRY(demand_task_room(parent, budget.get()));
    Process& child = *TRY(table_.create(parent));
    child.budget = budget;
    child.task_count = TaskCount(budget);
    child.owner_tasks_max = parent.owner_tasks_max;
    child.name = parent.name;
    child.path = parent.path;
    child.arguments = parent.arguments;
    child.ignored = parent.ignored;
    child.child_flags = parent.child_flags;
    child.exit_signal = request.exit_signal;
    child.start_ns = now_ns();
    if (const Result<> started = start_clone(parent, child, request); !started) {
        if (child.kernel_process) (void)native::call(abi::ProcessKill{child.kernel_process.get(), kKill});
        table_.remove(child);
        return fail(started.error());
    }
    child.state = State::Running;
    return &child;
}

Task Server::on(Call call, protocol::Fork request) {
    const Result<Process*> parent = caller(call);
    const Result<Process*> child = parent ? fork(**parent, request) : parent;
    if (!child) {
        (void)call.refuse(child.error());
        co_return;
    }
    // A refused reply means that the parent is being killed: the child lives on as an orphan, as if it had been made before.
    const protocol::Fork::Reply answer{.pid = (*child)->pid};
    if (request.share_space == 0) {
        (void)call.reply<protocol::Fork>(answer);
        co_return;
    }
    ++(*parent)->vfork_waits;
    const Result<> released = co_await (*child)->space_released.wait(call.id());
    const Result<Process*> waiting = caller(call);  // the pointer from before may be dead
    if (waiting) --(*waiting)->vfork_waits;
    if (released || released.error() == Error::PeerClosed) (void)call.reply<protocol::Fork>(answer);
    if (!waiting) co_return;
    bool pending = !(*waiting)->pending.empty();
    for (const auto& [tid, thread] : (*waiting)->threads) {
        if (!thread.pending.empty()) (void)native::call(abi::ThreadAlert{thread.handle.get()});
    }
    if (pending) lifecycle_.alert(**waiting);
}

Result<protocol::Exec::Reply> Server::on(const Call& call, const protocol::Exec& request) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    constexpr uint64_t path_bytes_max = 4095;
    if (request.path_bytes > path_bytes_max || request.path_bytes > call.readable_bytes()) return fail(Error::InvalidArgument);
    const uint64_t text_bytes_max = request.path_bytes + 1 + Process::kArgumentsBytesMax;
    std::string text(std::min<uint64_t>(call.readable_bytes(), text_bytes_max), '\0');
    TRY(call.read(0, std::as_writable_bytes(std::span(text))));
    process.path = text.substr(0, request.path_bytes);
    process.arguments = text.size() > request.path_bytes + 1 ? text.substr(request.path_bytes + 1) : std::string{};
    rename(process, request.name);
    process.did_exec = true;
    process.timers.remove_created();
    set_ignored(process, request.ignored, request.child_flags);
    lifecycle_.release_space(process);
    const Credentials& credentials = process.credentials;
    const auto has_pending = [](const auto& thread) { return !thread.second.pending.empty(); };
    return protocol::Exec::Reply{.uid = credentials.uid,
                                 .euid = credentials.euid,
                                 .gid = credentials.gid,
                                 .egid = credentials.egid,
                                 .signals_pending = !process.pending.empty() || std::ranges::any_of(process.threads, has_pending)};
}

Result<protocol::SetName::Reply> Server::on(const Call& call, const protocol::SetName& request) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    rename(process, request.name);
    return protocol::SetName::Reply{};
}

Task Server::on(Call call, protocol::Exit request) {
    const Result<Process*> process = caller(call);
    if (!process || (*process)->pid == 0)
        (void)call.refuse(process ? Error::AccessDenied : process.error());
    else
        lifecycle_.kill(**process, static_cast<uint32_t>(request.wait_status & 0xFFFF));
    co_return;
}

}  // namespace portico::process
