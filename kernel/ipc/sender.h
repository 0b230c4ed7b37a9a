#pragma once

#include "kernel/ipc/port.h"

namespace portico::kernel {

/// The right to post to a port under one badge. Also a notification: bits that are raised on it reach the port joined.
///
/// Ownership: handles, timers, interrupts and processes (their supervisor) refer to it. When the last reference goes it raises
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
        --credits_;
        port_->take_credit();
        return true;
    }
    void give_credit() {
        ++credits_;
        port_->give_credit();
    }

private:
    void doom() override;

    Ref<Port> port_;
    uint64_t badge_;
    uint64_t bits_ = 0;
    uint32_t credits_;
    uint32_t page_bytes_max_;
    bool queued_ = false;
    bool gone_ = false;
};

}  // namespace portico::kernel
