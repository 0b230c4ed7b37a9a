#pragma once

#include "posix/thread.h"
#include "runtime/ipc.h"
#include "runtime/native.h"

/// Native calls that wait, in two manners:
///   interruptible::…   a signal that came before or comes during the wait ends it with Interrupted (entry.S has the
///                      marked instruction ranges). For calls that may wait long: read, write, wait, futex, poll.
///   settled_call       an alert waits until it is done (a steady call). For requests that are answered at once, or that
///                      must be made exactly once: names in the file system, fork, thread creation.
namespace portico::posix {

namespace interruptible {

Result<abi::Message> call(Thread& thread, abi::Handle to, const abi::Message& message, const abi::Windows* windows = nullptr,
                          uint64_t deadline_ns = abi::kForever);
Result<native::Received> receive(Thread& thread, abi::Handle port, uint64_t deadline_ns = abi::kForever);
Result<> futex_wait(Thread& thread, const abi::FutexWait& request);
Result<> sleep(Thread& thread, uint64_t deadline_ns);

template <class M>
Result<typename M::Reply> call(Thread& thread, abi::Handle to, const M& request, const ipc::Lend& lend = {},
                               uint64_t deadline_ns = abi::kForever) {
    const abi::Windows windows{.readable_address = reinterpret_cast<uint64_t>(lend.readable.data()),
                               .writable_address = reinterpret_cast<uint64_t>(lend.writable.data()),
                               .readable_bytes = static_cast<uint32_t>(lend.readable.size()),
                               .writable_bytes = static_cast<uint32_t>(lend.writable.size())};
    const bool lends = windows.readable_bytes != 0 || windows.writable_bytes != 0;
    return ipc::unpack_reply<M>(TRY(call(thread, to, ipc::request_message(request), lends ? &windows : nullptr, deadline_ns)));
}

}  // namespace interruptible

template <class M>
Result<typename M::Reply> settled_call(abi::Handle to, const M& request, const ipc::Lend& lend = {}) {
    const abi::Windows windows{.readable_address = reinterpret_cast<uint64_t>(lend.readable.data()),
                               .writable_address = reinterpret_cast<uint64_t>(lend.writable.data()),
                               .readable_bytes = static_cast<uint32_t>(lend.readable.size()),
                               .writable_bytes = static_cast<uint32_t>(lend.writable.size())};
    const bool lends = windows.readable_bytes != 0 || windows.writable_bytes != 0;
    abi::Message message = ipc::request_message(request);
    message.header = message.header.as_steady();
    return ipc::unpack_reply<M>(TRY(native::call(to, message, lends ? &windows : nullptr)));
}

}  // namespace portico::posix
