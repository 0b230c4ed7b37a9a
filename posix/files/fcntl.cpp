#include "posix/files/duplicate.h"
#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/locks.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

constexpr uint32_t kDuplicate = 0, kGetDescriptorFlags = 1, kSetDescriptorFlags = 2, kGetFlags = 3, kSetFlags = 4, kGetLock = 5,
                   kSetLock = 6, kSetLockWait = 7, kOpenFileGetLock = 36, kOpenFileSetLock = 37, kOpenFileSetLockWait = 38,
                   kDuplicateCloseOnExec = 1030;
constexpr uint64_t kCloseOnExecBit = 1;  // FD_CLOEXEC

int64_t duplicate_from(Thread& thread, int32_t number, uint64_t minimum, bool close_on_exec) {
    DescriptorTable& table = thread.process->descriptors;
    if (!table.get(number)) return -EBADF;
    if (number_argument(minimum) < 0 || minimum >= thread.process->file_limit()) return -EINVAL;
    return duplicate_descriptor(thread, number, minimum, close_on_exec);
}

int64_t get_flags(const Descriptor& descriptor) {
    if (descriptor.path_only()) return descriptor.status;
    const auto reply = settled_call(descriptor.handle, file::GetFlags{});
    if (reply) return static_cast<int64_t>(reply->flags | (descriptor.status & file::kAccessMode));
    return reply.error() == Error::NotSupported ? static_cast<int64_t>(descriptor.status) : to_errno(reply.error());
}

int64_t set_flags(const Descriptor& descriptor, uint64_t flags) {
    if (descriptor.path_only()) return -EBADF;
    constexpr uint32_t kRefused = linux_abi::kOpenAsync | linux_abi::kOpenDirect;  // signals for readiness, transfers past the cache
    if ((flags & kRefused) != 0) return -EINVAL;
    return request_or_invalid(descriptor.handle, file::SetFlags{.flags = flags & (file::kAppend | file::kNonBlocking)});
}

}  // namespace

int64_t sys_fcntl(Thread& thread, const Arguments& arguments) {
    const int32_t number = number_argument(arguments[0]);
    DescriptorTable& table = thread.process->descriptors;
    const Result<Descriptor> descriptor = table.get(number);
    if (!descriptor) return -EBADF;
    switch (static_cast<uint32_t>(arguments[1])) {
    case kDuplicate:
        return duplicate_from(thread, number, arguments[2], false);
    case kDuplicateCloseOnExec:
        return duplicate_from(thread, number, arguments[2], true);
    case kGetDescriptorFlags:
        return descriptor->close_on_exec ? kCloseOnExecBit : 0;
    case kSetDescriptorFlags:
        return to_errno(table.set_close_on_exec(number, (arguments[2] & kCloseOnExecBit) != 0));
    case kGetFlags:
        return get_flags(*descriptor);
    case kSetFlags:
        return set_flags(*descriptor, arguments[2]);
    case kGetLock:
    case kSetLock:
    case kSetLockWait:
    case kOpenFileGetLock:
    case kOpenFileSetLock:
    case kOpenFileSetLockWait:
        return descriptor->path_only() ? -EBADF : record_lock(thread, *descriptor, static_cast<uint32_t>(arguments[1]), arguments[2]);
    default:
        return -EINVAL;
    }
}

}  // namespace portico::posix
