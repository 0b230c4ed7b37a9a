#include <cerrno>

#include "posix/clock.h"
#include "posix/core_calls.h"
#include "posix/errno_map.h"
#include "posix/interruptible.h"
#include "posix/process.h"
#include "posix/user_copy.h"

/// Timers that send signals: alarm, setitimer, timer_create. The process server keeps them.
namespace portico::posix {

using protocols::process::TimerCreate;
using protocols::process::TimerDelete;
using protocols::process::TimerGet;
using protocols::process::TimerSet;
using protocols::process::TimerState;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint32_t kAbsolute = 1;
constexpr int64_t kRealTimer = -1;
/// Ids of the caller's own: the lower half is the server's id, the next bit says that the timer goes by the wall clock.
constexpr uint32_t kRealtimeBit = 1u << 30;

/// struct itimerval.
struct IntervalTimer {
    TimeValue interval, value;

    static IntervalTimer of(const TimerState& state) {
        return {.interval = TimeValue::from_ns(state.interval_ns), .value = TimeValue::from_ns(state.left_ns)};
    }
};

/// struct itimerspec.
struct TimerSetting {
    TimeSpec interval, value;

    static TimerSetting of(const TimerState& state) {
        return {.interval = TimeSpec::from_ns(state.interval_ns), .value = TimeSpec::from_ns(state.left_ns)};
    }
};

/// struct sigevent.
struct SignalEvent {
    uint64_t value;
    int32_t signal, how;
    int32_t tid;
    int32_t unused[11];
};
static_assert(sizeof(SignalEvent) == 64);
constexpr int32_t kSendSignal = 0, kSendNone = 1, kSendToThread = 4;

int64_t timer_errno(Error error) {
    return error == Error::NotFound ? -EINVAL : to_errno(error);
}

int64_t server_id(uint64_t argument) {
    return static_cast<int64_t>(static_cast<uint32_t>(argument) & ~kRealtimeBit);
}

}  // namespace

int64_t sys_alarm(Thread& thread, const Arguments& arguments) {
    const TimerSet method{.id = kRealTimer, .time_ns = (arguments[0] & 0xFFFF'FFFF) * kSecond};
    const auto before = settled_call(thread.process->process_server, method);
    if (!before) return to_errno(before.error());
    if (before->left_ns != 0 && before->left_ns < kSecond) return 1;  // 0 would say that there was none
    return static_cast<int64_t>((before->left_ns + kSecond / 2) / kSecond);
}

int64_t sys_setitimer(Thread& thread, const Arguments& arguments) {
    if (arguments[0] > 2) return -EINVAL;
    IntervalTimer timer{};
    if (arguments[1] != 0) {
        const auto given = read_user<IntervalTimer>(arguments[1]);
        if (!given) return -EFAULT;
        if (!given->value.valid() || !given->interval.valid()) return -EINVAL;
        timer = *given;
    }
    const TimerSet method{.id = kRealTimer - static_cast<int64_t>(arguments[0]),
                          .time_ns = timer.value.to_ns(),
                          .interval_ns = timer.value.to_ns() == 0 ? 0 : timer.interval.to_ns()};
    const auto before = settled_call(thread.process->process_server, method);
    if (!before) return to_errno(before.error());
    return arguments[2] == 0 ? 0 : to_errno(write_user(arguments[2], IntervalTimer::of(*before)));
}

int64_t sys_getitimer(Thread& thread, const Arguments& arguments) {
    if (arguments[0] > 2) return -EINVAL;
    const auto state = settled_call(thread.process->process_server, TimerGet{.id = kRealTimer - static_cast<int64_t>(arguments[0])});
    return state ? to_errno(write_user(arguments[1], IntervalTimer::of(*state))) : to_errno(state.error());
}

int64_t sys_timer_create(Thread& thread, const Arguments& arguments) {
    constexpr uint32_t kRealtime = 0, kMonotonic = 1, kProcessTime = 2, kThreadTime = 3, kBootTime = 7, kTai = 11;
    const auto clock = static_cast<uint32_t>(arguments[0]);
    const bool cpu_time = clock == kProcessTime;
    if (clock == kThreadTime) return -EOPNOTSUPP;
    if (clock != kRealtime && clock != kMonotonic && clock != kBootTime && clock != kTai && !cpu_time) return -EINVAL;
    TimerCreate method{.signal = kAlarm, .tid = 0, .cpu_time = cpu_time, .value_is_id = 1, .value = 0};
    if (arguments[1] != 0) {
        const auto given = read_user<SignalEvent>(arguments[1]);
        if (!given) return -EFAULT;
        if (given->how != kSendSignal && given->how != kSendNone && given->how != kSendToThread) return -EINVAL;
        if (given->how != kSendNone && (given->signal < 1 || given->signal > kSignalMax)) return -EINVAL;
        method.signal = given->how == kSendNone ? 0 : static_cast<uint32_t>(given->signal);
        method.tid = given->how == kSendToThread ? given->tid : 0;
        method.value = given->value;
        method.value_is_id = 0;
        if (given->how == kSendToThread && given->tid <= 0) return -EINVAL;
    }
    const auto made = settled_call(thread.process->process_server, method);
    if (!made) return to_errno(made.error());
    const bool realtime = clock == kRealtime || clock == kTai;
    const auto id = static_cast<int32_t>(static_cast<uint32_t>(made->id) | (realtime ? kRealtimeBit : 0));
    const auto written = write_user(arguments[2], id);
    if (written) return 0;
    (void)settled_call(thread.process->process_server, TimerDelete{.id = made->id});
    return to_errno(written.error());
}

int64_t sys_timer_settime(Thread& thread, const Arguments& arguments) {
    const auto given = read_user<TimerSetting>(arguments[2]);
    if (!given) return -EFAULT;
    if (!given->value.valid() || !given->interval.valid()) return -EINVAL;
    const bool absolute = (static_cast<uint32_t>(arguments[1]) & kAbsolute) != 0;
    uint64_t time_ns = given->value.to_ns();
    if (absolute && time_ns != 0 && (static_cast<uint32_t>(arguments[0]) & kRealtimeBit) != 0) {
        const uint64_t offset_ns = thread.process->realtime_offset_ns;
        time_ns = time_ns > offset_ns ? time_ns - offset_ns : 1;  // what is past expires at once
    }
    const TimerSet method{.id = server_id(arguments[0]), .time_ns = time_ns, .interval_ns = given->interval.to_ns(), .absolute = absolute};
    const auto before = settled_call(thread.process->process_server, method);
    if (!before) return timer_errno(before.error());
    return arguments[3] == 0 ? 0 : to_errno(write_user(arguments[3], TimerSetting::of(*before)));
}

int64_t sys_timer_gettime(Thread& thread, const Arguments& arguments) {
    const auto state = settled_call(thread.process->process_server, TimerGet{.id = server_id(arguments[0])});
    return state ? to_errno(write_user(arguments[1], TimerSetting::of(*state))) : timer_errno(state.error());
}

int64_t sys_timer_getoverrun(Thread& thread, const Arguments& arguments) {
    const auto state = settled_call(thread.process->process_server, TimerGet{.id = server_id(arguments[0])});
    return state ? static_cast<int64_t>(state->overruns) : timer_errno(state.error());
}

int64_t sys_timer_delete(Thread& thread, const Arguments& arguments) {
    const auto reply = settled_call(thread.process->process_server, TimerDelete{.id = server_id(arguments[0])});
    return reply ? 0 : timer_errno(reply.error());
}

}  // namespace portico::posix
