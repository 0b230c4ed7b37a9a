#pragma once

#include "kernel/ipc/sender.h"
#include "kernel/time/timer_queue.h"

namespace portico::kernel {

/// Raises bits on a sender at a time, once or periodically.
/// Ownership: handles refer to it; it refers to its sender. The last handle's close stops it.
class Timer final : public Object, public Deadline {
public:
    static constexpr ObjectType kType = ObjectType::Timer;
    static constexpr uint64_t kPeriodNsMin = 100'000;

    Timer(Ref<Sender> sender, uint64_t bits) : Object(kType), Deadline(Deadline::Kind::Timer), sender_(std::move(sender)), bits_(bits) {}
    ~Timer() override { TimerQueue::remove(*this); }

    void set(uint64_t deadline_ns, uint64_t period_ns);
    /// The time has come; periods that passed unseen join.
    void expire(uint64_t now_ns);

private:
    void on_unreachable() override { TimerQueue::remove(*this); }

    Ref<Sender> sender_;
    uint64_t bits_;
    uint64_t period_ns_ = 0;
};

}  // namespace portico::kernel
