#include "kernel/syscall/handlers.h"

namespace portico::kernel {

Result<Capability> duplicate_capability(Thread& caller, abi::Handle handle, Rights needed, Rights keep) {
    Process& process = caller.process();
    if (handle == abi::kSelfProcess) return Capability(process, keep);
    if (handle == abi::kSelfThread) return Capability(caller, keep);
    if (handle == abi::kSelfSpace) return Capability(process.space(), keep);
    if (handle == abi::kSelfAccount) return Capability(process.account(), keep & ~Rights::Write);  // its limit is not its own to set
    Capability* capability = TRY(process.handles().find(handle));
    if (!has(capability->rights(), needed)) return fail(Error::AccessDenied);
    return capability->duplicate(keep);
}

template <>
Result<> on_syscall(Thread&, const abi::Null&) {
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::HandleClose& call) {
    return caller.process().handles().close(call.handle);
}

template <>
Result<abi::HandleDuplicate::Reply> on_syscall(Thread& caller, const abi::HandleDuplicate& call) {
    Capability copy = TRY(duplicate_capability(caller, call.handle, Rights::Duplicate, static_cast<Rights>(call.rights) & Rights::All));
    return abi::HandleDuplicate::Reply{TRY(caller.process().handles().add(std::move(copy)))};
}

template <>
Result<abi::HandleInstall::Reply> on_syscall(Thread& caller, const abi::HandleInstall& call) {
    Process* target = TRY(find_object<Process>(caller, call.process, Rights::Control));
    if (target->dying()) return fail(Error::WrongState);
    if ((call.slot.value >> 32) != 0) return fail(Error::InvalidArgument);
    Capability copy = TRY(
        duplicate_capability(caller, call.handle, Rights::Duplicate | Rights::Transfer, static_cast<Rights>(call.rights) & Rights::All));
    Object* const object = copy.object();
    const abi::Handle installed = TRY(target->handles().put(call.slot.index(), std::move(copy)));
    if (object->type() == ObjectType::Port) static_cast<Port*>(object)->set_owner(*target);
    return abi::HandleInstall::Reply{installed};
}

}  // namespace portico::kernel
