#include <array>

#include "posix/files/file_calls.h"
#include "posix/files/locks.h"
#include "posix/files/requests.h"

namespace portico::posix {

int64_t sys_close(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> taken = thread.process->descriptors.take(number_argument(arguments[0]));
    if (!taken) return -EBADF;
    release_record_locks(*thread.process, *taken);
    native::close(taken->handle);
    return 0;
}

int64_t sys_close_range(Thread& thread, const Arguments& arguments) {
    constexpr uint32_t kUnshare = 2, kCloseOnExec = 4;
    const auto first = static_cast<uint32_t>(arguments[0]);
    const auto last = static_cast<uint32_t>(arguments[1]);
    const auto flags = static_cast<uint32_t>(arguments[2]);
    if (first > last || (flags & ~(kUnshare | kCloseOnExec)) != 0) return -EINVAL;
    // Tables are never shared between processes, so there is nothing to unshare.
    DescriptorTable& table = thread.process->descriptors;
    if ((flags & kCloseOnExec) != 0) {
        table.set_close_on_exec_range(first, last);
        return 0;
    }
    std::array<Descriptor, 32> taken;
    while (const uint32_t count = table.take_range(first, last, taken)) {
        for (uint32_t i = 0; i < count; ++i) {
            release_record_locks(*thread.process, taken[i]);
            native::close(taken[i].handle);
        }
    }
    return 0;
}

}  // namespace portico::posix
