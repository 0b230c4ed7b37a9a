#include "kernel/ipc/port.h"

#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/ipc/sender.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {

static uint64_t ports_alive = 0;
uint64_t port_count() {
    return ports_alive;
}

Port::Port() : MessageSource(kType) {
    ++ports_alive;
}

Port::~Port() {
    ASSERT(queue_.empty());
    ASSERT(set_ == nullptr);
    --ports_alive;
}

MessageSource* Port::waited_at() {
    if (has_receivers()) return this;
    return set_ != nullptr && static_cast<MessageSource*>(set_)->has_receivers() ? set_ : nullptr;
}

void Port::post(QueueNode& node) {
    ASSERT(!closed());
    const bool was_empty = queue_.empty();
    queue_.push_back(node);
    if (was_empty && set_ != nullptr) set_->became_ready(*this);
    if (MessageSource* source = waited_at()) source->wake_receiver();
}

/// The queue may have become empty.
void Port::left_queue() {
    if (!queue_.empty()) return;
    urgent_ = 0;
    if (set_ != nullptr) set_->became_empty(*this);
}

void Port::withdraw(QueueNode& node) {
    queue_.erase(queue_.iterator_to(node));
    left_queue();
}

Result<bool> Port::take(Thread& receiver) {
    if (queue_.empty()) return false;
    QueueNode& node = queue_.front();
    // deliver() may free the node, so it leaves the queue first and comes back on an error.
    queue_.pop_front();
    receiver.run_at_base_priority();
    const Result<> delivered = deliver(node, receiver);
    if (!delivered) {
        queue_.push_front(node);
        return fail(delivered.error());
    }
    set_server(receiver);
    if (!queue_.empty() && urgent_ > receiver.priority()) receiver.inherit_priority(urgent_);
    left_queue();
    return true;
}

void Port::set_server(Thread& server) {
    if (server_ == &server) return;
    if (server_ != nullptr) server_->serves = nullptr;
    if (server.serves != nullptr) server.serves->forget_server();
    server.serves = this;
    server_ = &server;
}

void Port::inherit_priority(unsigned priority) {
    constexpr unsigned kChainMax = 16;
    Port* port = this;
    for (unsigned depth = 0; depth < kChainMax; ++depth) {
        if (!port->queue_.empty() && port->urgent_ < priority) port->urgent_ = static_cast<uint8_t>(priority);
        Thread* server = port->server_;
        if (server == nullptr || server->priority() >= priority) return;
        server->inherit_priority(priority);
        if (server->wait() != Thread::Wait::Call) return;
        port = server->current_call()->port.get();
    }
}

Result<> Port::deliver(QueueNode& node, Thread& receiver) {
    switch (node.node_kind()) {
    case QueueNode::Kind::Call:
        return deliver_call(static_cast<Call&>(node), receiver);
    case QueueNode::Kind::Message: {
        auto& message = static_cast<QueuedMessage&>(node);
        TRY(hand_over(message.handles, message.message, receiver));
        load_message(receiver, message.message);
        message.sender->give_credit();
        MessagePool::give_back(message);
        return {};
    }
    case QueueNode::Kind::Sender: {
        auto& sender = static_cast<Sender&>(node);
        const Message message{
            .badge = sender.badge(), .header = abi::Header{}.with_kind(MessageKind::Notification), .word = {sender.take_bits()}};
        load_message(receiver, message);
        sender.taken();
        return {};
    }
    }
    return {};
}

Result<> Port::deliver_call(Call& call, Thread& receiver) {
    Process& process = receiver.process();
    switch (call.state) {
    case Call::State::Queued:
        TRY(hand_over(call.handles, call.message, receiver));
        call.state = Call::State::Taken;
        call.receiver = &process;
        process.calls().add(call);
        load_message(receiver, call.message);
        receiver.frame.registers.rbx = call.windows.readable_bytes | (uint64_t{call.windows.writable_bytes} << 32);
        if (call.kind == MessageKind::ForeignCall) receiver.frame.registers.r14 = call.caller->frame.registers.r9;
        if (call.priority > receiver.priority()) receiver.inherit_priority(call.priority);
        return {};
    case Call::State::Replied:
        TRY(hand_over(call.handles, call.message, receiver));
        load_message(receiver, call.message);
        call.async_owner->async_calls().remove(call);
        destroy_call(call);
        return {};
    case Call::State::Cancelled: {
        const Message message{
            .id = call.message.id, .badge = call.message.badge, .header = abi::Header{}.with_kind(MessageKind::Cancelled)};
        load_message(receiver, message);
        destroy_call(call);
        return {};
    }
    default:
        panic("call %lx in a queue in state %u", call.message.id, static_cast<unsigned>(call.state));
    }
}

void Port::drop(QueueNode& node) {
    switch (node.node_kind()) {
    case QueueNode::Kind::Message: {
        auto& message = static_cast<QueuedMessage&>(node);
        message.handles.drop();
        message.sender->give_credit();
        MessagePool::give_back(message);
        return;
    }
    case QueueNode::Kind::Sender:
        static_cast<Sender&>(node).take_bits();
        static_cast<Sender&>(node).taken();
        return;
    case QueueNode::Kind::Call:
        drop_queued_call(static_cast<Call&>(node));
        return;
    }
}

void Port::on_unreachable() {
    if (set_ != nullptr) (void)set_->remove(*this);
    if (server_ != nullptr) server_->serves = nullptr;
    server_ = nullptr;
    close();
    while (!queue_.empty()) {
        QueueNode& node = queue_.front();
        queue_.pop_front();
        drop(node);
    }
}

}  // namespace portico::kernel
