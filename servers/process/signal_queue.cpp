#include "servers/process/signal_queue.h"

#include <algorithm>
#include <bit>

namespace portico::process {

Result<> SignalQueue::add(const SignalInfo& info) {
    if (info.number < 1 || info.number > kSignalMax) return fail(Error::InvalidArgument);
    if (info.number >= kRealTimeMin) {
        if (real_time_.size() >= kRealTimeQueuedMax) return fail(Error::WouldBlock);
        real_time_.push_back(info);
        return {};
    }
    const uint64_t bit = signal_bit(info.number);
    if ((standard_pending_ & bit) != 0) return {};
    standard_pending_ |= bit;
    standard_[static_cast<size_t>(info.number)] = info;
    return {};
}

std::optional<SignalInfo> SignalQueue::first() const {
    if (standard_pending_ != 0) return standard_[static_cast<size_t>(std::countr_zero(standard_pending_)) + 1];
    // min_element gives the first of equals, so order within one number is kept.
    const auto lowest = std::ranges::min_element(real_time_, {}, &SignalInfo::number);
    if (lowest == real_time_.end()) return std::nullopt;
    return *lowest;
}

void SignalQueue::remove_first(int number) {
    if (number < 1 || number > kSignalMax) return;
    if (number < kRealTimeMin) {
        standard_pending_ &= ~signal_bit(number);
        return;
    }
    const auto found = std::ranges::find(real_time_, number, &SignalInfo::number);
    if (found != real_time_.end()) real_time_.erase(found);
}

void SignalQueue::discard(uint64_t signals) {
    standard_pending_ &= ~signals;
    std::erase_if(real_time_, [signals](const SignalInfo& info) { return (signals & signal_bit(info.number)) != 0; });
}

uint64_t SignalQueue::pending() const {
    uint64_t result = standard_pending_;
    for (const SignalInfo& info : real_time_) result |= signal_bit(info.number);
    return result;
}

}  // namespace portico::process
