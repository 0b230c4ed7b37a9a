#pragma once

#include "kernel/ipc/call.h"
#include "kernel/ipc/message_source.h"
#include "kernel/ipc/port_registry.h"
#include "kernel/object/object_name.h"

namespace portico::kernel {

using abi::Message;
using abi::MessageKind;
class Paging;
class PortSet;
class QueuedMessage;

struct SetMemberTag;
struct SetReadyTag;
using SetMemberHook = boost::intrusive::list_base_hook<boost::intrusive::tag<SetMemberTag>>;
using SetReadyHook = boost::intrusive::list_base_hook<boost::intrusive::tag<SetReadyTag>>;

/// A queue of fixed-size messages: holders of a Sender post them, holders of Right::Receive take them in order.
///
/// Ownership: handles and Senders refer to it. When the last receive right goes, queued calls fail with PeerClosed and queued
///            messages are dropped; calls already taken stay with the process that took them.
/// Bound:     each message is paid for by its sender's account and takes one of its credits.
/// Blocking:  nothing here waits. A thread that must wait is parked (MessageSource) and the scheduler goes on.
/// Priority:  who takes a call runs at its caller's priority if that is higher than its own; so does, until its next receive, the
///            thread that last received here while a more urgent call waits in the queue, and whoever that thread itself waits for.
class Port final : public MessageSource, public SetMemberHook, public SetReadyHook, public PortTreeHook {
public:
    static constexpr ObjectType kType = ObjectType::Port;

    Port();
    ~Port() override;

    uint64_t id() const { return id_; }
    /// Who is told as its owner: the process that made it or was given it by handle_install. The name is copied, for the port may outlive
    /// it.
    void set_owner(const Process& owner);
    abi::PortInfo describe() const;
    /// Senders tell what they may still post, and the fast path what passed it by.
    void add_sender(uint32_t credits) {
        ++senders_;
        credits_ += credits;
    }
    void remove_sender(uint32_t credits) {
        --senders_;
        credits_ -= credits;
    }
    void take_credits(uint32_t count) { credits_ -= count; }
    void give_credits(uint32_t count) { credits_ += count; }
    void count_passed() { ++messages_; }

    bool empty() const override { return queue_.begin() == queue_.end(); }
    uint32_t queued() const { return queued_; }
    Result<bool> take(Thread& receiver) override;

    /// Appends a node and lets a waiting receiver take it. The node is the queue's until taken.
    void post(QueueNode& node);
    /// The same of one that nobody may be waiting for.
    void append(QueueNode& node) {
        queue_.push_back(node);
        if (queued_++ == 0 && set_ != nullptr) [[unlikely]]
            tell_set();
        if (queued_ > queued_max_) queued_max_ = queued_;
    }
    /// While messages are queued, wakes those that wait, until one of them has the task to come for the next.
    void wake_receivers();
    /// Appends `count` messages; nobody may be waiting for them.
    void post_many(MessageQueue& messages, uint32_t count);
    void withdraw(QueueNode& node);
    /// The node that would be taken next by this process, or null.
    QueueNode* front_for(const Process& receiver) {
        if (!queue_.empty() && queue_.front().node_kind() == QueueNode::Kind::Call) drop_notices_to_others(receiver);
        return queue_.empty() ? nullptr : &queue_.front();
    }
    /// The oldest node; there must be one.
    QueueNode& front() { return queue_.front(); }
    /// The highest priority of a call posted since the queue was last empty.
    unsigned urgent() const { return urgent_; }
    /// Takes the front node out by hand.
    void pop_front() {
        queue_.pop_front();
        count_taken();
        left_queue();
    }
    /// Takes messages of words alone from the front, up to `max`, and writes them to memory. Returns how many.
    uint32_t take_words(uint8_t* to, uint32_t max);

    /// The source at which a receiver waits that would get the next message: this port, its set, or null.
    MessageSource* waited_at();

    /// A caller of this priority waits for what is done here.
    void inherit_priority(unsigned priority);
    /// The thread took something here, or waits here (at base priority, then).
    void set_server(Thread& server);
    /// So too, and what is left in the queue waits for it.
    void serve_rest(Thread& server);
    void forget_server() { server_ = nullptr; }

    /// Memory objects whose pager this port is.
    void add_paging(Paging& paging);
    void remove_paging(Paging& paging);

    PortSet* set() const { return set_; }
    uint64_t key() const { return key_; }

private:
    friend class PortSet;
    void on_unreachable() override;
    void left_queue();
    void tell_set();
    void drop_notices_to_others(const Process& receiver);
    bool pass_on(QueueNode& node);
    void take_plain(QueuedMessage& message, Thread& receiver);
    Result<bool> take_other(QueueNode& node, Thread& receiver);
    void count_taken() {
        --queued_;
        ++messages_;
    }
    Result<> deliver(QueueNode& node, Thread& receiver);
    Result<> deliver_call(Call& call, Thread& receiver);
    void drop(QueueNode& node);

    MessageQueue queue_;
    PortSet* set_ = nullptr;
    uint64_t key_ = 0;           ///< told by the set
    Paging* pagings_ = nullptr;  ///< linked by Paging::next_of_port
    Thread* server_ = nullptr;   ///< who last received here and has not received elsewhere since
    uint32_t queued_max_ = 0;
    uint32_t senders_ = 0;
    uint64_t credits_ = 0;   ///< of all senders, not in use
    uint64_t messages_ = 0;  ///< taken so far
    const uint64_t id_;
    uint64_t owner_ = 0;
    ObjectName owner_name_{};
};
static_assert(sizeof(Port) <= 224, "an idle port and its handle are to stay within 256 bytes");

}  // namespace portico::kernel
