#pragma once

#include "protocols/event.h"
#include "servers/pipe/object.h"
#include "servers/pipe/waiting_takes.h"

/// The small objects that only exist to be waited for: event counters, timers, sets of signals.
namespace portico::pipe_server {

namespace event = protocols::event;

uint64_t monotonic_ns();

/// What fstat tells of objects that are no files.
file::Attributes anonymous_attributes(int64_t birth_ns);

/// An eventfd.
class Counter final : public Object {
public:
    static constexpr Type kType = Type::Counter;
    static constexpr uint64_t kCountMax = ~uint64_t{0} - 1;

    Counter(uint64_t count, bool semaphore, uint32_t flags)
        : Object(kType, flags | file::kReadWrite), count_(count), semaphore_(semaphore) {}

    uint32_t events() const override;
    file::Attributes attributes() const override { return anonymous_attributes(birth_ns_); }
    ipc::Answer take(const ipc::Call& call);
    ipc::Answer add(const ipc::Call& call, uint64_t count);

private:
    ipc::Task add_later(ipc::Call call, uint64_t count);
    bool has_room(uint64_t count) const { return count <= kCountMax - count_; }
    ipc::Answer give(uint64_t call);
    ipc::Answer serve_takers();
    ipc::Answer finish_add(uint64_t call, uint64_t count);

    uint64_t count_;
    bool semaphore_;
    int64_t birth_ns_ = realtime_ns();
    WaitingTakes takers_;  // only while the count is 0
    ipc::WaitQueue adders_;
};

/// When a timer expires and how often it has: plain computation with times that the caller gives.
class Expirations {
public:
    void set(uint64_t deadline_ns, uint64_t interval_ns) {
        deadline_ns_ = deadline_ns;
        interval_ns_ = deadline_ns == 0 ? 0 : interval_ns;
    }
    uint64_t deadline_ns() const { return deadline_ns_; }  ///< of the first expiration that was not taken; 0: none
    uint64_t interval_ns() const { return interval_ns_; }

    /// Since they were last taken.
    uint64_t count(uint64_t now_ns) const {
        if (deadline_ns_ == 0 || now_ns < deadline_ns_) return 0;
        return interval_ns_ == 0 ? 1 : (now_ns - deadline_ns_) / interval_ns_ + 1;
    }
    void take(uint64_t count) { deadline_ns_ = interval_ns_ == 0 ? 0 : deadline_ns_ + count * interval_ns_; }

    event::TimerState state(uint64_t now_ns) const {
        const uint64_t next_ns = interval_ns_ == 0 ? deadline_ns_ : deadline_ns_ + count(now_ns) * interval_ns_;
        return {.left_ns = next_ns > now_ns ? next_ns - now_ns : 0, .interval_ns = interval_ns_};
    }

private:
    uint64_t deadline_ns_ = 0, interval_ns_ = 0;
};

/// A timerfd. The kernel's timer notifies the server at each expiration.
class Timer final : public Object {
public:
    static constexpr Type kType = Type::Timer;

    explicit Timer(uint32_t flags) : Object(kType, flags | file::kReadWrite) {}

    uint32_t events() const override { return expirations_.count(monotonic_ns()) > 0 ? kPollIn : 0; }
    file::Attributes attributes() const override { return anonymous_attributes(birth_ns_); }
    ipc::Task take(const ipc::Call& call);

    /// `sender`: notifies the server of this timer; only needed the first time. Errors: NoMemory.
    Result<event::TimerState> set(uint64_t deadline_ns, uint64_t interval_ns, abi::Handle sender);
    event::TimerState state() const { return expirations_.state(monotonic_ns()); }
    bool has_kernel_timer() const { return static_cast<bool>(timer_); }
    void expired();

private:
    ipc::Task take_later(ipc::Call call);
    bool finish_take(const ipc::Call& call);

    Expirations expirations_;
    OwnedHandle timer_;
    int64_t birth_ns_ = realtime_ns();
    ipc::WaitQueue takers_;
};

/// A signalfd: its readers take the signals themselves, this only tells polls and epolls that there are some.
class SignalSet final : public Object {
public:
    static constexpr Type kType = Type::SignalSet;

    SignalSet(uint64_t signals, uint32_t flags) : Object(kType, flags | file::kReadWrite), signals_(signals) {}

    uint32_t events() const override { return (signals_ & pending_) != 0 ? kPollIn : 0; }
    file::Attributes attributes() const override { return anonymous_attributes(birth_ns_); }
    uint64_t signals() const { return signals_; }
    void set_signals(uint64_t signals) {
        signals_ = signals;
        changed();
    }
    void set_pending(uint64_t signals) {
        pending_ = signals;
        changed();
    }

private:
    uint64_t signals_;
    uint64_t pending_ = 0;
    int64_t birth_ns_ = realtime_ns();
};

}  // namespace portico::pipe_server
