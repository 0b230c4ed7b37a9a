#include "posix/clock.h"
#include "posix/files/events.h"
#include "posix/files/file_calls.h"
#include "posix/files/new_descriptor.h"

/// timerfd_create and its kin.
namespace portico::posix {
namespace {

constexpr uint32_t kRealtime = 0, kMonotonic = 1, kBootTime = 7, kRealtimeAlarm = 8, kBootTimeAlarm = 9;
constexpr uint32_t kAbsolute = 1, kCancelOnSet = 2;

/// struct itimerspec.
struct TimerSetting {
    TimeSpec interval, value;
};

/// Which clock a timer has is kept in its descriptor's status, in a bit that no open flag of these objects uses.
constexpr uint32_t kRealtimeStatus = 1u << 23;

TimerSetting to_setting(const event::TimerState& state) {
    return {.interval = TimeSpec::from_ns(state.interval_ns), .value = TimeSpec::from_ns(state.left_ns)};
}

Result<Descriptor> timer_descriptor(Thread& thread, uint64_t number) {
    const Descriptor descriptor = TRY(open_descriptor(thread, number));
    if (descriptor.kind != file::Kind::Timer) return fail(Error::InvalidArgument);
    return descriptor;
}

/// When a value runs out; 0: never. The wall clock is the other with a constant added.
uint64_t deadline_of(const Thread& thread, const Descriptor& descriptor, const TimeSpec& value, bool absolute) {
    const uint64_t value_ns = value.to_ns();
    if (value_ns == 0) return 0;
    if (!absolute) return deadline_after(value_ns);
    const uint64_t offset_ns = (descriptor.status & kRealtimeStatus) != 0 ? thread.process->realtime_offset_ns : 0;
    return value_ns > offset_ns ? value_ns - offset_ns : 1;  // what is past expires at once
}

}  // namespace

int64_t sys_timerfd_create(Thread& thread, const Arguments& arguments) {
    const auto clock = static_cast<uint32_t>(arguments[0]);
    const auto flags = static_cast<uint32_t>(arguments[1]);
    if ((flags & ~(file::kNonBlocking | linux_abi::kOpenCloseOnExec)) != 0) return -EINVAL;
    const bool realtime = clock == kRealtime || clock == kRealtimeAlarm;
    if (!realtime && clock != kMonotonic && clock != kBootTime && clock != kBootTimeAlarm) return -EINVAL;
    const uint32_t status = file::kReadWrite | (flags & file::kNonBlocking) | (realtime ? kRealtimeStatus : 0);
    return new_descriptor(thread, file::Kind::Timer, status, (flags & linux_abi::kOpenCloseOnExec) != 0, [&]() -> Result<abi::Handle> {
        const event::MakeTimer method{.flags = flags & file::kNonBlocking};
        return TRY(settled_call(thread.process->pipe_server, method)).object;
    });
}

/// Nobody can set the clock, so TFD_TIMER_CANCEL_ON_SET never cancels.
int64_t sys_timerfd_settime(Thread& thread, const Arguments& arguments) {
    const auto flags = static_cast<uint32_t>(arguments[1]);
    if ((flags & ~(kAbsolute | kCancelOnSet)) != 0) return -EINVAL;
    const auto setting = read_user<TimerSetting>(arguments[2]);
    if (!setting) return to_errno(setting.error());
    if (!setting->value.valid() || !setting->interval.valid()) return -EINVAL;
    const Result<Descriptor> descriptor = timer_descriptor(thread, arguments[0]);
    if (!descriptor) return to_errno(descriptor.error());
    const event::SetTimer method{.deadline_ns = deadline_of(thread, *descriptor, setting->value, (flags & kAbsolute) != 0),
                                 .interval_ns = setting->interval.to_ns()};
    const auto before = settled_call(descriptor->handle, method);
    if (!before) return to_errno(before.error());
    return arguments[3] == 0 ? 0 : to_errno(write_user(arguments[3], to_setting(*before)));
}

int64_t sys_timerfd_gettime(Thread& thread, const Arguments& arguments) {
    const Result<Descriptor> descriptor = timer_descriptor(thread, arguments[0]);
    if (!descriptor) return to_errno(descriptor.error());
    const auto state = settled_call(descriptor->handle, event::GetTimer{});
    return state ? to_errno(write_user(arguments[1], to_setting(*state))) : to_errno(state.error());
}

}  // namespace portico::posix
