#include <bit>

#include "kernel/ipc/port_registry.h"
#include "kernel/irq/interrupt.h"
#include "kernel/syscall/handlers.h"

/// Calls for those who look on: names, and lists of what there is.
namespace portico::kernel {

template <>
Result<> on_syscall(Thread& caller, const abi::ObjectSetName& call) {
    const auto name = std::bit_cast<ObjectName>(std::array{call.low, call.high});
    if (call.object == abi::kSelfThread) {
        caller.set_name(name);
        return {};
    }
    const Result<Process*> process = find_object<Process>(caller, call.object, Rights::Control);
    if (process) {
        (*process)->set_name(name);
        return {};
    }
    if (process.error() != Error::WrongType) return fail(process.error());
    TRY(find_object<Thread>(caller, call.object, Rights::Control))->set_name(name);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessInspect& call) {
    Process* process = TRY(find_object<Process>(caller, call.process, Rights::Read));
    if (!process->has_space()) return fail(Error::WrongState);
    return caller.process().space().write(call.info, TRY(process->space().inspect(call.above)));
}

template <>
Result<abi::PortList::Reply> on_syscall(Thread& caller, const abi::PortList& call) {
    TRY(find_object<Resource>(caller, call.resource, Rights::Read));
    if (call.count > abi::kPortListMax) return fail(Error::InvalidArgument);
    uint64_t listed = 0;
    abi::PortInfo info{.id = call.cursor};
    while (listed < call.count && PortRegistry::describe_next(info.id, info)) {
        TRY(caller.process().space().write(call.address + listed * sizeof(info), info));
        ++listed;
    }
    return abi::PortList::Reply{listed};
}

}  // namespace portico::kernel
