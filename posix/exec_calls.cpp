#include <cerrno>

#include "posix/core_calls.h"
#include "posix/exec.h"

namespace portico::posix {

int64_t sys_execve(Thread& thread, const Arguments& arguments) {
    return execute(thread, {.path = arguments[0], .arguments = arguments[1], .environment = arguments[2]});
}

int64_t sys_execveat(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kEmptyPath = 0x1000;
    if ((arguments[4] & ~kEmptyPath) != 0) return -EINVAL;
    return execute(thread, {.directory = static_cast<int32_t>(arguments[0]),
                            .path = arguments[1],
                            .arguments = arguments[2],
                            .environment = arguments[3],
                            .allow_empty_path = (arguments[4] & kEmptyPath) != 0});
}

}  // namespace portico::posix
