#include "posix/files/attributes.h"
#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

/// Fills `to`: by path, or of the object itself where the path is empty. 0 or a negative errno.
int64_t find_attributes(Thread& thread, int32_t directory, uint64_t address, uint32_t flags, file::Attributes& to) {
    const FinalLink final_link = (flags & linux_abi::kAtSymlinkNoFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
    const EmptyPath empty = (flags & linux_abi::kAtEmptyPath) != 0 ? EmptyPath::Allow : EmptyPath::Refuse;
    PathArgument path;
    if (const int64_t error = load_path(thread, directory, address, final_link, path, empty); error != 0) return error;
    const std::span<std::byte> window = std::as_writable_bytes(std::span(&to, 1));
    if (path.path.empty()) return request(path.directory, file::GetAttributes{}, {.writable = window});
    file::GetAttributesAt method{.no_follow = final_link == FinalLink::Keep};
    const ipc::Lend lend = path.lend_or_put(method, window);
    return request(path.directory, method, lend);
}

int64_t stat_at(Thread& thread, int32_t directory, uint64_t address, uint64_t target, uint32_t flags) {
    file::Attributes attributes;
    if (const int64_t error = find_attributes(thread, directory, address, flags, attributes); error != 0) return error;
    return to_errno(write_user(target, to_stat(attributes)));
}

int64_t stat_number(Thread& thread, int32_t number, uint64_t target) {
    const Result<Descriptor> descriptor = thread.process->descriptors.get(number);  // also one for its path only
    if (!descriptor) return -EBADF;
    const Result<file::Attributes> attributes = attributes_of(descriptor->handle);
    return attributes ? to_errno(write_user(target, to_stat(*attributes))) : to_errno(attributes.error());
}

constexpr uint32_t kStatFlags = linux_abi::kAtSymlinkNoFollow | linux_abi::kAtNoAutomount | linux_abi::kAtEmptyPath;

}  // namespace

int64_t sys_stat(Thread& thread, const Arguments& arguments) {
    return stat_at(thread, linux_abi::kAtFdcwd, arguments[0], arguments[1], 0);
}

int64_t sys_lstat(Thread& thread, const Arguments& arguments) {
    return stat_at(thread, linux_abi::kAtFdcwd, arguments[0], arguments[1], linux_abi::kAtSymlinkNoFollow);
}

int64_t sys_fstat(Thread& thread, const Arguments& arguments) {
    return stat_number(thread, number_argument(arguments[0]), arguments[1]);
}

int64_t sys_newfstatat(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[3]);
    if ((flags & ~kStatFlags) != 0) return -EINVAL;
    return stat_at(thread, number_argument(arguments[0]), arguments[1], arguments[2], flags);
}

int64_t sys_statx(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[2]);
    if ((flags & ~(kStatFlags | linux_abi::kAtStatxSyncType)) != 0) return -EINVAL;
    if ((arguments[3] & linux_abi::kStatxReserved) != 0) return -EINVAL;
    file::Attributes attributes;
    const int64_t error = find_attributes(thread, number_argument(arguments[0]), arguments[1], flags, attributes);
    return error != 0 ? error : to_errno(write_user(arguments[4], to_statx(attributes)));
}

}  // namespace portico::posix
