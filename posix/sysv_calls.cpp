#include <algorithm>

#include "posix/attachments.h"
#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/files/requests.h"
#include "posix/program_memory.h"
#include "posix/sysv_server.h"
#include "posix/user_copy.h"

/// System V's semaphores, message queues and shared memory. They are at a server; the library maps the memory.
namespace portico::posix {
namespace {

namespace sysv = protocols::sysv;

constexpr uint64_t kVersion64 = 0x100;  // of the command: which all C libraries of this machine set or mean

/// How many bytes a command's structure has each way; of arrays, the most.
struct Shape {
    uint32_t input_bytes = 0, output_bytes = 0;
};

Shape shape_of(sysv::Kind kind, uint32_t command) {
    constexpr uint32_t kSemaphoreStat = 104, kSemaphoreInfo = 40, kMessageStat = 120, kMessageInfo = 32, kSegmentStat = 112,
                       kSegmentInfo = 72, kSegmentUsage = 48, kValues = 32000 * 2;
    const uint32_t stat = kind == sysv::Kind::Semaphores ? kSemaphoreStat : kind == sysv::Kind::Messages ? kMessageStat : kSegmentStat;
    const uint32_t info = kind == sysv::Kind::Semaphores ? kSemaphoreInfo : kind == sysv::Kind::Messages ? kMessageInfo : kSegmentInfo;
    if (command == sysv::kSet) return {.input_bytes = stat};
    if (command == sysv::kStat) return {.output_bytes = stat};
    if (command == sysv::kInfo) return {.output_bytes = info};
    switch (kind) {
    case sysv::Kind::Semaphores:
        if (command == sysv::semaphore::kGetAll) return {.output_bytes = kValues};
        if (command == sysv::semaphore::kSetAll) return {.input_bytes = kValues};
        if (command == sysv::semaphore::kUsage) return {.output_bytes = info};
        if (command == sysv::semaphore::kStatIndex || command == sysv::semaphore::kStatAny) return {.output_bytes = stat};
        return {};
    case sysv::Kind::Messages:
        if (command == sysv::message::kUsage) return {.output_bytes = info};
        if (command == sysv::message::kStatIndex || command == sysv::message::kStatAny) return {.output_bytes = stat};
        return {};
    case sysv::Kind::Memory:
        if (command == sysv::memory::kUsage) return {.output_bytes = kSegmentUsage};
        if (command == sysv::memory::kStatIndex || command == sysv::memory::kStatAny) return {.output_bytes = stat};
        return {};
    }
    return {};
}

/// As much of a range as is the program's: how long an array is only the server knows.
uint64_t bounded(uint64_t address, uint64_t length_bytes) {
    return address < abi::kRuntimeBase ? std::min(length_bytes, abi::kRuntimeBase - address) : length_bytes;
}

int64_t get(Thread& thread, const sysv::Get& wanted) {
    Process& process = *thread.process;
    const Result<abi::Handle> server = sysv_server(process);
    if (!server) return -ENOSYS;
    protocols::process::Credentials credentials;
    if (const auto told = settled_call(process.process_server, protocols::process::GetCredentials{},
                                       {.writable = std::as_writable_bytes(std::span(&credentials, 1))});
        !told)
        return to_errno(told.error());
    sysv::Get method = wanted;
    method.pid = process.pid;
    method.uid = credentials.euid;
    method.gid = credentials.egid;
    return outcome(settled_call(*server, method));
}

int64_t control(Thread& thread, sysv::Kind kind, uint64_t id, uint64_t command_argument, int32_t index, uint64_t argument) {
    const Result<abi::Handle> server = sysv_server(*thread.process);
    if (!server) return -ENOSYS;
    const auto command = static_cast<uint32_t>(command_argument & ~kVersion64);
    const Shape shape = shape_of(kind, command);
    ipc::Lend lend;
    const auto input = user_window(argument, bounded(argument, shape.input_bytes));
    const auto output = user_window(argument, bounded(argument, shape.output_bytes));
    if ((shape.input_bytes != 0 && !input) || (shape.output_bytes != 0 && !output)) return -EFAULT;
    if (shape.input_bytes != 0) lend.readable = *input;
    if (shape.output_bytes != 0) lend.writable = *output;
    return outcome(settled_call(*server,
                                sysv::Control{.kind = kind,
                                              .command = command,
                                              .id = static_cast<int32_t>(id),
                                              .index = index,
                                              .argument = static_cast<int64_t>(argument),
                                              .pid = thread.process->pid},
                                lend));
}

int64_t operate(Thread& thread, const Arguments& arguments, uint64_t deadline_ns) {
    constexpr uint64_t kOperationBytes = 6, kCountMax = 500;
    const uint64_t count = static_cast<uint32_t>(arguments[2]);
    if (count == 0 || static_cast<int32_t>(arguments[0]) < 0) return -EINVAL;
    if (count > kCountMax) return -E2BIG;
    const Result<abi::Handle> server = sysv_server(*thread.process);
    if (!server) return -ENOSYS;
    const auto window = user_window(arguments[1], count * kOperationBytes);
    if (!window) return -EFAULT;
    const auto answer =
        interruptible::call(thread, *server, sysv::Operate{.id = static_cast<int32_t>(arguments[0]), .pid = thread.process->pid},
                            {.readable = *window}, deadline_ns);
    if (!answer && answer.error() == Error::TimedOut) return -EAGAIN;
    return outcome(answer);
}

}  // namespace

int64_t sys_semget(Thread& thread, const Arguments& arguments) {
    if (static_cast<int32_t>(arguments[1]) < 0) return -EINVAL;
    return get(thread, {.kind = sysv::Kind::Semaphores,
                        .key = static_cast<int32_t>(arguments[0]),
                        .flags = static_cast<uint32_t>(arguments[2]),
                        .count = static_cast<uint32_t>(arguments[1])});
}

int64_t sys_semop(Thread& thread, const Arguments& arguments) {
    return operate(thread, arguments, abi::kForever);
}

int64_t sys_semtimedop(Thread& thread, const Arguments& arguments) {
    if (arguments[3] == 0) return operate(thread, arguments, abi::kForever);
    const auto timeout = read_user<TimeSpec>(arguments[3]);
    if (!timeout) return to_errno(timeout.error());
    if (!timeout->valid()) return -EINVAL;
    const uint64_t deadline_ns = thread.restart_deadline_ns != 0 ? thread.restart_deadline_ns : deadline_after(timeout->to_ns());
    const int64_t result = operate(thread, arguments, deadline_ns);
    thread.restart_deadline_ns = result == -kRestartNoHandler ? deadline_ns : 0;
    return result;
}

int64_t sys_semctl(Thread& thread, const Arguments& arguments) {
    return control(thread, sysv::Kind::Semaphores, arguments[0], arguments[2], static_cast<int32_t>(arguments[1]), arguments[3]);
}

int64_t sys_msgget(Thread& thread, const Arguments& arguments) {
    return get(thread,
               {.kind = sysv::Kind::Messages, .key = static_cast<int32_t>(arguments[0]), .flags = static_cast<uint32_t>(arguments[1])});
}

int64_t sys_msgsnd(Thread& thread, const Arguments& arguments) {
    const Result<abi::Handle> server = sysv_server(*thread.process);
    if (!server) return -ENOSYS;
    if (static_cast<int64_t>(arguments[2]) < 0 || static_cast<int32_t>(arguments[0]) < 0) return -EINVAL;
    const auto type = read_user<int64_t>(arguments[1]);
    if (!type) return -EFAULT;
    const auto window = user_window(arguments[1] + sizeof(int64_t), arguments[2]);
    if (!window) return -EFAULT;
    return outcome(interruptible::call(thread, *server,
                                       sysv::Send{.id = static_cast<int32_t>(arguments[0]),
                                                  .flags = static_cast<uint32_t>(arguments[3]),
                                                  .type = *type,
                                                  .pid = thread.process->pid},
                                       {.readable = *window}));
}

int64_t sys_msgrcv(Thread& thread, const Arguments& arguments) {
    constexpr uint32_t kCopy = 040000;
    const Result<abi::Handle> server = sysv_server(*thread.process);
    if (!server || (arguments[4] & kCopy) != 0) return -ENOSYS;
    if (static_cast<int64_t>(arguments[2]) < 0 || static_cast<int32_t>(arguments[0]) < 0) return -EINVAL;
    const auto window = user_window(arguments[1] + sizeof(int64_t), arguments[2]);
    // The type is written after the message was taken, which must not fail then.
    const auto type_before = read_user<int64_t>(arguments[1]);
    if (!window || !type_before || !write_user(arguments[1], *type_before)) return -EFAULT;
    const auto reply = interruptible::call(thread, *server,
                                           sysv::Receive{.id = static_cast<int32_t>(arguments[0]),
                                                         .flags = static_cast<uint32_t>(arguments[4]),
                                                         .type = static_cast<int64_t>(arguments[3]),
                                                         .pid = thread.process->pid},
                                           {.writable = *window});
    if (!reply) return to_errno_no_restart(reply.error());
    if (reply->answer.trouble != sysv::Trouble::None) return trouble_errno(reply->answer.trouble);
    return write_user(arguments[1], reply->type) ? reply->answer.value : -EFAULT;
}

int64_t sys_msgctl(Thread& thread, const Arguments& arguments) {
    return control(thread, sysv::Kind::Messages, arguments[0], arguments[1], 0, arguments[2]);
}

int64_t sys_shmget(Thread& thread, const Arguments& arguments) {
    return get(thread, {.kind = sysv::Kind::Memory,
                        .key = static_cast<int32_t>(arguments[0]),
                        .flags = static_cast<uint32_t>(arguments[2]),
                        .size_bytes = arguments[1]});
}

int64_t sys_shmat(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kReadOnly = 010000, kRound = 020000, kRemap = 040000, kExecutable = 0100000;
    Process& process = *thread.process;
    const uint64_t flags = arguments[2];
    uint64_t address = arguments[1];
    if ((flags & kRound) != 0) address &= ~(abi::kPageBytes - 1);
    if (!is_page_aligned(address) || (address == 0 && (flags & kRemap) != 0)) return -EINVAL;
    const Result<abi::Handle> server = sysv_server(process);
    if (!server) return -ENOSYS;
    const auto reply = settled_call(
        *server, sysv::Attach{.id = static_cast<int32_t>(arguments[0]), .flags = static_cast<uint32_t>(flags), .pid = process.pid});
    if (!reply) return to_errno(reply.error());
    OwnedHandle attachment(reply->attachment);
    const OwnedHandle memory(reply->memory);
    const uint64_t length_bytes = round_up_to_page(reply->size_bytes);
    if (address != 0 && !is_program_range(address, length_bytes)) return -EINVAL;
    MapRequest request{.address = address,
                       .length_bytes = length_bytes,
                       .access = (flags & kReadOnly) != 0 ? abi::Access::Read : abi::Access::ReadWrite,
                       .memory = memory.get(),
                       .flags = abi::MapFlags::Shared};
    if ((flags & kExecutable) != 0) request.access = request.access | abi::Access::Execute;
    if (address != 0) request.flags = request.flags | abi::MapFlags::Fixed;
    if (address != 0 && (flags & kRemap) == 0) request.flags = request.flags | abi::MapFlags::NoReplace;
    const auto mapped = map_memory(process, request);
    if (!mapped) return mapped.error() == Error::Overlap ? -EINVAL : mapped.error() == Error::NoSpace ? -ENOMEM : to_errno(mapped.error());
    if (!add_attachment(process, *mapped, length_bytes, attachment.get())) {
        (void)unmap_memory(process, *mapped, length_bytes);
        return -ENOMEM;
    }
    (void)attachment.release();
    return static_cast<int64_t>(*mapped);
}

int64_t sys_shmdt(Thread& thread, const Arguments& arguments) {
    const Result<Attachment> attachment = take_attachment(*thread.process, arguments[0]);
    if (!attachment) return -EINVAL;
    (void)unmap_memory(*thread.process, attachment->address, attachment->length_bytes);
    native::close(attachment->handle);
    return 0;
}

int64_t sys_shmctl(Thread& thread, const Arguments& arguments) {
    const auto command = static_cast<uint32_t>(arguments[1] & ~kVersion64);
    if (command == sysv::memory::kLock || command == sysv::memory::kUnlock) return -EPERM;  // memory of all is not pinned
    return control(thread, sysv::Kind::Memory, arguments[0], arguments[1], 0, arguments[2]);
}

}  // namespace portico::posix
