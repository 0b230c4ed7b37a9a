#include "posix/interruptible.h"

#include "posix/entry_points.h"

namespace portico::posix {

static_assert(static_cast<int>(Error::Interrupted) == 12, "entry.S returns it by number");

namespace {

template <class Call>
Error wait_call(abi::MessageRegisters& registers) {
    return static_cast<Error>(portico_wait_call(abi::kNativeBase + Call::doc.number, &registers));
}

/// The ordinary calls' argument registers are the first six of the message calls'.
template <class Call>
Result<> wait_ordinary(const Call& request) {
    const abi::Arguments arguments = abi::to_arguments(request);
    abi::MessageRegisters registers{
        .handle_or_id = arguments[0], .header = {arguments[1]}, .word = {arguments[2], arguments[3], arguments[4], arguments[5]}};
    const Error error = wait_call<Call>(registers);
    if (error != Error::None) return fail(error);
    return {};
}

}  // namespace

namespace interruptible {

Result<abi::Message> call(Thread&, abi::Handle to, const abi::Message& message, const abi::Windows* windows, uint64_t deadline_ns) {
    abi::MessageRegisters registers{.handle_or_id = to.value, .deadline_or_badge = deadline_ns};
    native::set_message(registers, message);
    if (windows != nullptr) native::set_windows(registers, *windows);
    const Error error = wait_call<abi::PortCall>(registers);
    if (error != Error::None) return fail(error);
    return native::message_of(registers);
}

Result<native::Received> receive(Thread&, abi::Handle port, uint64_t deadline_ns) {
    abi::MessageRegisters registers{.handle_or_id = port.value, .deadline_or_badge = deadline_ns};
    const Error error = wait_call<abi::PortReceive>(registers);
    if (error != Error::None) return fail(error);
    return native::Received{native::message_of(registers), static_cast<uint32_t>(registers.rbx),
                            static_cast<uint32_t>(registers.rbx >> 32)};
}

Result<> futex_wait(Thread&, const abi::FutexWait& request) {
    return wait_ordinary(request);
}

Result<> sleep(Thread&, uint64_t deadline_ns) {
    return wait_ordinary(abi::ThreadSleep{deadline_ns});
}

}  // namespace interruptible

}  // namespace portico::posix
