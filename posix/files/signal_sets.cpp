#include <algorithm>

#include "posix/files/events.h"
#include "posix/files/file_calls.h"
#include "posix/files/new_descriptor.h"
#include "posix/signals.h"

/// signalfd: the object at the pipe server keeps the set and tells polls and epolls; the signals themselves are taken here.
namespace portico::posix {
namespace {

constexpr uint64_t kSetBytes = 8;

/// struct signalfd_siginfo.
struct ReadSignal {
    uint32_t number;
    int32_t error, code;
    uint32_t pid, uid;
    int32_t descriptor;
    uint32_t timer, band, overrun, trap;
    int32_t status, value;
    uint64_t pointer, user_time, system_time, address;
    uint16_t address_lsb, zero;
    int32_t syscall;
    uint64_t call_address;
    uint32_t architecture;
    uint8_t padding[28];
};
static_assert(sizeof(ReadSignal) == 128);

ReadSignal to_read_signal(const protocols::process::SignalInfo& info) {
    constexpr int32_t kCodeTimer = -2;
    const bool timer = info.code == kCodeTimer;
    return {.number = static_cast<uint32_t>(info.number),
            .code = info.code,
            .pid = timer ? 0 : static_cast<uint32_t>(info.pid),
            .uid = timer ? 0 : info.uid,
            .timer = timer ? static_cast<uint32_t>(info.pid) : 0,
            .overrun = timer ? info.uid : 0,
            .status = info.status,
            .value = static_cast<int32_t>(info.value),
            .pointer = info.value};
}

int64_t make_or_change(Thread& thread, int32_t number, uint64_t set_address, uint64_t set_bytes, uint32_t flags) {
    if ((flags & ~(file::kNonBlocking | linux_abi::kOpenCloseOnExec)) != 0 || set_bytes != kSetBytes) return -EINVAL;
    const auto set = read_user<uint64_t>(set_address);
    if (!set) return to_errno(set.error());
    const uint64_t signals = *set & ~kUnblockable;
    thread.process->has_signal_sets = true;
    int64_t result = number;
    if (number == -1) {
        const uint32_t status = file::kReadWrite | (flags & file::kNonBlocking);
        result =
            new_descriptor(thread, file::Kind::SignalSet, status, (flags & linux_abi::kOpenCloseOnExec) != 0, [&]() -> Result<abi::Handle> {
                const event::MakeSignalSet method{.signals = signals, .flags = flags & file::kNonBlocking};
                return TRY(settled_call(thread.process->pipe_server, method)).object;
            });
    } else {
        const Result<Descriptor> descriptor = open_descriptor(thread, static_cast<uint32_t>(number));
        if (!descriptor) return to_errno(descriptor.error());
        if (descriptor->kind != file::Kind::SignalSet) return -EINVAL;
        if (const int64_t error = request(descriptor->handle, event::SetSignals{.signals = signals}); error != 0) return error;
    }
    if (result >= 0) tell_signal_sets(thread, TellSignals::Always);
    return result;
}

}  // namespace

int64_t sys_signalfd(Thread& thread, const Arguments& arguments) {
    return make_or_change(thread, number_argument(arguments[0]), arguments[1], arguments[2], 0);
}

int64_t sys_signalfd4(Thread& thread, const Arguments& arguments) {
    return make_or_change(thread, number_argument(arguments[0]), arguments[1], arguments[2], static_cast<uint32_t>(arguments[3]));
}

int64_t read_signals(Thread& thread, const OpenNumber& from, uint64_t address, uint64_t length_bytes) {
    const uint64_t room = length_bytes / sizeof(ReadSignal);
    if (room == 0) return -EINVAL;
    const auto set = settled_call(from.descriptor.handle, event::GetSignals{});
    if (!set) return to_errno(set.error());
    protocols::process::SignalInfo info = take_awaited(thread, set->signals);
    if (info.number == 0 && (set->flags & file::kNonBlocking) != 0) return -EAGAIN;
    if (info.number == 0) {
        int64_t error = 0;
        thread.awaited = set->signals;
        info = await_signal(thread, set->signals, abi::kForever, error);
        thread.awaited = 0;
        if (info.number == 0) return -kRestart;
    }
    uint64_t done = 0;
    int64_t result = 0;
    while (info.number != 0) {
        if (const auto written = write_user(address + done * sizeof(ReadSignal), to_read_signal(info)); !written)
            result = to_errno(written.error());
        else
            ++done;
        info = done < room && result == 0 ? take_awaited(thread, set->signals) : protocols::process::SignalInfo{};
    }
    tell_signal_sets(thread, TellSignals::IfChanged);
    return done > 0 ? static_cast<int64_t>(done * sizeof(ReadSignal)) : result;
}

void tell_signal_sets(Thread& thread, TellSignals when) {
    Process& process = *thread.process;
    if (!process.has_signal_sets) return;
    uint64_t pending = 0;
    {
        const MutexGuard guard(process.mutex);
        pending = thread.pending_signals.set() | process.pending_signals.set();
        if (when == TellSignals::IfChanged && pending == process.pending_told) return;
        process.pending_told = pending;
    }
    // The handles are copied first: no call is made with the table locked.
    constexpr uint32_t kSetsMax = 16;
    std::array<abi::Handle, kSetsMax> sets;
    uint32_t count = 0;
    process.descriptors.for_each([&](int32_t, const Descriptor& descriptor) {
        if (descriptor.kind == file::Kind::SignalSet && count < kSetsMax) sets[count++] = descriptor.handle;
    });
    for (uint32_t i = 0; i < count; ++i) (void)settled_call(sets[i], event::TellPending{.signals = pending});
}

}  // namespace portico::posix
