#include "kernel/time/timer.h"

#include "kernel/sched/cpu.h"

namespace portico::kernel {

void Timer::set(uint64_t deadline_ns, uint64_t period_ns) {
    TimerQueue::remove(*this);
    period_ns_ = period_ns;
    at_ns = deadline_ns;
    if (deadline_ns != abi::kForever) arch::this_cpu().timers.add(*this);
}

void Timer::expire(uint64_t now_ns) {
    if (period_ns_ != 0) {
        const uint64_t missed = (now_ns - at_ns) / period_ns_;
        at_ns += (missed + 1) * period_ns_;
        arch::this_cpu().timers.add(*this);
    }
    sender_->notify(bits_);
}

}  // namespace portico::kernel
