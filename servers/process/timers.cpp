#include "servers/process/timers.h"

#include <algorithm>

#include "abi/message.h"
#include "servers/process/signal_numbers.h"

namespace portico::process {

Result<int32_t> Timers::create(const Timer& timer) {
    if (timers_.size() >= kTimersMax) return fail(Error::WouldBlock);
    while (timers_.contains(next_id_)) next_id_ = (next_id_ + 1) & 0x7FFF'FFFF;
    const int32_t id = next_id_;
    next_id_ = (next_id_ + 1) & 0x7FFF'FFFF;
    timers_.emplace(id, timer);
    return id;
}

Timer* Timers::find(int32_t id) {
    if (const auto found = timers_.find(id); found != timers_.end()) return &found->second;
    switch (id) {
    case kReal:
        return &timers_.emplace(id, Timer{.signal = kAlarm}).first->second;
    case kVirtual:
        return &timers_.emplace(id, Timer{.signal = kVirtualAlarm, .cpu_time = true}).first->second;
    case kProfiling:
        return &timers_.emplace(id, Timer{.signal = kProfilingAlarm, .cpu_time = true}).first->second;
    default:
        return nullptr;
    }
}

void Timers::remove_created() {
    std::erase_if(timers_, [](const auto& item) { return item.first >= 0; });
}

Timers::State Timers::state(const Timer& timer, const Clocks& clocks) {
    if (timer.deadline_ns == 0) return {.left_ns = 0, .interval_ns = timer.interval_ns};
    const uint64_t now_ns = clocks.of(timer);
    return {.left_ns = timer.deadline_ns > now_ns ? timer.deadline_ns - now_ns : 1, .interval_ns = timer.interval_ns};
}

uint64_t Timers::take_expirations(Timer& timer, uint64_t now_ns) {
    if (timer.deadline_ns == 0 || now_ns < timer.deadline_ns) return 0;
    if (timer.interval_ns == 0) {
        timer.deadline_ns = 0;
        return 1;
    }
    const uint64_t count = (now_ns - timer.deadline_ns) / timer.interval_ns + 1;
    timer.deadline_ns += count * timer.interval_ns;
    return count;
}

bool Timers::uses_cpu_time() const {
    return std::ranges::any_of(timers_, [](const auto& item) { return item.second.cpu_time && item.second.deadline_ns != 0; });
}

uint64_t Timers::next_look_ns(const Clocks& clocks, uint32_t threads) const {
    constexpr uint64_t kCpuStepMin = 1'000'000;
    uint64_t next_ns = abi::kForever;
    for (const auto& [id, timer] : timers_) {
        if (timer.deadline_ns == 0) continue;
        uint64_t look_ns = timer.deadline_ns;
        if (timer.cpu_time) {
            const uint64_t left_ns = timer.deadline_ns > clocks.cpu_ns ? timer.deadline_ns - clocks.cpu_ns : 0;
            look_ns = clocks.now_ns + std::max(left_ns / std::max(threads, 1u), kCpuStepMin);
        }
        next_ns = std::min(next_ns, look_ns);
    }
    return next_ns;
}

}  // namespace portico::process
