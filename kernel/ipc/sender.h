#pragma once

#include "kernel/ipc/port.h"

namespace portico::kernel {

/// The right to post to a port under one badge. Also a notification: bits that are raised on it reach the port joined.
///
/// Ownership: handles, timers, interrupts, processes (their supervisor) and threads that wait for a credit refer to it. When the last
/// reference goes it raises
///            kNotifySendersGone and lives until that is taken.
class Sender final : public Object, public QueueNode {
public:
    static constexpr ObjectType kType = ObjectType::Sender;

    Sender(Port& port, uint64_t badge, uint32_t credits, uint32_t pages_max = 0);
    ~Sender() override;

    Port& port() const { return *port_; }
    uint64_t badge() const { return badge_; }
    /// Whether one of its messages may carry so much.
    bool may_carry(uint32_t page_bytes) const { return page_bytes <= page_bytes_max_; }

    /// Raises bits; needs no memory. False if the port is closed.
    bool notify(uint64_t bits);
    uint64_t take_bits() { return std::exchange(bits_, 0); }
    /// The node left the queue.
    void taken();

    bool take_credit() {
        if (credits_ == 0) return false;
        take_credits(1);
        return true;
    }
    /// The same for many; there must be so many.
    uint32_t credits() const { return credits_; }
    void take_credits(uint32_t count) {
        credits_ -= count;
        port_->take_credits(count);
    }
    void give_credit() { give_credits(1); }
    void give_credits(uint32_t count) {
        credits_ += count;
        port_->give_credits(count);
        if (has_waiting()) [[unlikely]]
            later(kEnd);
    }

    /// A thread whose message, in its registers, is posted when there is a credit: at the end of the entry that gives it back.
    /// Invariant between entries: if threads wait there is no credit, and the port is open.
    void park(Thread& thread);
    void unpark(Thread& thread);
    bool has_waiting() const { return waiting_.begin() != waiting_.end(); }

private:
    void doom() override;
    /// Posts for those who wait, as far as there are credits; all of them learn that the port is closed.
    void on_end() override;

    Ref<Port> port_;
    ThreadList waiting_;
    uint64_t badge_;
    uint64_t bits_ = 0;
    uint32_t credits_;
    uint32_t page_bytes_max_;
    bool queued_ = false;
    bool gone_ = false;
};

}  // namespace portico::kernel
