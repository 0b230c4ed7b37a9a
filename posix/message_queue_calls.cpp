#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/files/new_descriptor.h"
#include "posix/sysv_server.h"

/// POSIX message queues: an open one is a descriptor, whose object is at the server of System V's things.
namespace portico::posix {
namespace {

namespace sysv = protocols::sysv;

constexpr uint32_t kNameBytesMax = 255;

struct QueueName {
    char text[kNameBytesMax + 2];
    uint32_t length_bytes = 0;

    ipc::Lend lend() const { return ipc::Lend::text({text, length_bytes}); }
};

int64_t load_name(uint64_t address, QueueName& name) {
    const Result<size_t> length = copy_string_from_user(name.text, address);
    if (!length) return length.error() == Error::BadAddress ? -EFAULT : -ENAMETOOLONG;
    name.length_bytes = static_cast<uint32_t>(*length);
    return 0;
}

/// Until when a call waits, from an absolute time of the wall clock; 0 or a negative errno.
int64_t load_deadline(Thread& thread, uint64_t address, uint64_t& deadline_ns) {
    deadline_ns = abi::kForever;
    if (address == 0) return 0;
    const auto until = read_user<TimeSpec>(address);
    if (!until) return -EFAULT;
    if (!until->valid()) return -EINVAL;
    const uint64_t offset_ns = thread.process->realtime_offset_ns;
    deadline_ns = until->to_ns() > offset_ns ? until->to_ns() - offset_ns : abi::kNow;
    return 0;
}

/// What other objects say of a method that only queues have.
int64_t queue_errno(Error error) {
    return error == Error::BadCall || error == Error::NotSupported || error == Error::WrongType ? -EBADF : to_errno(error);
}

}  // namespace

int64_t sys_mq_open(Thread& thread, const Arguments& arguments) {
    Process& process = *thread.process;
    const auto flags = static_cast<uint32_t>(arguments[1]);
    QueueName name;
    if (const int64_t error = load_name(arguments[0], name); error != 0) return error;
    if ((flags & file::kAccessMode) == file::kAccessMode) return -EINVAL;
    sysv::QueueAttributes wanted{};
    if ((flags & file::kCreate) != 0 && arguments[3] != 0) {
        const auto given = read_user<sysv::QueueAttributes>(arguments[3]);
        if (!given) return -EFAULT;
        wanted = *given;
        if (wanted.messages_max <= 0 || wanted.message_bytes_max <= 0) return -EINVAL;
    }
    const Result<abi::Handle> server = sysv_server(process);
    if (!server) return -ENOSYS;
    protocols::process::Credentials credentials;
    (void)settled_call(process.process_server, protocols::process::GetCredentials{},
                       {.writable = std::as_writable_bytes(std::span(&credentials, 1))});
    const sysv::OpenQueue method{.flags = flags & (file::kAccessMode | file::kCreate | file::kExclusive | file::kNonBlocking),
                                 .mode = static_cast<uint32_t>(arguments[2]) & 0777 & ~process.current_umask(),
                                 .messages_max = wanted.messages_max,
                                 .message_bytes_max = wanted.message_bytes_max,
                                 .uid = credentials.euid,
                                 .gid = credentials.egid};
    return new_descriptor(thread, file::Kind::None, flags & (file::kAccessMode | file::kNonBlocking), true,
                          [&]() -> Result<abi::Handle> { return TRY(settled_call(*server, method, name.lend())).queue; });
}

int64_t sys_mq_unlink(Thread& thread, const Arguments& arguments) {
    QueueName name;
    if (const int64_t error = load_name(arguments[0], name); error != 0) return error;
    const Result<abi::Handle> server = sysv_server(*thread.process);
    if (!server) return -ENOSYS;
    const auto reply = settled_call(*server, sysv::UnlinkQueue{}, name.lend());
    return reply ? 0 : to_errno(reply.error());
}

int64_t sys_mq_timedsend(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> queue = open_descriptor(thread, arguments[0]);
    if (!queue) return -EBADF;
    uint64_t deadline_ns = 0;
    if (const int64_t error = load_deadline(thread, arguments[4], deadline_ns); error != 0) return error;
    const auto window = user_window(arguments[1], arguments[2]);
    if (!window) return -EFAULT;
    const auto reply = interruptible::call(thread, queue->handle,
                                           sysv::SendQueued{.priority = static_cast<uint32_t>(arguments[3]), .pid = thread.process->pid},
                                           {.readable = *window}, deadline_ns);
    return reply ? trouble_errno(reply->trouble) : queue_errno(reply.error());
}

int64_t sys_mq_timedreceive(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> queue = open_descriptor(thread, arguments[0]);
    if (!queue) return -EBADF;
    uint64_t deadline_ns = 0;
    if (const int64_t error = load_deadline(thread, arguments[4], deadline_ns); error != 0) return error;
    const auto window = user_window(arguments[1], arguments[2]);
    if (!window) return -EFAULT;
    const auto reply = interruptible::call(thread, queue->handle, sysv::ReceiveQueued{}, {.writable = *window}, deadline_ns);
    if (!reply) return queue_errno(reply.error());
    if (reply->answer.trouble != sysv::Trouble::None) return trouble_errno(reply->answer.trouble);
    if (arguments[3] != 0 && !write_user(arguments[3], static_cast<uint32_t>(reply->priority))) return -EFAULT;
    return reply->answer.value;
}

int64_t sys_mq_notify(Thread& thread, const Arguments& arguments) {
    /// struct sigevent, as far as it counts here.
    struct Wanted {
        uint64_t value;
        int32_t signal, how;
    };
    constexpr int32_t kSignal = 0, kNothing = 1;
    const Result<Descriptor> queue = open_descriptor(thread, arguments[0]);
    if (!queue) return -EBADF;
    using enum sysv::NotifyQueued::How;
    sysv::NotifyQueued method{.how = Cancel, .signal = 0, .value = 0, .pid = thread.process->pid, .zero = 0};
    if (arguments[1] != 0) {
        const auto wanted = read_user<Wanted>(arguments[1]);
        if (!wanted) return -EFAULT;
        if (wanted->how != kSignal && wanted->how != kNothing) return -EINVAL;  // SIGEV_THREAD needs a netlink socket
        if (wanted->how == kSignal && (wanted->signal < 0 || wanted->signal > kSignalMax)) return -EINVAL;
        method.how = wanted->how == kSignal ? Signal : Nothing;
        method.signal = wanted->signal;
        method.value = wanted->value;
    }
    const auto reply = settled_call(queue->handle, method);
    return reply ? 0 : queue_errno(reply.error());
}

int64_t sys_mq_getsetattr(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> queue = open_descriptor(thread, arguments[0]);
    if (!queue) return -EBADF;
    sysv::QueueAttributes before{}, wanted{};
    if (arguments[1] != 0) {
        const auto given = read_user<sysv::QueueAttributes>(arguments[1]);
        if (!given) return -EFAULT;
        wanted = *given;
        if ((wanted.flags & ~int64_t{file::kNonBlocking}) != 0) return -EINVAL;
    }
    const auto told = settled_call(queue->handle, sysv::QueueState{}, {.writable = std::as_writable_bytes(std::span(&before, 1))});
    if (!told) return queue_errno(told.error());
    if (arguments[1] != 0)
        if (const auto set = settled_call(queue->handle, file::SetFlags{.flags = static_cast<uint64_t>(wanted.flags)}); !set)
            return queue_errno(set.error());
    return arguments[2] == 0 || write_user(arguments[2], before) ? 0 : -EFAULT;
}

}  // namespace portico::posix
