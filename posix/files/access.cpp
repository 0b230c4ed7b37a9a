#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

int64_t check_access(Thread& thread, int32_t directory, uint64_t address, uint64_t mode, uint32_t flags) {
    constexpr uint64_t kModes = 7;
    constexpr uint32_t kFlags = linux_abi::kAtEaccess | linux_abi::kAtSymlinkNoFollow | linux_abi::kAtEmptyPath;
    if ((mode & ~kModes) != 0 || (flags & ~kFlags) != 0) return -EINVAL;
    const FinalLink final_link = (flags & linux_abi::kAtSymlinkNoFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
    const EmptyPath empty = (flags & linux_abi::kAtEmptyPath) != 0 ? EmptyPath::Allow : EmptyPath::Refuse;
    PathArgument path;
    if (const int64_t error = load_path(thread, directory, address, final_link, path, empty); error != 0) return error;
    return request(path.directory, file::CheckAccess{.mode = mode, .no_follow = final_link == FinalLink::Keep}, path.lend());
}

}  // namespace

int64_t sys_access(Thread& thread, const Arguments& arguments) {
    return check_access(thread, linux_abi::kAtFdcwd, arguments[0], static_cast<uint32_t>(arguments[1]), 0);
}

int64_t sys_faccessat(Thread& thread, const Arguments& arguments) {
    return check_access(thread, number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(arguments[2]), 0);
}

int64_t sys_faccessat2(Thread& thread, const Arguments& arguments) {
    return check_access(thread, number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(arguments[2]),
                        static_cast<uint32_t>(arguments[3]));
}

}  // namespace portico::posix
