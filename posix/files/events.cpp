#include "posix/files/events.h"

#include "posix/entry_points.h"
#include "posix/files/file_calls.h"
#include "posix/files/new_descriptor.h"

namespace portico::posix {
namespace {

constexpr uint32_t kSemaphore = 1;

/// A call whose request and reply are words alone; what the reply says counts.
Error call_and_wait(abi::MessageRegisters& registers) {
    const auto error = static_cast<Error>(portico_wait_call(abi::kNativeBase + abi::PortCall::doc.number, &registers));
    return error != Error::None ? error : registers.header.status();
}

int64_t make_counter(Thread& thread, uint32_t value, uint32_t flags) {
    if ((flags & ~(kSemaphore | file::kNonBlocking | linux_abi::kOpenCloseOnExec)) != 0) return -EINVAL;
    const uint32_t status = file::kReadWrite | (flags & file::kNonBlocking);
    return new_descriptor(thread, file::Kind::Event, status, (flags & linux_abi::kOpenCloseOnExec) != 0, [&]() -> Result<abi::Handle> {
        const event::MakeCounter method{.value = value, .flags = flags & (event::kSemaphore | file::kNonBlocking)};
        return TRY(settled_call(thread.process->pipe_server, method)).object;
    });
}

}  // namespace

int64_t sys_eventfd(Thread& thread, const Arguments& arguments) {
    return make_counter(thread, static_cast<uint32_t>(arguments[0]), 0);
}

int64_t sys_eventfd2(Thread& thread, const Arguments& arguments) {
    return make_counter(thread, static_cast<uint32_t>(arguments[0]), static_cast<uint32_t>(arguments[1]));
}

int64_t read_event(Thread& thread, const OpenNumber& from, uint64_t address, uint64_t length_bytes) {
    if (from.descriptor.kind == file::Kind::SignalSet) return read_signals(thread, from, address, length_bytes);
    if (from.descriptor.kind == file::Kind::Epoll || length_bytes < sizeof(uint64_t)) return -EINVAL;
    abi::MessageRegisters registers{.handle_or_id = from.descriptor.handle.value, .header = abi::Header::make(event::Take::method.ordinal)};
    if (const Error error = call_and_wait(registers); error != Error::None) return to_errno(error);
    const auto written = write_user(address, registers.word[0]);
    return written ? static_cast<int64_t>(sizeof(uint64_t)) : to_errno(written.error());
}

int64_t write_event(Thread&, const OpenNumber& to, uint64_t address, uint64_t length_bytes) {
    if (to.descriptor.kind != file::Kind::Event || length_bytes < sizeof(uint64_t)) return -EINVAL;
    const Result<uint64_t> count = read_user<uint64_t>(address);
    if (!count) return to_errno(count.error());
    abi::MessageRegisters registers{
        .handle_or_id = to.descriptor.handle.value, .header = abi::Header::make(event::Add::method.ordinal), .word = {*count}};
    const Error error = call_and_wait(registers);
    return error == Error::None ? static_cast<int64_t>(sizeof(uint64_t)) : to_errno(error);
}

}  // namespace portico::posix
