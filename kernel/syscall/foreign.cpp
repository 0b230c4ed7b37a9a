#include "kernel/ipc/foreign_call.h"
#include "kernel/syscall/handlers.h"

namespace portico::kernel {

template <>
Result<> on_syscall(Thread& caller, const abi::ProcessSetService& call) {
    Process* process = TRY(find_object<Process>(caller, call.process, Rights::Control));
    if (process->dying()) return fail(Error::WrongState);
    Ref<Sender> service;
    if (call.service) service = Ref<Sender>(*TRY(find_object<Sender>(caller, call.service, Rights::Send)));
    set_service(*process, std::move(service));
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::ForeignReport& call) {
    return report_foreign_result(caller, call.result);
}

}  // namespace portico::kernel
