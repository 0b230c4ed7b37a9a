#include "kernel/syscall/handlers.h"

/// Calls that have a number and a contract and are being built.
namespace portico::kernel {

template <>
Result<> on_syscall(Thread&, const abi::ObjectSetName&) {
    return fail(Error::NotSupported);
}
template <>
Result<abi::PortList::Reply> on_syscall(Thread&, const abi::PortList&) {
    return fail(Error::NotSupported);
}

}  // namespace portico::kernel
