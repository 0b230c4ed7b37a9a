#include <cstddef>

#include "abi/boot_block.h"
#include "servers/process/badge.h"
#include "servers/process/server.h"

namespace portico::process {

namespace {

constexpr uint64_t kClientCredits = 64;      // one-way messages it may have queued; calls need none
constexpr uint64_t kSupervisorCredits = 64;  // faults that may wait to be seen

template <class T>
Result<> write_value(abi::Handle memory, uint64_t offset, const T& value) {
    return native::call(abi::MemoryWrite{memory, offset, reinterpret_cast<uint64_t>(&value), sizeof value});
}

}  // namespace

Result<OwnedHandle> Server::make_sender(const Process& process, BadgeKind kind, uint64_t credits) {
    const uint64_t badge = make_badge(kind, process.pid, process.serial);
    return OwnedHandle(TRY(native::call(abi::PortBadge{environment_.port, badge, credits})).sender);
}

Result<> Server::give_server_handle(Process& process, abi::Handle slot) {
    const OwnedHandle sender = TRY(make_sender(process, BadgeKind::Client, kClientCredits));
    const auto installed =
        TRY(native::call(abi::HandleInstall{process.kernel_process.get(), slot, sender.get(), static_cast<uint64_t>(abi::Rights::Send)}));
    // A clone knows the server under its parent's value: any other would be of no use to it.
    if (slot && installed.handle != slot) return fail(Error::WrongState);
    process.server_handle = installed.handle;
    return {};
}

Result<protocol::Spawn::Reply> Server::on(const Call& call, const protocol::Spawn& request) {
    const OwnedHandle space(request.space);
    const OwnedHandle boot_block(request.boot_block);
    Process& init = *TRY(caller(call));
    TRY(require_init(init));
    if (lifecycle_.is_ending()) return fail(Error::WrongState);
    TRY(demand_task_room(init, programs_budget_.get()));
    Process& process = *TRY(table_.create(init));
    process.budget = programs_budget_;
    process.task_count = TaskCount(process.budget);
    Result<OwnedHandle> shown = fail(Error::WrongState);
    Result<> made = set_up_spawned(process, request);
    if (made) {
        shown = process.kernel_process.duplicate();
        if (!shown) made = fail(shown.error());
    }
    if (!made) {
        if (process.kernel_process) (void)native::call(abi::ProcessKill{process.kernel_process.get(), kKill});
        table_.remove(process);
        return fail(made.error());
    }
    table_.lead_new_session(process);
    table_.session_of(process).terminal = std::move(next_terminal_);
    table_.session_of(process).special_device = std::exchange(next_special_device_, 0);
    if (!lifecycle_.has_reaper()) lifecycle_.set_reaper(process);
    return protocol::Spawn::Reply{.pid = process.pid, .process = shown->release()};
}

Result<> Server::set_up_spawned(Process& process, const protocol::Spawn& request) {
    const OwnedHandle supervisor = TRY(make_sender(process, BadgeKind::Supervisor, kSupervisorCredits));
    process.kernel_process =
        OwnedHandle(TRY(native::call(abi::ProcessCreate{request.space, process.budget->account(), supervisor.get()})).process);
    TRY(give_server_handle(process, abi::kNoHandle));
    const uint64_t block = request.boot_block_offset;
    TRY(write_value(request.boot_block, block + offsetof(abi::BootBlock, process_server), process.server_handle));
    return write_value(request.boot_block, block + offsetof(abi::BootBlock, pid), process.pid);
}

Result<protocol::Start::Reply> Server::on(const Call& call, const protocol::Start& request) {
    const Process* init = TRY(caller(call));
    TRY(require_init(*init));
    Process* process = table_.find(request.pid);
    if (process == nullptr) return fail(Error::NoProcess);
    if (process->pid == 0 || process->state != State::New) return fail(Error::WrongState);
    const abi::ThreadStart start{
        .instruction = environment_.program_start, .argument = abi::kBootBlockAddress, .priority = kProgramPriority};
    const auto made = TRY(native::call(abi::ThreadCreate{process->kernel_process.get(), reinterpret_cast<uint64_t>(&start)}));
    table_.add_main_thread(*process, {.count = {}, .handle = OwnedHandle(made.thread), .pending = {}, .kernel_id = made.id});
    process->state = State::Running;
    process->start_ns = now_ns();
    return protocol::Start::Reply{};
}

Result<> Server::start_clone(const Process& parent, Process& child, const protocol::Fork& request) {
    const OwnedHandle supervisor = TRY(make_sender(child, BadgeKind::Supervisor, kSupervisorCredits));
    const abi::ProcessClone clone{parent.kernel_process.get(), supervisor.get(), request.share_space, child.budget->account()};
    child.kernel_process = OwnedHandle(TRY(native::call(clone)).process);
    TRY(give_server_handle(child, parent.server_handle));
    const abi::ThreadStart start{.instruction = request.instruction,
                                 .stack = request.stack,
                                 .argument = static_cast<uint64_t>(child.pid),
                                 .fs_base = request.fs_base,
                                 .gs_base = request.gs_base,
                                 .priority = kProgramPriority};
    const auto made = TRY(native::call(abi::ThreadCreate{child.kernel_process.get(), reinterpret_cast<uint64_t>(&start)}));
    table_.add_main_thread(child, {.count = {}, .handle = OwnedHandle(made.thread), .pending = {}, .kernel_id = made.id});
    return {};
}

}  // namespace portico::process
