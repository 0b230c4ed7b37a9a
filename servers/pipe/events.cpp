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

ipc::Answer Counter::take(const ipc::Call& call) {
    if (count_ != 0) return give(call.id());
    if (!waits()) return ipc::Answer::of_error(call.id(), Error::WouldBlock);
    takers_.add({.call = call.id(), .length_bytes = 0, .in_words = false, .object = shared_from_this()});
    return {};
}

/// What there is, to a call that takes it.
ipc::Answer Counter::give(uint64_t call) {
    const uint64_t taken = semaphore_ ? 1 : count_;
    const auto take_back = [](void* subject, const ipc::Answer& refused) {
        auto& counter = *static_cast<Counter*>(subject);
        counter.count_ += refused.undo.first;
        (void)ipc::send(counter.serve_takers());
        counter.changed();
    };
    count_ -= taken;
    ipc::Answer answer = ipc::Answer::of<event::Take>(call, {.count = taken}).with_undo(take_back, this, taken);
    changed();
    if (adders_.empty()) return answer;
    if (ipc::send(answer)) adders_.wake_all();
    return {};
}

/// The last of the answers is left to be sent.
ipc::Answer Counter::serve_takers() {
    ipc::Answer last;
    while (count_ != 0 && !takers_.empty()) {
        (void)ipc::send(std::exchange(last, {}));
        if (count_ != 0) last = give(takers_.take_first().call);
    }
    return last;
}

ipc::Answer Counter::add(const ipc::Call& call, uint64_t count) {
    if (count == ~uint64_t{0}) return ipc::Answer::of_error(call.id(), Error::InvalidArgument);
    if (has_room(count)) return finish_add(call.id(), count);
    if (!waits()) return ipc::Answer::of_error(call.id(), Error::WouldBlock);
    add_later(call, count);
    return {};
}

ipc::Task Counter::add_later(ipc::Call call, uint64_t count) {
    const std::shared_ptr<Object> self = shared_from_this();
    while (!has_room(count))
        if (!co_await adders_.wait(call.id())) co_return;
    (void)ipc::send(finish_add(call.id(), count));
}

ipc::Answer Counter::finish_add(uint64_t call, uint64_t count) {
    ipc::Answer answer = ipc::Answer::of<event::Add>(call, {});
    if (count == 0) return answer;
    if (!takers_.empty()) {  // the adder goes on later, who takes it at once
        if (!ipc::send(answer)) return {};
        count_ += count;
        answer = serve_takers();
    } else {
        const auto take_back = [](void* subject, const ipc::Answer& refused) {
            static_cast<Counter*>(subject)->count_ -= refused.undo.first;
        };
        count_ += count;
        answer = std::move(answer).with_undo(take_back, this, count);
    }
    changed();
    return answer;
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
