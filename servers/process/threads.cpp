#include "servers/process/server.h"

namespace portico::process {

Result<protocol::ThreadCreate::Reply> Server::on(const Call& call, const protocol::ThreadCreate& request) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    // The number comes first, so that nothing can fail once the thread runs but the copy of its handle.
    TRY(demand_task_room(process, process.budget.get()));
    const int32_t tid = TRY(table_.add_thread(process, {.count = TaskCount(process.budget), .handle = {}, .pending = {}}));
    const abi::ThreadStart start{.instruction = request.instruction,
                                 .stack = request.stack,
                                 .argument = request.argument,
                                 .fs_base = request.fs_base,
                                 .gs_base = request.gs_base,
                                 .priority = kProgramPriority};
    const auto made = native::call(abi::ThreadCreate{process.kernel_process.get(), reinterpret_cast<uint64_t>(&start)});
    if (!made) {
        table_.remove_thread(process, tid);
        return fail(made.error());
    }
    Thread& thread = process.threads.find(tid)->second;
    thread.kernel_id = made->id;
    OwnedHandle& kept = thread.handle;
    kept.reset(made->thread);
    Result<OwnedHandle> shown = kept.duplicate();
    // Without memory for a second handle the creator gets the only one; the thread then takes no directed alerts.
    return protocol::ThreadCreate::Reply{.tid = tid, .thread = shown ? shown->release() : kept.release()};
}

Result<protocol::ThreadExit::Reply> Server::on(const Call& call, const protocol::ThreadExit& request) {
    Process& process = *TRY(caller(call));
    if (request.tid <= 0 || request.tid >= ProcessTable::kIdMax) return fail(Error::InvalidArgument);
    const auto tid = static_cast<int32_t>(request.tid);
    if (!process.threads.contains(tid)) return fail(Error::NoProcess);
    table_.remove_thread(process, tid);
    // An alert that went to it must not be lost with it.
    if (!process.pending.empty()) lifecycle_.alert(process);
    return protocol::ThreadExit::Reply{};
}

}  // namespace portico::process
