#include "posix/files/duplicate.h"

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/locks.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

/// The same open object under a handle of its own.
Result<Descriptor> copy_of(const Descriptor& descriptor, bool close_on_exec) {
    Descriptor copy = descriptor;
    copy.handle = TRY(native::call(abi::HandleDuplicate{descriptor.handle, static_cast<uint64_t>(abi::Rights::All)})).handle;
    copy.close_on_exec = close_on_exec;
    return copy;
}

int64_t duplicate_to(Thread& thread, int32_t number, int32_t target, bool close_on_exec) {
    DescriptorTable& table = thread.process->descriptors;
    const Result<Descriptor> descriptor = table.get(number);
    if (!descriptor) return -EBADF;
    const Result<Descriptor> copy = copy_of(*descriptor, close_on_exec);
    if (!copy) return to_errno(copy.error());
    const Result<Descriptor> before = table.replace(target, *copy, thread.process->file_limit());
    if (!before) {
        native::close(copy->handle);
        return to_errno(before.error());
    }
    release_record_locks(*thread.process, *before);
    native::close(before->handle);
    return target;
}

}  // namespace

int64_t duplicate_descriptor(Thread& thread, int32_t number, uint64_t minimum, bool close_on_exec) {
    DescriptorTable& table = thread.process->descriptors;
    const Result<Descriptor> descriptor = table.get(number);
    if (!descriptor) return -EBADF;
    const Result<int32_t> target = table.reserve(minimum, thread.process->file_limit());
    if (!target) return target.error() == Error::NoSpace ? -EMFILE : to_errno(target.error());
    const Result<Descriptor> copy = copy_of(*descriptor, close_on_exec);
    if (!copy) {
        table.cancel(*target);
        return to_errno(copy.error());
    }
    table.fill(*target, *copy);
    return *target;
}

int64_t sys_dup(Thread& thread, const Arguments& arguments) {
    return duplicate_descriptor(thread, number_argument(arguments[0]), 0, false);
}

int64_t sys_dup2(Thread& thread, const Arguments& arguments) {
    const int32_t number = number_argument(arguments[0]);
    const int32_t target = number_argument(arguments[1]);
    if (number != target) return duplicate_to(thread, number, target, false);
    return thread.process->descriptors.get(number) ? number : -EBADF;
}

int64_t sys_dup3(Thread& thread, const Arguments& arguments) {
    const int32_t number = number_argument(arguments[0]);
    const int32_t target = number_argument(arguments[1]);
    const auto flags = static_cast<uint32_t>(arguments[2]);
    if (number == target || (flags & ~linux_abi::kOpenCloseOnExec) != 0) return -EINVAL;
    return duplicate_to(thread, number, target, flags != 0);
}

}  // namespace portico::posix
