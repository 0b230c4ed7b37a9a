#include <algorithm>

#include "posix/files/events.h"
#include "posix/files/few_bytes.h"
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

[[gnu::noinline]] int64_t read_current(Thread& thread, const Arguments& arguments) {
    return read_at(thread, arguments, file::kCurrentOffset);
}
[[gnu::noinline]] int64_t write_current(Thread& thread, const Arguments& arguments) {
    return write_at(thread, arguments, file::kCurrentOffset);
}

}  // namespace

int64_t sys_read(Thread& thread, const Arguments& arguments) {
    Descriptor from;
    if (thread.process->descriptors.look_up(number_argument(arguments[0]), from) && from.readable()) [[likely]] {
        if (is_stream_kind(from.kind)) {
            if (const auto result = take_from_stream(thread, from, arguments[1], arguments[2])) return *result;
        } else if (from.kind == file::Kind::Event) {
            return read_event(thread, {number_argument(arguments[0]), from}, arguments[1], arguments[2]);
        }
    }
    return read_current(thread, arguments);
}

int64_t sys_write(Thread& thread, const Arguments& arguments) {
    Descriptor to;
    if (thread.process->descriptors.look_up(number_argument(arguments[0]), to) && to.writable()) [[likely]] {
        if (is_stream_kind(to.kind)) {
            if (const auto result = put_to_stream(thread, to, arguments[1], arguments[2])) return *result;
        } else if (to.kind == file::Kind::Event) {
            return write_event(thread, {number_argument(arguments[0]), to}, arguments[1], arguments[2]);
        }
    }
    return write_current(thread, arguments);
}

int64_t sys_pread64(Thread& thread, const Arguments& arguments) {
    return static_cast<int64_t>(arguments[3]) < 0 ? -EINVAL : read_at(thread, arguments, arguments[3]);
}

int64_t sys_pwrite64(Thread& thread, const Arguments& arguments) {
    return static_cast<int64_t>(arguments[3]) < 0 ? -EINVAL : write_at(thread, arguments, arguments[3]);
}

}  // namespace portico::posix
