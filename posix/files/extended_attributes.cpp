#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

/// No file system here keeps extended attributes; programs expect to hear that as EOPNOTSUPP, as on Linux file systems without.
namespace portico::posix {
namespace {

int64_t of_path(Thread& thread, uint64_t address, FinalLink final_link) {
    PathArgument path;
    if (const int64_t error = load_path(thread, linux_abi::kAtFdcwd, address, final_link, path); error != 0) return error;
    const int64_t error = request(path.directory, file::CheckAccess{.mode = 0, .no_follow = final_link == FinalLink::Keep}, path.lend());
    return error != 0 ? error : -EOPNOTSUPP;
}

}  // namespace

int64_t sys_path_xattr(Thread& thread, const Arguments& arguments) {
    return of_path(thread, arguments[0], FinalLink::Follow);
}

int64_t sys_link_xattr(Thread& thread, const Arguments& arguments) {
    return of_path(thread, arguments[0], FinalLink::Keep);
}

int64_t sys_descriptor_xattr(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> descriptor = open_descriptor(thread, arguments[0]);
    return descriptor ? -EOPNOTSUPP : to_errno(descriptor.error());
}

}  // namespace portico::posix
