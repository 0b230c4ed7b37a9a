#include "posix/files/attributes.h"

namespace portico::posix {
namespace {

namespace file = protocols::file;

constexpr int64_t kNsPerSecond = 1'000'000'000;

/// Rounds towards the past, so that nanoseconds are never negative.
linux_abi::Timespec to_timespec(int64_t time_ns) {
    int64_t seconds = time_ns / kNsPerSecond;
    int64_t nanoseconds = time_ns % kNsPerSecond;
    if (nanoseconds < 0) {
        nanoseconds += kNsPerSecond;
        --seconds;
    }
    return {seconds, nanoseconds};
}

linux_abi::StatxTime to_statx_time(int64_t time_ns) {
    const linux_abi::Timespec time = to_timespec(time_ns);
    return {time.seconds, static_cast<uint32_t>(time.nanoseconds), 0};
}

/// One of the two times: which bits it sets, and its value.
Result<> set_time(const linux_abi::Timespec& time, file::Change now, file::Change given, uint32_t& changes, int64_t& value_ns) {
    if (time.nanoseconds == kUtimeOmit) return {};
    if (time.nanoseconds == kUtimeNow) {
        changes |= static_cast<uint32_t>(now);
        return {};
    }
    if (time.nanoseconds < 0 || time.nanoseconds >= kNsPerSecond) return fail(Error::InvalidArgument);
    if (__builtin_mul_overflow(time.seconds, kNsPerSecond, &value_ns)) return fail(Error::InvalidArgument);
    if (__builtin_add_overflow(value_ns, time.nanoseconds, &value_ns)) return fail(Error::InvalidArgument);
    changes |= static_cast<uint32_t>(given);
    return {};
}

}  // namespace

linux_abi::Stat to_stat(const file::Attributes& attributes) {
    return {.device = attributes.device,
            .inode = attributes.inode,
            .links = attributes.links,
            .mode = attributes.mode,
            .uid = attributes.uid,
            .gid = attributes.gid,
            .special_device = attributes.special_device,
            .size_bytes = static_cast<int64_t>(attributes.size_bytes),
            .block_bytes = attributes.block_bytes,
            .blocks_512 = static_cast<int64_t>(attributes.blocks_512),
            .access = to_timespec(attributes.access_ns),
            .modify = to_timespec(attributes.modify_ns),
            .change = to_timespec(attributes.change_ns)};
}

linux_abi::Statx to_statx(const file::Attributes& attributes) {
    return {.mask = linux_abi::kStatxBasicAndBirth,
            .block_bytes = attributes.block_bytes,
            .links = static_cast<uint32_t>(attributes.links),
            .uid = attributes.uid,
            .gid = attributes.gid,
            .mode = static_cast<uint16_t>(attributes.mode),
            .inode = attributes.inode,
            .size_bytes = attributes.size_bytes,
            .blocks_512 = attributes.blocks_512,
            .access = to_statx_time(attributes.access_ns),
            .birth = to_statx_time(attributes.birth_ns),
            .change = to_statx_time(attributes.change_ns),
            .modify = to_statx_time(attributes.modify_ns),
            .special_major = linux_abi::device_major(attributes.special_device),
            .special_minor = linux_abi::device_minor(attributes.special_device),
            .device_major = linux_abi::device_major(attributes.device),
            .device_minor = linux_abi::device_minor(attributes.device)};
}

Result<file::SetAttributes> times_to_set(const linux_abi::Timespec* times) {
    file::SetAttributes change{};
    if (times == nullptr) {
        change.changes = static_cast<uint32_t>(file::Change::AccessNow) | static_cast<uint32_t>(file::Change::ModifyNow);
        return change;
    }
    TRY(set_time(times[0], file::Change::AccessNow, file::Change::AccessTime, change.changes, change.access_ns));
    TRY(set_time(times[1], file::Change::ModifyNow, file::Change::ModifyTime, change.changes, change.modify_ns));
    return change;
}

}  // namespace portico::posix
