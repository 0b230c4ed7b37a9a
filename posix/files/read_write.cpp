#include <algorithm>

#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"
#include "posix/files/transfer.h"

namespace portico::posix {
namespace {

int64_t read_at(Thread& thread, const Arguments& arguments, uint64_t offset) {
    const auto from = descriptor_to_read(thread, arguments[0]);
    if (!from) return to_errno(from.error());
    const uint64_t length_bytes = std::min(arguments[2], linux_abi::kTransferBytesMax);
    if (!is_user_range(arguments[1], length_bytes)) return -EFAULT;
    return read_to(thread, *from, arguments[1], length_bytes, offset);
}

int64_t write_at(Thread& thread, const Arguments& arguments, uint64_t offset) {
    const auto to = descriptor_to_write(thread, arguments[0]);
    if (!to) return to_errno(to.error());
    const uint64_t length_bytes = std::min(arguments[2], linux_abi::kTransferBytesMax);
    if (!is_user_range(arguments[1], length_bytes)) return -EFAULT;
    return write_from(thread, *to, arguments[1], length_bytes, offset);
}

}  // namespace

int64_t sys_read(Thread& thread, const Arguments& arguments) {
    return read_at(thread, arguments, file::kCurrentOffset);
}
int64_t sys_write(Thread& thread, const Arguments& arguments) {
    return write_at(thread, arguments, file::kCurrentOffset);
}

int64_t sys_pread64(Thread& thread, const Arguments& arguments) {
    return static_cast<int64_t>(arguments[3]) < 0 ? -EINVAL : read_at(thread, arguments, arguments[3]);
}

int64_t sys_pwrite64(Thread& thread, const Arguments& arguments) {
    return static_cast<int64_t>(arguments[3]) < 0 ? -EINVAL : write_at(thread, arguments, arguments[3]);
}

}  // namespace portico::posix
