#include <array>

#include "posix/files/attributes.h"
#include "posix/files/file_calls.h"
#include "posix/files/linux_files.h"
#include "posix/files/requests.h"

namespace portico::posix {
namespace {

constexpr uint32_t kPermissionBits = 07777;
constexpr int64_t kNsPerUs = 1000;

file::SetAttributes mode_change(uint64_t mode) {
    return {.changes = static_cast<uint32_t>(file::Change::Mode), .mode = static_cast<uint32_t>(mode) & kPermissionBits};
}

/// An id of -1 stays as it is.
file::SetAttributes owner_change(uint64_t uid, uint64_t gid) {
    constexpr uint32_t kKeep = ~uint32_t{0};
    file::SetAttributes change{.changes = 0, .uid = static_cast<uint32_t>(uid), .gid = static_cast<uint32_t>(gid)};
    if (change.uid != kKeep) change.changes |= static_cast<uint32_t>(file::Change::Owner);
    if (change.gid != kKeep) change.changes |= static_cast<uint32_t>(file::Change::Group);
    return change;
}

int64_t change_at(Thread& thread, int32_t directory, uint64_t address, uint32_t flags, file::SetAttributes change) {
    if ((flags & ~(linux_abi::kAtSymlinkNoFollow | linux_abi::kAtEmptyPath)) != 0) return -EINVAL;
    const FinalLink final_link = (flags & linux_abi::kAtSymlinkNoFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
    const EmptyPath empty = (flags & linux_abi::kAtEmptyPath) != 0 ? EmptyPath::Allow : EmptyPath::Refuse;
    PathArgument path;
    if (const int64_t error = load_path(thread, directory, address, final_link, path, empty); error != 0) return error;
    change.no_follow = final_link == FinalLink::Keep;
    return request(path.directory, change, path.lend());
}

int64_t change_number(Thread& thread, uint64_t number, const file::SetAttributes& change) {
    const Result<Descriptor> descriptor = open_descriptor(thread, number);
    return descriptor ? request(descriptor->handle, change) : -EBADF;
}

/// Without a path the descriptor itself is meant (futimens).
int64_t change_times(Thread& thread, uint64_t directory, uint64_t address, const linux_abi::Timespec* times, uint32_t flags) {
    const Result<file::SetAttributes> change = times_to_set(times);
    if (!change) return to_errno(change.error());
    if (change->changes == 0) return 0;
    if (address == 0 && number_argument(directory) != linux_abi::kAtFdcwd)
        return flags != 0 ? -EINVAL : change_number(thread, directory, *change);
    return change_at(thread, number_argument(directory), address, flags, *change);
}

/// utimes and futimesat: microseconds.
int64_t change_times_us(Thread& thread, uint64_t directory, uint64_t address, uint64_t times_address) {
    if (times_address == 0) return change_times(thread, directory, address, nullptr, 0);
    const auto given = read_user<std::array<linux_abi::Timeval, 2>>(times_address);
    if (!given) return to_errno(given.error());
    std::array<linux_abi::Timespec, 2> times;
    for (unsigned i = 0; i < 2; ++i) {
        const linux_abi::Timeval& time = (*given)[i];
        if (time.microseconds < 0 || time.microseconds >= 1'000'000) return -EINVAL;
        times[i] = {time.seconds, time.microseconds * kNsPerUs};
    }
    return change_times(thread, directory, address, times.data(), 0);
}

constexpr auto kHere = static_cast<uint64_t>(linux_abi::kAtFdcwd);

}  // namespace

int64_t sys_chmod(Thread& thread, const Arguments& arguments) {
    return change_at(thread, linux_abi::kAtFdcwd, arguments[0], 0, mode_change(arguments[1]));
}
int64_t sys_fchmod(Thread& thread, const Arguments& arguments) {
    return change_number(thread, arguments[0], mode_change(arguments[1]));
}

int64_t sys_fchmodat(Thread& thread, const Arguments& arguments) {
    return change_at(thread, number_argument(arguments[0]), arguments[1], 0, mode_change(arguments[2]));
}

int64_t sys_fchmodat2(Thread& thread, const Arguments& arguments) {
    return change_at(thread, number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(arguments[3]), mode_change(arguments[2]));
}

int64_t sys_chown(Thread& thread, const Arguments& arguments) {
    return change_at(thread, linux_abi::kAtFdcwd, arguments[0], 0, owner_change(arguments[1], arguments[2]));
}

int64_t sys_lchown(Thread& thread, const Arguments& arguments) {
    return change_at(thread, linux_abi::kAtFdcwd, arguments[0], linux_abi::kAtSymlinkNoFollow, owner_change(arguments[1], arguments[2]));
}

int64_t sys_fchown(Thread& thread, const Arguments& arguments) {
    return change_number(thread, arguments[0], owner_change(arguments[1], arguments[2]));
}

int64_t sys_fchownat(Thread& thread, const Arguments& arguments) {
    return change_at(thread, number_argument(arguments[0]), arguments[1], static_cast<uint32_t>(arguments[4]),
                     owner_change(arguments[2], arguments[3]));
}

int64_t sys_utime(Thread& thread, const Arguments& arguments) {
    if (arguments[1] == 0) return change_times(thread, kHere, arguments[0], nullptr, 0);
    const auto given = read_user<linux_abi::Utimbuf>(arguments[1]);
    if (!given) return to_errno(given.error());
    const std::array<linux_abi::Timespec, 2> times{{{given->access_seconds, 0}, {given->modify_seconds, 0}}};
    return change_times(thread, kHere, arguments[0], times.data(), 0);
}

int64_t sys_utimes(Thread& thread, const Arguments& arguments) {
    return change_times_us(thread, kHere, arguments[0], arguments[1]);
}
int64_t sys_futimesat(Thread& thread, const Arguments& arguments) {
    return change_times_us(thread, arguments[0], arguments[1], arguments[2]);
}

int64_t sys_utimensat(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[3]);
    if (arguments[2] == 0) return change_times(thread, arguments[0], arguments[1], nullptr, flags);
    const auto times = read_user<std::array<linux_abi::Timespec, 2>>(arguments[2]);
    if (!times) return to_errno(times.error());
    return change_times(thread, arguments[0], arguments[1], times->data(), flags);
}

}  // namespace portico::posix
