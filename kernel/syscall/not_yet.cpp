#include "kernel/syscall/handlers.h"

/// Calls that have a number and a contract and are being built.
namespace portico::kernel {

template <>
Result<> on_syscall(Thread&, const abi::ProcessSetService&) {
    return fail(Error::NotSupported);
}
template <>
Result<> on_syscall(Thread&, const abi::ForeignReport&) {
    return fail(Error::NotSupported);
}

}  // namespace portico::kernel
