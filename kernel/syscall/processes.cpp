#include "kernel/ipc/futex.h"
#include "kernel/syscall/handlers.h"

namespace portico::kernel {
namespace {

constexpr Rights kProcessRights = Rights::Duplicate | Rights::Transfer | Rights::Read | Rights::Control;

Result<Ref<Sender>> find_supervisor(Thread& caller, abi::Handle handle) {
    if (!handle) return Ref<Sender>();
    return Ref<Sender>(*TRY(find_object<Sender>(caller, handle, Rights::Send)));
}

/// An exit is made once: whether what it clears is there is looked at first.
Result<> demand_present(Thread& caller, uint64_t address) {
    if (address == 0) return {};
    const auto there = caller.process().space().resolve_ram(address, Access::Write);
    return there || there.error() != kPageAbsent ? Result<>{} : fail(kPageAbsent);
}

void clear_and_wake(Thread& caller, uint64_t address) {
    if (address == 0) return;
    if (!caller.process().space().write(address, uint32_t{0})) return;
    if (const auto key = futex_key(caller, address, true)) futex_wake(*key, 1, ~0u);
    if (const auto key = futex_key(caller, address, false)) futex_wake(*key, 1, ~0u);
}

}  // namespace

template <>
Result<abi::ProcessCreate::Reply> on_syscall(Thread& caller, const abi::ProcessCreate& call) {
    AddressSpace* space = TRY(find_object<AddressSpace>(caller, call.space, Rights::Map));
    Account* account = TRY(find_object<Account>(caller, call.account, Rights::Control));
    Ref<Sender> supervisor = TRY(find_supervisor(caller, call.supervisor));
    Ref<Process> process = TRY(create_object<Process>(*account, Ref<AddressSpace>(*space), Ref<Account>(*account), std::move(supervisor)));
    const abi::Handle handle = TRY(give_handle(caller, *process, kProcessRights));
    caller.process().add_unstarted(*process);
    return abi::ProcessCreate::Reply{handle};
}

template <>
Result<abi::ProcessClone::Reply> on_syscall(Thread& caller, const abi::ProcessClone& call) {
    Process* parent = TRY(find_object<Process>(caller, call.process, Rights::Control));
    if (parent->dying() || !parent->has_space()) return fail(Error::WrongState);
    Ref<Sender> supervisor = TRY(find_supervisor(caller, call.supervisor));
    Account& account = call.account ? *TRY(find_object<Account>(caller, call.account, Rights::Control)) : parent->account();
    Ref<AddressSpace> space(parent->space());
    if (call.share_space == 0) {
        space = TRY(AddressSpace::create(account));
        TRY(parent->space().clone_into(*space));
    }
    Ref<Process> child = TRY(create_object<Process>(account, std::move(space), Ref<Account>(account), std::move(supervisor)));
    TRY(child->handles().copy_from(parent->handles()));
    child->foreign_entry = parent->foreign_entry;
    child->upcall_entry = parent->upcall_entry;
    child->set_name(parent->name());
    if (parent->service() != nullptr) child->replace_service(Ref<Sender>(*parent->service()));
    const abi::Handle handle = TRY(give_handle(caller, *child, kProcessRights));
    caller.process().add_unstarted(*child);
    return abi::ProcessClone::Reply{handle};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessSetEntries& call) {
    Process* process = TRY(find_object<Process>(caller, call.process, Rights::Control));
    if (call.foreign >= abi::kUserAddressMax || call.upcall >= abi::kUserAddressMax) return fail(Error::InvalidArgument);
    process->foreign_entry = call.foreign;
    process->upcall_entry = call.upcall;
    for (ThreadLink& link : process->threads()) {
        link.thread.frame.foreign_entry = process->direct_foreign_entry();
        if (link.thread.alert_is_pending()) link.thread.alert();  // it may have waited for an entry
    }
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessExec& call) {
    Process& process = caller.process();
    AddressSpace* found = TRY(find_object<AddressSpace>(caller, call.space, Rights::Map));
    const abi::ThreadStart start = TRY(process.space().read<abi::ThreadStart>(call.start));
    if (start.instruction >= abi::kUserAddressMax || start.stack > abi::kUserAddressMax || start.gs_base >= abi::kUserAddressMax ||
        start.fs_base >= abi::kUserAddressMax)
        return fail(Error::InvalidArgument);
    Ref<AddressSpace> space(*found);
    (void)process.handles().close(call.space);
    process.kill_others(caller);
    process.foreign_entry = 0;
    process.upcall_entry = 0;
    Ref<AddressSpace> old(process.space());
    process.replace_space(std::move(space));
    scheduler.reload_space(arch::this_cpu());
    caller.start_over(start);
    caller.set_name({});
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessKill& call) {
    Process* process = TRY(find_object<Process>(caller, call.process, Rights::Control));
    process->kill(call.code);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessSuspend& call) {
    TRY(find_object<Process>(caller, call.process, Rights::Control))->suspend();
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessResume& call) {
    TRY(find_object<Process>(caller, call.process, Rights::Control))->resume();
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessQuery& call) {
    Process* process = TRY(find_object<Process>(caller, call.process, Rights::Read));
    const abi::ProcessInfo info{.state = process->state(),
                                .thread_count = process->thread_count(),
                                .exit_code = process->exit_code(),
                                .cpu_time_ns = process->cpu_time_ns(),
                                .resident_bytes = process->has_space() ? process->space().resident_bytes() : 0,
                                .mapped_bytes = process->has_space() ? process->space().mapped_bytes() : 0,
                                .handle_count = process->handles().count()};
    return caller.process().space().write(call.info, info);
}

template <>
Result<abi::ThreadCreate::Reply> on_syscall(Thread& caller, const abi::ThreadCreate& call) {
    Process* process = TRY(find_object<Process>(caller, call.process, Rights::Control));
    const abi::ThreadStart start = TRY(caller.process().space().read<abi::ThreadStart>(call.start));
    if (start.priority > caller.base_priority()) return fail(Error::InvalidArgument);
    HandleTable& handles = caller.process().handles();
    TRY(handles.reserve(1));  // nothing may fail once the thread runs
    const unsigned priority = start.priority == 0 ? caller.base_priority() : static_cast<unsigned>(start.priority);
    Ref<Thread> thread = TRY(Thread::create(*process, start, priority));
    const abi::Handle handle = TRY(handles.add(Capability(*thread, Rights::Duplicate | Rights::Transfer | Rights::Control)));
    return abi::ThreadCreate::Reply{.thread = handle, .id = thread->id()};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ThreadExit& call) {
    TRY(demand_present(caller, call.clear));
    TRY(demand_present(caller, call.clear_too));
    clear_and_wake(caller, call.clear);
    clear_and_wake(caller, call.clear_too);
    if (caller.process().thread_count() == 1)
        caller.process().kill(call.code);
    else
        scheduler.terminate(caller);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ThreadAlert& call) {
    Thread* thread = TRY(find_object<Thread>(caller, call.thread, Rights::Control));
    if (thread->state() == Thread::State::Dead) return fail(Error::WrongState);
    thread->alert();
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ThreadSleep& call) {
    caller.begin_wait(Thread::Wait::Sleep, call.deadline);
    return {};
}

template <>
Result<> on_syscall(Thread&, const abi::ThreadYield&) {
    scheduler.yield(arch::this_cpu());
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::UpcallQuery& call) {
    if (caller.upcall() == nullptr) return fail(Error::WrongState);
    return caller.process().space().write(call.state, *caller.upcall());
}

template <>
Result<> on_syscall(Thread& caller, const abi::UpcallReturn& call) {
    const abi::Registers registers = TRY(caller.process().space().read<abi::Registers>(call.registers));
    if (registers.rip >= abi::kUserAddressMax) return fail(Error::InvalidArgument);
    caller.end_upcall();
    caller.load_registers(registers);
    caller.restart = true;  // rax is what was asked for
    return {};
}

}  // namespace portico::kernel
