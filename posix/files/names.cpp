#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

constexpr uint32_t kFormatBits = 0170000, kPermissionBits = 07777;

int64_t make_node(Thread& thread, int32_t directory, uint64_t address, file::Kind kind, uint32_t mode, uint64_t special_device) {
    PathArgument path;
    if (const int64_t error = load_path(thread, directory, address, FinalLink::Keep, path); error != 0) return error;
    const uint32_t permissions = mode & kPermissionBits & ~thread.process->current_umask();
    return request(path.directory, file::MakeNode{.kind = kind, .mode = permissions, .special_device = special_device}, path.lend());
}

/// The kind that mknod's mode asks for; None: it may not.
file::Kind kind_of_mode(uint32_t mode) {
    switch (mode & kFormatBits) {
    case 0:
    case 0100000:
        return file::Kind::File;
    case 0010000:
        return file::Kind::Fifo;
    case 0020000:
        return file::Kind::CharacterDevice;
    case 0060000:
        return file::Kind::BlockDevice;
    case 0140000:
        return file::Kind::Socket;
    default:
        return file::Kind::None;
    }
}

int64_t make_special(Thread& thread, int32_t directory, uint64_t address, uint32_t mode, uint64_t special_device) {
    const file::Kind kind = kind_of_mode(mode);
    if (kind == file::Kind::None) return (mode & kFormatBits) == 0040000 ? -EPERM : -EINVAL;
    const bool device = kind == file::Kind::CharacterDevice || kind == file::Kind::BlockDevice;
    return make_node(thread, directory, address, kind, mode, device ? static_cast<uint32_t>(special_device) : 0);
}

int64_t remove_name(Thread& thread, int32_t directory, uint64_t address, bool is_directory) {
    PathArgument path;
    if (const int64_t error = load_path(thread, directory, address, FinalLink::Keep, path); error != 0) return error;
    file::Remove method{.directory = is_directory};
    const ipc::Lend lend = path.lend_or_put(method);
    return request(path.directory, method, lend);
}

}  // namespace

int64_t sys_mkdir(Thread& thread, const Arguments& arguments) {
    return make_node(thread, linux_abi::kAtFdcwd, arguments[0], file::Kind::Directory, static_cast<uint32_t>(arguments[1]), 0);
}

int64_t sys_mkdirat(Thread& thread, const Arguments& arguments) {
    return make_node(thread, number_argument(arguments[0]), arguments[1], file::Kind::Directory, static_cast<uint32_t>(arguments[2]), 0);
}

int64_t sys_mknod(Thread& thread, const Arguments& arguments) {
    return make_special(thread, linux_abi::kAtFdcwd, arguments[0], static_cast<uint32_t>(arguments[1]), arguments[2]);
}

int64_t sys_mknodat(Thread& thread, const Arguments& arguments) {
    return make_special(thread, number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(arguments[2]), arguments[3]);
}

int64_t sys_rmdir(Thread& thread, const Arguments& arguments) {
    return remove_name(thread, linux_abi::kAtFdcwd, arguments[0], true);
}
int64_t sys_unlink(Thread& thread, const Arguments& arguments) {
    return remove_name(thread, linux_abi::kAtFdcwd, arguments[0], false);
}

int64_t sys_unlinkat(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[2]);
    if ((flags & ~linux_abi::kAtRemoveDir) != 0) return -EINVAL;
    return remove_name(thread, number_argument(arguments[0]), arguments[1], flags != 0);
}

}  // namespace portico::posix
