#pragma once

#include "kernel/ipc/call.h"
#include "kernel/object/account.h"
#include "kernel/sched/thread_list.h"

namespace portico::kernel {

using abi::Message;
using abi::MessageKind;
class Sender;
class Thread;

/// A one-way message in a queue, paid for by its sender.
class QueuedMessage final : public QueueNode {
public:
    QueuedMessage(Account& account, Sender& from);
    ~QueuedMessage();
    Account* payer;
    Ref<Sender> sender;  ///< gets its credit back when the message is taken or dropped
    Message message;
    CarriedHandles handles;
};

/// A queue of fixed-size messages: holders of a Sender post them, holders of Right::Receive take them in order.
///
/// Ownership: handles and Senders refer to it. When the last receive right goes, queued calls fail with PeerClosed and queued
///            messages are dropped; calls already taken stay with the process that took them.
/// Bound:     each message is paid for by its sender's account and takes one of its credits.
/// Blocking:  nothing here waits. A thread that must wait is parked in receivers and the scheduler goes on.
class Port final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Port;

    Port();
    ~Port() override;

    bool closed() const { return closed_; }
    bool empty() const { return queue_.empty(); }

    /// Appends a node and lets a parked receiver take it. The node is the queue's until taken.
    void post(QueueNode& node);
    void withdraw(QueueNode& node);

    /// Delivers the oldest message into `receiver`'s registers. False if the queue is empty.
    /// Errors: NoMemory, NoSpace: the receiver's table could not grow; the message stays.
    Result<bool> take(Thread& receiver);

    void park(Thread& receiver);
    void unpark(Thread& receiver);
    /// A receiver that waits, or null.
    Thread* first_receiver();

private:
    void on_unreachable() override;
    Result<> deliver(QueueNode& node, Thread& receiver);
    Result<> deliver_call(Call& call, Thread& receiver);

    boost::intrusive::list<QueueNode> queue_;
    ThreadList receivers_;
    bool closed_ = false;
};

/// The right to post to a port under one badge. Also a notification: bits that are raised on it reach the port joined.
///
/// Ownership: handles, timers, interrupts and processes (their supervisor) refer to it. When the last reference goes it raises
///            kNotifySendersGone and lives until that is taken.
class Sender final : public Object, public QueueNode {
public:
    static constexpr ObjectType kType = ObjectType::Sender;

    Sender(Port& port, uint64_t badge, uint32_t credits);
    ~Sender() override;

    Port& port() const { return *port_; }
    uint64_t badge() const { return badge_; }

    /// Raises bits; needs no memory. False if the port is closed.
    bool notify(uint64_t bits);
    uint64_t take_bits() { return std::exchange(bits_, 0); }
    /// The node left the queue.
    void taken();

    bool take_credit() {
        if (credits_ == 0) return false;
        --credits_;
        return true;
    }
    void give_credit() { ++credits_; }

private:
    void doom() override;

    Ref<Port> port_;
    uint64_t badge_;
    uint64_t bits_ = 0;
    uint32_t credits_;
    bool queued_ = false;
    bool gone_ = false;
};

}  // namespace portico::kernel
