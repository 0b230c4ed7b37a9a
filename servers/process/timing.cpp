#include <algorithm>

#include "servers/process/server.h"

/// Timers of processes: one kernel timer for each process that has any, set to when there is something to look at.
namespace portico::process {
namespace {

constexpr int kCodeTimer = -2;  // SI_TIMER

abi::ProcessInfo kernel_side(const Process& process) {
    abi::ProcessInfo info;
    if (!native::call(abi::ProcessQuery{process.kernel_process.get(), reinterpret_cast<uint64_t>(&info)})) return {};
    return info;
}

Clocks clocks_of(const Process& process, bool with_cpu_time) {
    return {.now_ns = now_ns(), .cpu_ns = with_cpu_time ? kernel_side(process).cpu_time_ns : 0};
}

}  // namespace

Result<> Server::prepare_timer(Process& process) {
    if (process.timer) return {};
    const OwnedHandle sender = TRY(make_sender(process, BadgeKind::Timer, 1));
    process.timer.reset(TRY(native::call(abi::TimerCreate{sender.get(), 1})).timer);
    return {};
}

void Server::arm_timer(Process& process) {
    if (!process.timer) return;
    const bool cpu = process.timers.uses_cpu_time();
    const auto threads = static_cast<uint32_t>(process.threads.size());
    const uint64_t look_ns = process.timers.next_look_ns(clocks_of(process, cpu), threads);
    (void)native::call(abi::TimerSet{process.timer.get(), look_ns, 0});
}

void Server::on_timer(Process& process) {
    const Clocks clocks = clocks_of(process, process.timers.uses_cpu_time());
    process.timers.expire(clocks, [&](int32_t id, Timer& timer, uint64_t count) {
        if (timer.signal == 0) return;
        if (id < 0) {
            (void)lifecycle_.deliver(process, {.number = timer.signal, .code = kCodeKernel});
            return;
        }
        if (timer.pending) {
            timer.overruns += static_cast<uint32_t>(count);
            return;
        }
        const auto thread = timer.tid == 0 ? process.threads.end() : process.threads.find(timer.tid);
        if (timer.tid != 0 && thread == process.threads.end()) return;  // it has ended
        timer.overruns = static_cast<uint32_t>(count - 1);
        const SignalInfo info{.number = timer.signal, .code = kCodeTimer, .pid = id, .timer = id, .value = timer.value};
        const bool ignored = (process.ignored & signal_bit(timer.signal)) != 0;
        const Result<> sent = lifecycle_.deliver(process, info, thread == process.threads.end() ? nullptr : &thread->second);
        timer.pending = sent.has_value() && !ignored;
    });
    arm_timer(process);
}

/// How often a timer expired unseen goes with its signal, in the place of a sender's user id.
SignalInfo Server::with_overruns(Process& process, SignalInfo info) {
    if (info.code != kCodeTimer) return info;
    if (const Timer* const timer = process.timers.find(info.timer); timer != nullptr) info.uid = timer->overruns;
    return info;
}

void Server::note_taken(Process& process, const SignalInfo& info) {
    if (info.code != kCodeTimer || info.timer < 0) return;
    Timer* const timer = process.timers.find(info.timer);
    if (timer == nullptr) return;
    timer->overruns_told = std::exchange(timer->overruns, 0);
    timer->pending = false;
}

Result<protocol::TimerCreate::Reply> Server::on(const Call& call, const protocol::TimerCreate& request) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    if (request.signal > static_cast<uint32_t>(kSignalMax)) return fail(Error::InvalidArgument);
    if (request.tid != 0 && !process.threads.contains(request.tid)) return fail(Error::InvalidArgument);
    TRY(prepare_timer(process));
    const int32_t id = TRY(process.timers.create(
        {.signal = static_cast<int>(request.signal), .tid = request.tid, .value = request.value, .cpu_time = request.cpu_time != 0}));
    if (request.value_is_id != 0) process.timers.find(id)->value = static_cast<uint64_t>(id);
    return protocol::TimerCreate::Reply{.id = id};
}

Result<protocol::TimerState> Server::on(const Call& call, const protocol::TimerSet& request) {
    Process& process = *TRY(caller(call));
    if (process.pid == 0) return fail(Error::AccessDenied);
    if (request.id < Timers::kProfiling || request.id > INT32_MAX) return fail(Error::NotFound);
    Timer* const timer = process.timers.find(static_cast<int32_t>(request.id));
    if (timer == nullptr) return fail(Error::NotFound);
    if (request.time_ns != 0) TRY(prepare_timer(process));
    const Clocks clocks = clocks_of(process, timer->cpu_time);
    const Timers::State before = Timers::state(*timer, clocks);
    const uint64_t start_ns = request.absolute != 0 ? 0 : clocks.of(*timer);
    timer->deadline_ns = request.time_ns == 0 || request.time_ns >= abi::kForever - start_ns ? 0 : start_ns + request.time_ns;
    timer->interval_ns = request.interval_ns;
    timer->overruns = 0;
    arm_timer(process);
    return protocol::TimerState{.left_ns = before.left_ns, .interval_ns = before.interval_ns, .overruns = timer->overruns_told};
}

Result<protocol::TimerState> Server::on(const Call& call, const protocol::TimerGet& request) {
    Process& process = *TRY(caller(call));
    if (request.id < Timers::kProfiling || request.id > INT32_MAX) return fail(Error::NotFound);
    const Timer* const timer = process.timers.find(static_cast<int32_t>(request.id));
    if (timer == nullptr) return fail(Error::NotFound);
    const Timers::State state = Timers::state(*timer, clocks_of(process, timer->cpu_time));
    return protocol::TimerState{.left_ns = state.left_ns, .interval_ns = state.interval_ns, .overruns = timer->overruns_told};
}

Result<protocol::TimerDelete::Reply> Server::on(const Call& call, const protocol::TimerDelete& request) {
    Process& process = *TRY(caller(call));
    if (request.id < 0 || request.id > INT32_MAX || !process.timers.remove(static_cast<int32_t>(request.id))) return fail(Error::NotFound);
    arm_timer(process);
    return protocol::TimerDelete::Reply{};
}

}  // namespace portico::process
