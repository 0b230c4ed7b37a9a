#include <cerrno>

#include "posix/core_calls.h"
#include "posix/entry_points.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/robust_list.h"
#include "posix/signals.h"
#include "posix/usage.h"
#include "posix/user_copy.h"

/// Ends of threads and processes, and waiting for them.
namespace portico::posix {

using protocols::process::Usage;
using protocols::process::Wait;

namespace {

constexpr uint64_t kWaitNoHang = 1, kWaitStopped = 2, kWaitExited = 4, kWaitContinued = 8, kWaitNoWait = 0x100'0000;
constexpr uint64_t kWait4Options = kWaitNoHang | kWaitStopped | kWaitContinued;

uint64_t exit_status(uint64_t code) {
    return (code & 0xFF) << 8;
}

/// True if no other thread of the process lives on.
bool leave_threads(Thread& thread) {
    Process& process = *thread.process;
    const MutexGuard guard(process.mutex);
    thread.ended = true;
    for (Thread* other = process.threads; other != nullptr; other = other->next)
        if (!other->ended) return false;
    return true;
}

Result<Wait::Reply> wait_for(Thread& thread, int64_t pid, uint64_t options, Usage& usage) {
    Process& process = *thread.process;
    const ipc::Lend lend{.writable = std::as_writable_bytes(std::span(&usage, 1))};
    const auto reply = TRY(interruptible::call(thread, process.process_server, Wait{.pid = pid, .options = options}, lend));
    if (reply.pid > 0 && (options & kWaitNoWait) == 0) {
        const MutexGuard guard(process.mutex);
        process.children_time_ns += usage.user_ns + usage.system_ns;
        if (usage.resident_peak_bytes > process.children_resident_peak) process.children_resident_peak = usage.resident_peak_bytes;
    }
    return reply;
}

SignalDetails child_details(const Wait::Reply& reply) {
    constexpr int kExited = 1, kKilled = 2, kDumped = 3, kStopped = 5, kContinued = 6;
    const auto status = static_cast<int>(reply.wait_status);
    SignalDetails details;
    details.number = kChild;
    details.sender.pid = static_cast<int32_t>(reply.pid);
    details.sender.uid = reply.uid;
    if (status == 0xFFFF) {
        details.code = kContinued;
        details.sender.status = kContinue;
    } else if ((status & 0xFF) == 0x7F) {
        details.code = kStopped;
        details.sender.status = (status >> 8) & 0xFF;
    } else if ((status & 0x7F) == 0) {
        details.code = kExited;
        details.sender.status = (status >> 8) & 0xFF;
    } else {
        details.code = (status & 0x80) != 0 ? kDumped : kKilled;
        details.sender.status = status & 0x7F;
    }
    return details;
}

}  // namespace

int64_t sys_exit(Thread& thread, const Arguments& arguments) {
    Process& process = *thread.process;
    walk_robust_list(thread);
    if (leave_threads(thread)) {
        if (thread.clear_child_tid != 0) (void)store_user_32(thread.clear_child_tid, 0);
        end_process(process, exit_status(arguments[0]));
    }
    if (process.mode == abi::RuntimeMode::Posix)
        (void)settled_call(process.process_server, protocols::process::ThreadExit{.tid = thread.tid.load()});
    // The kernel would fail on a word that is not mapped (any more): then there is none to clear.
    const bool clears = thread.clear_child_tid != 0 && load_user_32(thread.clear_child_tid);
    for (;;)
        (void)native::call(
            abi::ThreadExit{clears ? thread.clear_child_tid : 0, reinterpret_cast<uint64_t>(&thread.running), arguments[0] & 0xFF});
}

int64_t sys_exit_group(Thread& thread, const Arguments& arguments) {
    walk_robust_list(thread);
    end_process(*thread.process, exit_status(arguments[0]));
}

int64_t sys_wait4(Thread& thread, const Arguments& arguments) {
    const auto [pid, status_address, options, usage_address, unused, unused_too] = arguments;
    constexpr uint64_t kCloneOptions = 0xE000'0000;  // __WNOTHREAD, __WALL, __WCLONE: all children are alike here
    if ((static_cast<uint32_t>(options) & ~(kWait4Options | kCloneOptions)) != 0) return -EINVAL;
    Usage usage{};
    const auto reply = wait_for(thread, static_cast<int32_t>(pid), (options & kWait4Options) | kWaitExited, usage);
    if (!reply) return to_errno(reply.error());
    if (reply->pid == 0) return 0;
    if (status_address != 0 && !write_user(status_address, static_cast<int32_t>(reply->wait_status))) return -EFAULT;
    if (usage_address != 0 && !write_user(usage_address, LinuxUsage::of(usage.user_ns, usage.system_ns, usage.resident_peak_bytes)))
        return -EFAULT;
    return reply->pid;
}

int64_t sys_waitid(Thread& thread, const Arguments& arguments) {
    const auto [kind, id, details_address, options, usage_address, unused] = arguments;
    constexpr uint64_t kAll = 0, kPid = 1, kGroup = 2;
    constexpr uint64_t kStates = kWaitExited | kWaitStopped | kWaitContinued;
    const uint64_t known = static_cast<uint32_t>(options) & ~0xE000'0000u;
    if ((known & ~(kStates | kWaitNoHang | kWaitNoWait)) != 0 || (known & kStates) == 0) return -EINVAL;
    const auto number = static_cast<int32_t>(id);
    int64_t pid = -1;
    if (kind == kPid && number > 0)
        pid = number;
    else if (kind == kGroup && number >= 0)
        pid = -static_cast<int64_t>(number);
    else if (kind != kAll)
        return -EINVAL;
    Usage usage{};
    const auto reply = wait_for(thread, pid, known, usage);
    if (!reply) return to_errno(reply.error());
    const SignalDetails details = reply->pid == 0 ? SignalDetails{} : child_details(*reply);
    if (details_address != 0 && !write_user(details_address, details)) return -EFAULT;
    if (usage_address != 0 && !write_user(usage_address, LinuxUsage::of(usage.user_ns, usage.system_ns, usage.resident_peak_bytes)))
        return -EFAULT;
    return 0;
}

int64_t sys_set_tid_address(Thread& thread, const Arguments& arguments) {
    thread.clear_child_tid = arguments[0];
    return thread.tid;
}

int64_t sys_set_robust_list(Thread& thread, const Arguments& arguments) {
    if (arguments[1] != kRobustHeadBytes) return -EINVAL;
    thread.robust_list = arguments[0];
    thread.robust_list_bytes = arguments[1];
    return 0;
}

int64_t sys_get_robust_list(Thread& thread, const Arguments& arguments) {
    const auto tid = static_cast<int32_t>(arguments[0]);
    if (tid != 0 && tid != thread.tid) return -EPERM;
    if (!write_user(arguments[1], thread.robust_list)) return -EFAULT;
    return to_errno(write_user(arguments[2], kRobustHeadBytes));
}

}  // namespace portico::posix
