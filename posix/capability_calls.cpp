#include <cerrno>

#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/user_copy.h"

/// Capabilities as root sees them: effective user 0 has all, every other user none. They can not be divided further.
namespace portico::posix {

namespace {

constexpr uint32_t kVersion1 = 0x1998'0330, kVersion2 = 0x2007'1026, kVersion3 = 0x2008'0522;
constexpr uint64_t kAll = (uint64_t{1} << 41) - 1;

struct Header {
    uint32_t version;
    int32_t pid;
};
struct Part {
    uint32_t effective, permitted, inheritable;
};

/// How many parts that version has; -1 after the version we have was told instead.
int64_t parts_of(uint64_t address, const Header& header) {
    if (header.version == kVersion1) return 1;
    if (header.version == kVersion2 || header.version == kVersion3) return 2;
    return write_user(address, kVersion3) ? -EINVAL : -EFAULT;
}

Result<uint64_t> capabilities_of(Thread& thread, int32_t pid) {
    protocols::process::Credentials value;
    const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(&value, 1))};
    TRY(settled_call(thread.process->process_server, protocols::process::GetCredentials{.pid = pid}, lend));
    return value.euid == 0 ? kAll : 0;
}

}  // namespace

bool is_privileged(Thread& thread) {
    return capabilities_of(thread, 0).value_or(0) == kAll;
}

int64_t sys_capget(Thread& thread, const Arguments& arguments) {
    const auto header = read_user<Header>(arguments[0]);
    if (!header) return -EFAULT;
    const int64_t count = parts_of(arguments[0], *header);
    if (count < 0) return arguments[1] == 0 && count == -EINVAL ? 0 : count;
    if (header->pid < 0) return -EINVAL;
    if (arguments[1] == 0) return 0;
    const auto all = capabilities_of(thread, header->pid);
    if (!all) return to_errno(all.error());
    for (uint64_t i = 0; i < static_cast<uint64_t>(count); ++i) {
        const auto bits = static_cast<uint32_t>(*all >> (32 * i));
        if (!write_user(arguments[1] + i * sizeof(Part), Part{.effective = bits, .permitted = bits, .inheritable = 0})) return -EFAULT;
    }
    return 0;
}

/// Only what changes nothing: a program that believes to have given a right up must not still have it.
int64_t sys_capset(Thread& thread, const Arguments& arguments) {
    const auto header = read_user<Header>(arguments[0]);
    if (!header) return -EFAULT;
    const int64_t count = parts_of(arguments[0], *header);
    if (count < 0) return count;
    if (header->pid != 0 && header->pid != thread.tid.load() && header->pid != thread.process->pid) return -EPERM;
    const auto all = capabilities_of(thread, 0);
    if (!all) return to_errno(all.error());
    for (uint64_t i = 0; i < static_cast<uint64_t>(count); ++i) {
        const auto part = read_user<Part>(arguments[1] + i * sizeof(Part));
        if (!part) return -EFAULT;
        const auto bits = static_cast<uint32_t>(*all >> (32 * i));
        if ((part->effective & bits) != bits || (part->permitted & bits) != bits || part->inheritable != 0) return -EPERM;
    }
    return 0;
}

}  // namespace portico::posix
