#include <bit>

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

}  // namespace portico::kernel
