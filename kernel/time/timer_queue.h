#pragma once

#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "abi/message.h"
#include "kernel/sched/attention.h"

namespace portico::kernel {

/// Something that happens at a time. While queued its owner must keep it alive.
struct Deadline : boost::intrusive::set_base_hook<> {
    enum class Kind : uint8_t { Thread, Timer };
    explicit Deadline(Kind owner_kind) : kind(owner_kind) {}

    uint64_t at_ns = abi::kForever;
    class TimerQueue* queue = nullptr;  ///< the one it is in
    Kind kind;
    bool operator<(const Deadline& other) const { return at_ns < other.at_ns; }
};

/// Deadlines in order. Each CPU has one and handles what is due in it; a deadline goes to the CPU that sets it.
class TimerQueue {
public:
    void add(Deadline& deadline) {
        deadline.queue = this;
        queue_.insert(deadline);
        request_attention();
    }
    /// From whichever queue it is in, if any.
    static void remove(Deadline& deadline) {
        if (deadline.queue != nullptr) [[unlikely]]
            unlink(deadline);
    }
    uint64_t next_ns() const { return queue_.empty() ? abi::kForever : queue_.begin()->at_ns; }
    /// Takes out the first deadline that is due, or null.
    Deadline* take_due(uint64_t now_ns) {
        if (queue_.empty() || queue_.begin()->at_ns > now_ns) return nullptr;
        Deadline& due = *queue_.begin();
        remove(due);
        return &due;
    }

private:
    __attribute__((noinline)) static void unlink(Deadline& deadline) {
        deadline.queue->queue_.erase(deadline.queue->queue_.iterator_to(deadline));
        deadline.queue = nullptr;
    }

    boost::intrusive::multiset<Deadline> queue_;
};

}  // namespace portico::kernel
