#include "kernel/ipc/port.h"

#include "kernel/ipc/ipc.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {

QueuedMessage::QueuedMessage(Account& account, Sender& from) : QueueNode(Kind::Message), payer(&account), sender(from) {
    payer->add_reference();
}
QueuedMessage::~QueuedMessage() {
    sender->give_credit();
    payer->drop_reference();
}

static void destroy_message(QueuedMessage& message) {
    Ref<Account> payer(*message.payer);
    heap.destroy(&message, *payer);
}

static uint64_t ports_alive = 0;
uint64_t port_count() {
    return ports_alive;
}

Port::Port() : Object(kType) {
    ++ports_alive;
}

Port::~Port() {
    ASSERT(receivers_.empty());
    ASSERT(queue_.empty());
    --ports_alive;
}

void Port::post(QueueNode& node) {
    ASSERT(!closed_);
    queue_.push_back(node);
    if (receivers_.empty()) return;
    Thread& receiver = receivers_.front().thread;
    unpark(receiver);
    const Result<bool> taken = take(receiver);
    receiver.finish_wait(taken ? Error::None : taken.error());
}

void Port::withdraw(QueueNode& node) {
    queue_.erase(queue_.iterator_to(node));
}

void Port::park(Thread& receiver) {
    add_reference();
    receivers_.push_back(receiver.link);
}

void Port::unpark(Thread& receiver) {
    receivers_.erase(receivers_.iterator_to(receiver.link));
    drop_reference();
}

Thread* Port::first_receiver() {
    return receivers_.empty() ? nullptr : &receivers_.front().thread;
}

Result<bool> Port::take(Thread& receiver) {
    if (queue_.empty()) return false;
    QueueNode& node = queue_.front();
    // deliver() may free the node, so it leaves the queue first and comes back on an error.
    queue_.pop_front();
    const Result<> delivered = deliver(node, receiver);
    if (!delivered) {
        queue_.push_front(node);
        return fail(delivered.error());
    }
    return true;
}

Result<> Port::deliver(QueueNode& node, Thread& receiver) {
    switch (node.node_kind()) {
    case QueueNode::Kind::Call:
        return deliver_call(static_cast<Call&>(node), receiver);
    case QueueNode::Kind::Message: {
        auto& message = static_cast<QueuedMessage&>(node);
        TRY(hand_over(message.handles, message.message, receiver));
        load_message(receiver, message.message);
        destroy_message(message);
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

void Port::on_unreachable() {
    closed_ = true;
    while (!receivers_.empty()) {
        Thread& receiver = receivers_.front().thread;
        unpark(receiver);
        receiver.finish_wait(Error::PeerClosed);
    }
    while (!queue_.empty()) {
        QueueNode& node = queue_.front();
        queue_.pop_front();
        switch (node.node_kind()) {
        case QueueNode::Kind::Message:
            destroy_message(static_cast<QueuedMessage&>(node));
            break;
        case QueueNode::Kind::Sender:
            static_cast<Sender&>(node).take_bits();
            static_cast<Sender&>(node).taken();
            break;
        case QueueNode::Kind::Call:
            drop_queued_call(static_cast<Call&>(node));
            break;
        }
    }
}

Sender::Sender(Port& port, uint64_t badge, uint32_t credits)
    : Object(kType), QueueNode(Kind::Sender), port_(port), badge_(badge), credits_(credits) {}

Sender::~Sender() {
    ASSERT(!queued_);
}

bool Sender::notify(uint64_t bits) {
    if (port_->closed()) return false;
    bits_ |= bits;
    if (!queued_) {
        queued_ = true;
        port_->post(*this);
    }
    return true;
}

void Sender::taken() {
    queued_ = false;
    if (gone_) Object::doom();
}

void Sender::doom() {
    if (gone_) return;
    gone_ = true;
    const bool was_queued = queued_;
    if (!notify(abi::kNotifySendersGone) && !was_queued) Object::doom();
}

}  // namespace portico::kernel
