#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/usage.h"
#include "posix/user_copy.h"

namespace portico::posix {

namespace {

enum class Clock : uint32_t {
    Realtime = 0,
    Monotonic = 1,
    ProcessTime = 2,
    ThreadTime = 3,
    MonotonicRaw = 4,
    RealtimeCoarse = 5,
    MonotonicCoarse = 6,
    BootTime = 7,
    Tai = 11
};

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kTicksPerSecond = 100;  // AT_CLKTCK
constexpr uint64_t kAbsolute = 1;

Result<abi::ProcessInfo> process_info() {
    abi::ProcessInfo info;
    TRY(native::call(abi::ProcessQuery{abi::kSelfProcess, reinterpret_cast<uint64_t>(&info)}));
    return info;
}

bool is_realtime(Clock clock) {
    return clock == Clock::Realtime || clock == Clock::RealtimeCoarse || clock == Clock::Tai;
}

/// Errors: InvalidArgument for clocks there are not.
Result<uint64_t> read_clock(Thread& thread, uint64_t number) {
    const auto clock = static_cast<Clock>(number);
    switch (clock) {
    case Clock::Realtime:
    case Clock::RealtimeCoarse:
    case Clock::Tai:
        return monotonic_ns() + thread.process->realtime_offset_ns;
    case Clock::Monotonic:
    case Clock::MonotonicRaw:
    case Clock::MonotonicCoarse:
    case Clock::BootTime:
        return monotonic_ns();
    case Clock::ProcessTime:
    case Clock::ThreadTime:
        return TRY(process_info()).cpu_time_ns;
    }
    return fail(Error::InvalidArgument);
}

/// Waits until `deadline_ns`; if a handler ends it, tells what was left.
int64_t sleep_until(Thread& thread, uint64_t deadline_ns, uint64_t left_address) {
    while (monotonic_ns() < deadline_ns) {
        if (interruptible::sleep(thread, deadline_ns)) continue;
        if (left_address != 0) {
            const uint64_t now = monotonic_ns();
            if (!write_user(left_address, TimeSpec::from_ns(deadline_ns > now ? deadline_ns - now : 0))) return -EFAULT;
        }
        return -kRestartNoHandler;
    }
    return 0;
}

int64_t sleep_for(Thread& thread, uint64_t duration_ns, uint64_t left_address) {
    if (thread.restart_deadline_ns == 0) thread.restart_deadline_ns = deadline_after(duration_ns);
    return sleep_until(thread, thread.restart_deadline_ns, left_address);
}

}  // namespace

int64_t sys_clock_gettime(Thread& thread, const Arguments& arguments) {
    const auto now = read_clock(thread, arguments[0] & 0xFFFF'FFFF);
    if (!now) return to_errno(now.error());
    return to_errno(write_user(arguments[1], TimeSpec::from_ns(*now)));
}

int64_t sys_clock_getres(Thread& thread, const Arguments& arguments) {
    if (const auto now = read_clock(thread, arguments[0] & 0xFFFF'FFFF); !now) return to_errno(now.error());
    return arguments[1] == 0 ? 0 : to_errno(write_user(arguments[1], TimeSpec{0, 1}));
}

int64_t sys_clock_settime(Thread& thread, const Arguments& arguments) {
    const auto now = read_clock(thread, arguments[0] & 0xFFFF'FFFF);
    return now ? -EPERM : to_errno(now.error());
}

int64_t sys_settimeofday(Thread&, const Arguments&) {
    return -EPERM;
}

int64_t sys_nanosleep(Thread& thread, const Arguments& arguments) {
    const auto duration = read_user<TimeSpec>(arguments[0]);
    if (!duration) return -EFAULT;
    return duration->valid() ? sleep_for(thread, duration->to_ns(), arguments[1]) : -EINVAL;
}

int64_t sys_clock_nanosleep(Thread& thread, const Arguments& arguments) {
    const auto [clock_number, flags, time_address, left_address, unused, unused_too] = arguments;
    const auto clock = static_cast<Clock>(clock_number & 0xFFFF'FFFF);
    if (clock != Clock::Realtime && clock != Clock::Monotonic && clock != Clock::BootTime && clock != Clock::Tai)
        return clock == Clock::ProcessTime ? -EOPNOTSUPP : -EINVAL;
    const auto time = read_user<TimeSpec>(time_address);
    if (!time) return -EFAULT;
    if (!time->valid()) return -EINVAL;
    if ((flags & kAbsolute) == 0) return sleep_for(thread, time->to_ns(), left_address);
    const uint64_t offset = is_realtime(clock) ? thread.process->realtime_offset_ns : 0;
    return sleep_until(thread, time->to_ns() > offset ? time->to_ns() - offset : 0, 0);
}

int64_t sys_gettimeofday(Thread& thread, const Arguments& arguments) {
    const uint64_t now = monotonic_ns() + thread.process->realtime_offset_ns;
    if (arguments[0] != 0 && !write_user(arguments[0], TimeValue::from_ns(now))) return -EFAULT;
    if (arguments[1] != 0 && !clear_user(arguments[1], 8)) return -EFAULT;  // struct timezone: UTC
    return 0;
}

int64_t sys_time(Thread& thread, const Arguments& arguments) {
    const auto seconds = static_cast<int64_t>((monotonic_ns() + thread.process->realtime_offset_ns) / kSecond);
    if (arguments[0] != 0 && !write_user(arguments[0], seconds)) return -EFAULT;
    return seconds;
}

int64_t sys_times(Thread& thread, const Arguments& arguments) {
    constexpr uint64_t kTickNs = kSecond / kTicksPerSecond;
    const auto info = process_info();
    if (!info) return to_errno(info.error());
    int64_t ticks[4] = {static_cast<int64_t>(info->cpu_time_ns / kTickNs), 0, 0, 0};
    {
        const MutexGuard guard(thread.process->mutex);
        ticks[2] = static_cast<int64_t>(thread.process->children_time_ns / kTickNs);
    }
    if (arguments[0] != 0 && !write_user(arguments[0], ticks)) return -EFAULT;
    return static_cast<int64_t>(monotonic_ns() / kTickNs);
}

int64_t sys_getrusage(Thread& thread, const Arguments& arguments) {
    const auto who = static_cast<int32_t>(arguments[0]);
    constexpr int32_t kSelf = 0, kChildren = -1, kThread = 1;
    LinuxUsage usage{};
    if (who == kChildren) {
        const MutexGuard guard(thread.process->mutex);
        usage = LinuxUsage::of(thread.process->children_time_ns, 0, thread.process->children_resident_peak);
    } else if (who == kSelf || who == kThread) {
        const auto info = process_info();
        if (!info) return to_errno(info.error());
        usage = LinuxUsage::of(info->cpu_time_ns, 0, info->resident_bytes);
    } else {
        return -EINVAL;
    }
    return to_errno(write_user(arguments[1], usage));
}

}  // namespace portico::posix
