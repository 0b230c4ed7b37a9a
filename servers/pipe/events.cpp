#include "servers/pipe/events.h"

#include <algorithm>
#include <ctime>

namespace portico::pipe_server {

uint64_t monotonic_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

file::Attributes anonymous_attributes(int64_t birth_ns) {
    file::Attributes attributes;
    attributes.device = 0x0E;
    attributes.inode = 1;
    attributes.links = 1;
    attributes.mode = 0600;
    attributes.access_ns = attributes.modify_ns = attributes.change_ns = attributes.birth_ns = birth_ns;
    return attributes;
}

// ---- Counter

uint32_t Counter::events() const {
    return (count_ > 0 ? kPollIn : 0) | (count_ < kCountMax ? kPollOut : 0);
}

ipc::Task Counter::take(const ipc::Call& call) {
    if (count_ == 0 && waits()) return take_later(call);
    if (count_ == 0)
        (void)call.refuse(Error::WouldBlock);
    else
        finish_take(call);
    return {};
}

ipc::Task Counter::take_later(ipc::Call call) {
    const std::shared_ptr<Object> self = shared_from_this();
    while (count_ == 0)
        if (!co_await takers_.wait(call.id())) co_return;
    finish_take(call);
}

void Counter::finish_take(const ipc::Call& call) {
    const uint64_t taken = semaphore_ ? 1 : count_;
    if (!call.reply<event::Take>({.count = taken})) return;
    count_ -= taken;
    if (!adders_.empty()) adders_.wake_all();
    changed();
}

ipc::Task Counter::add(const ipc::Call& call, uint64_t count) {
    if (count == ~uint64_t{0}) {
        (void)call.refuse(Error::InvalidArgument);
        return {};
    }
    if (!has_room(count) && waits()) return add_later(call, count);
    if (!has_room(count))
        (void)call.refuse(Error::WouldBlock);
    else
        finish_add(call, count);
    return {};
}

ipc::Task Counter::add_later(ipc::Call call, uint64_t count) {
    const std::shared_ptr<Object> self = shared_from_this();
    while (!has_room(count))
        if (!co_await adders_.wait(call.id())) co_return;
    finish_add(call, count);
}

void Counter::finish_add(const ipc::Call& call, uint64_t count) {
    if (!call.reply<event::Add>({})) return;
    count_ += count;
    if (count == 0) return;
    takers_.wake_all();
    changed();
}

// ---- Timer

Result<event::TimerState> Timer::set(uint64_t deadline_ns, uint64_t interval_ns, abi::Handle sender) {
    constexpr uint64_t kIntervalMin = 100'000;  // the kernel's for periods; more of them join
    if (!timer_ && deadline_ns != 0) timer_.reset(TRY(native::call(abi::TimerCreate{sender, 1})).timer);
    const event::TimerState before = state();
    expirations_.set(deadline_ns, interval_ns);
    const uint64_t period_ns = interval_ns == 0 ? 0 : std::max(interval_ns, kIntervalMin);
    if (timer_) TRY(native::call(abi::TimerSet{timer_.get(), deadline_ns == 0 ? abi::kForever : deadline_ns, period_ns}));
    return before;
}

void Timer::expired() {
    if (expirations_.count(monotonic_ns()) == 0) return;  // of a setting that has been replaced since
    takers_.wake_all();
    changed();
}

ipc::Task Timer::take(const ipc::Call& call) {
    if (finish_take(call)) return {};
    if (waits()) return take_later(call);
    (void)call.refuse(Error::WouldBlock);
    return {};
}

ipc::Task Timer::take_later(ipc::Call call) {
    const std::shared_ptr<Object> self = shared_from_this();
    do {
        if (!co_await takers_.wait(call.id())) co_return;
    } while (!finish_take(call));
}

/// False: there is nothing to take.
bool Timer::finish_take(const ipc::Call& call) {
    const uint64_t count = expirations_.count(monotonic_ns());
    if (count == 0) return false;
    if (call.reply<event::Take>({.count = count})) expirations_.take(count);
    return true;
}

}  // namespace portico::pipe_server
