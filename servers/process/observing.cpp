#include "servers/process/server.h"

/// What those who look on ask: whose a thread is, and when a process ends.
namespace portico::process {

Result<protocol::FindThread::Reply> Server::on(const Call& call, const protocol::FindThread& request) {
    const Process* asking = TRY(caller(call));
    TRY(require_init(*asking));
    protocol::FindThread::Reply found{};
    table_.for_each([&](Process& process) {
        for (const auto& [tid, thread] : process.threads)
            if (static_cast<uint32_t>(thread.kernel_id) == request.kernel_id) found = {.pid = process.pid, .tid = tid};
    });
    if (found.pid == 0) return fail(Error::NoProcess);
    return found;
}

Task Server::on(Call call, protocol::AwaitEnd request) {
    const Result<Process*> asking = caller(call);
    const Result<> allowed = asking ? require_init(**asking) : fail(asking.error());
    Process* process = allowed ? table_.find(request.pid) : nullptr;
    if (process == nullptr || process->pid == 0) {
        (void)call.refuse(allowed ? Error::NoProcess : allowed.error());
        co_return;
    }
    if (process->state != State::Zombie) {
        const Result<> ended = co_await process->ended.wait(call.id());
        if (!ended) {  // cancelled, or a process that was never begun
            (void)call.refuse(ended.error());
            co_return;
        }
        process = table_.find(request.pid);  // it is there: this runs while it ends
    }
    (void)call.reply<protocol::AwaitEnd>({.wait_status = process->wait_status});
}

}  // namespace portico::process
