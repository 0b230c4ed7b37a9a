#include <cerrno>
#include <cstring>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/random.h"
#include "posix/thread_memory.h"
#include "posix/user_copy.h"

/// Names, limits and small settings.
namespace portico::posix {

namespace {

/// struct new_utsname.
struct SystemNames {
    char system[65], node[65], release[65], version[65], machine[65], domain[65];
};

/// struct sysinfo.
struct SystemSummary {
    int64_t uptime_seconds;
    uint64_t loads[3];
    uint64_t memory, memory_free, memory_shared, memory_buffers, swap, swap_free;
    uint16_t processes, zero;
    uint32_t zero_too;
    uint64_t high, high_free;
    uint32_t unit_bytes;
    char unused[4];
};
static_assert(sizeof(SystemSummary) == 112);

constexpr uint64_t kRandomBytesMax = 256;

bool is_self(const Thread& thread, uint64_t pid) {
    return pid == 0 || static_cast<int32_t>(pid) == thread.process->pid;
}

Limit get_limit(Thread& thread, uint64_t resource) {
    const MutexGuard guard(thread.process->mutex);
    return thread.process->limits[resource];
}

int64_t set_limit(Thread& thread, uint64_t resource, const Limit& limit) {
    if (limit.soft > limit.hard) return -EINVAL;
    Process& process = *thread.process;
    const bool privileged = limit.hard > get_limit(thread, resource).hard && is_privileged(thread);
    {
        const MutexGuard guard(process.mutex);
        if (limit.hard > process.limits[resource].hard && !privileged) return -EPERM;
        if (resource == kLimitFiles && limit.hard > DescriptorTable::kDescriptorsMax) return -EPERM;
        process.limits[resource] = limit;
    }
    if (resource != kLimitTasks || process.mode != abi::RuntimeMode::Posix) return 0;
    const auto told = settled_call(process.process_server, protocols::process::LimitOwner{.tasks_max = limit.soft});
    return told ? 0 : to_errno(told.error());
}

}  // namespace

int64_t sys_uname(Thread&, const Arguments& arguments) {
    SystemNames names{};
    std::memcpy(names.system, "Linux", 6);
    std::memcpy(names.node, "portico", 8);
    std::memcpy(names.release, "6.1.0-portico", 14);
    std::memcpy(names.version, "#1 Portico", 11);
    std::memcpy(names.machine, "x86_64", 7);
    std::memcpy(names.domain, "(none)", 7);
    return to_errno(write_user(arguments[0], names));
}

int64_t sys_sysinfo(Thread&, const Arguments& arguments) {
    abi::SystemInfo info;
    if (const auto result = native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&info)}); !result) return to_errno(result.error());
    SystemSummary summary{};
    summary.uptime_seconds = static_cast<int64_t>(monotonic_ns() / 1'000'000'000);
    summary.memory = info.memory_bytes;
    summary.memory_free = info.free_bytes;
    summary.swap = info.swap_bytes;
    summary.swap_free = info.swap_free_bytes;
    summary.processes = static_cast<uint16_t>(info.process_count);
    summary.unit_bytes = 1;
    return to_errno(write_user(arguments[0], summary));
}

int64_t sys_getrandom(Thread&, const Arguments& arguments) {
    constexpr uint64_t kNonBlocking = 1, kRandom = 2, kInsecure = 4, kBytesMax = 0x7FFF'F000;
    const auto [address, wanted_bytes, flags, unused, unused_too, unused_three] = arguments;
    if ((flags & ~(kNonBlocking | kRandom | kInsecure)) != 0 || (flags & (kRandom | kInsecure)) == (kRandom | kInsecure)) return -EINVAL;
    const uint64_t length_bytes = wanted_bytes < kBytesMax ? wanted_bytes : kBytesMax;
    std::byte buffer[kRandomBytesMax];
    for (uint64_t done = 0; done < length_bytes;) {
        const uint64_t part = length_bytes - done < kRandomBytesMax ? length_bytes - done : kRandomBytesMax;
        random_fill(std::span(buffer, part));
        if (!copy_to_user(address + done, buffer, part)) return done > 0 ? static_cast<int64_t>(done) : -EFAULT;
        done += part;
    }
    return static_cast<int64_t>(length_bytes);
}

int64_t sys_umask(Thread& thread, const Arguments& arguments) {
    const MutexGuard guard(thread.process->mutex);
    const uint32_t old = thread.process->umask;
    thread.process->umask = arguments[0] & 0777;
    return old;
}

int64_t sys_prlimit64(Thread& thread, const Arguments& arguments) {
    const auto [pid, resource, new_address, old_address, unused, unused_too] = arguments;
    if (resource >= kLimitCount) return -EINVAL;
    if (!is_self(thread, pid)) return -ESRCH;
    const Limit old = get_limit(thread, resource);
    if (new_address != 0) {
        const auto limit = read_user<Limit>(new_address);
        if (!limit) return -EFAULT;
        if (const int64_t error = set_limit(thread, resource, *limit); error != 0) return error;
    }
    return old_address == 0 ? 0 : to_errno(write_user(old_address, old));
}

int64_t sys_getrlimit(Thread& thread, const Arguments& arguments) {
    return arguments[0] >= kLimitCount ? -EINVAL : to_errno(write_user(arguments[1], get_limit(thread, arguments[0])));
}

int64_t sys_setrlimit(Thread& thread, const Arguments& arguments) {
    if (arguments[0] >= kLimitCount) return -EINVAL;
    const auto limit = read_user<Limit>(arguments[1]);
    return limit ? set_limit(thread, arguments[0], *limit) : -EFAULT;
}

int64_t sys_arch_prctl(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kSetFs = 0x1002, kGetFs = 0x1003;
    switch (arguments[0]) {
    case kSetFs:
        if (!is_user_range(arguments[1], 0)) return -EPERM;
        thread.fs_base = arguments[1];
        write_fs_base(arguments[1]);
        return 0;
    case kGetFs:
        return to_errno(write_user(arguments[1], read_fs_base()));
    default:
        return -EINVAL;  // GS is the library's
    }
}

int64_t sys_personality(Thread&, const Arguments& arguments) {
    constexpr uint32_t kQuery = 0xFFFF'FFFF;
    const auto persona = static_cast<uint32_t>(arguments[0]);
    return persona == kQuery || persona == 0 ? 0 : -EINVAL;
}

}  // namespace portico::posix
