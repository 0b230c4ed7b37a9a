#include "posix/signal_types.h"

#include <bit>

namespace portico::posix {

using protocols::process::SignalInfo;

namespace {
constexpr int kStandardMax = 31;
}

void PendingSignals::add(const SignalInfo& info) {
    if (info.number < 1 || info.number > kSignalMax) return;
    const uint64_t bit = signal_bit(info.number);
    if (info.number <= kStandardMax) {
        if ((set_ & bit) == 0) standard_[info.number].info = info;
    } else {
        if (realtime_count_ == kRealtimeMax) return;
        realtime_[realtime_count_++].info = info;
    }
    set_ |= bit;
}

SignalInfo PendingSignals::take(uint64_t wanted) {
    const uint64_t candidates = set_ & wanted;
    if (candidates == 0) return {};
    const int number = std::countr_zero(candidates) + 1;
    if (number <= kStandardMax) {
        set_ &= ~signal_bit(number);
        return standard_[number].info;
    }
    SignalInfo taken{};
    bool more = false;
    unsigned kept = 0;
    for (unsigned i = 0; i < realtime_count_; ++i) {
        const SignalInfo& queued = realtime_[i].info;
        if (queued.number == number && taken.number == 0) {
            taken = queued;
            continue;
        }
        more = more || queued.number == number;
        realtime_[kept++] = realtime_[i];
    }
    realtime_count_ = kept;
    if (!more) set_ &= ~signal_bit(number);
    return taken;
}

void PendingSignals::discard(uint64_t signals) {
    while (take(signals).number != 0) {
    }
}

}  // namespace portico::posix
