#pragma once

#include <array>
#include <deque>
#include <optional>

#include "libs/result.h"
#include "protocols/process.h"
#include "servers/process/signal_numbers.h"

namespace portico::process {

using protocols::process::SignalInfo;

/// Pending signals of a process or a thread: a standard signal pends once (the first keeps its info), real-time signals queue
/// in order.
///
/// Ownership: plain values. Locks: none, the server is one thread.
/// Bound: 31 standard signals and kRealTimeQueuedMax real-time ones.
class SignalQueue {
public:
    static constexpr size_t kRealTimeQueuedMax = 64;

    /// Errors: WouldBlock if the real-time queue is full, InvalidArgument if the number is none.
    Result<> add(const SignalInfo& info);

    /// The signal to take next: the lowest number first, equal ones in order. It stays until `remove_first`.
    std::optional<SignalInfo> first() const;

    /// Removes the oldest of this number, if any.
    void remove_first(int number);

    /// Drops all signals in a set.
    void discard(uint64_t signals);

    bool empty() const { return standard_pending_ == 0 && real_time_.empty(); }
    uint64_t pending() const;

private:
    uint64_t standard_pending_ = 0;
    std::array<SignalInfo, kRealTimeMin> standard_{};  // by number; valid where standard_pending_ says so
    std::deque<SignalInfo> real_time_;
};

}  // namespace portico::process
