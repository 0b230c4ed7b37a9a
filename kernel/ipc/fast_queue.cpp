#include "kernel/ipc/fast_path.h"
#include "kernel/ipc/ipc.h"
#include "kernel/object/process.h"

/// The exchanges of which only one side is there: a message is queued, or taken from a queue.
namespace portico::kernel {

bool FastPath::send(Thread& caller, const Head& head, const Words& words) {
    if (!head.header.is_plain() || caller.disturbed) return false;
    Process& process = caller.process();
    Sender* sender = process.handles().get_or_null<Sender>({head.handle_or_id}, Rights::Send);
    if (sender == nullptr || sender->credits() == 0) return false;
    Port& port = sender->port();
    if (port.closed() || port.waited_at() != nullptr) return false;
    QueuedMessage* queued = process.messages().take_free();
    if (queued == nullptr) return false;

    sender->take_credits(1);
    queued->message.id = 0;
    queued->message.badge = sender->badge();
    queued->message.header = head.header.with_kind(MessageKind::Send);
    for (unsigned i = 0; i < abi::kMessageWords; ++i) queued->message.word[i] = words.word[i];
    queued->sender.fill(*sender);
    port.append(*queued);
    return true;
}

/// The message is the thread's; what it was in still has it.
[[gnu::always_inline]] inline void FastPath::give(const Message& message, Head& head, Words& words) {
    head = {message.id, message.header, message.badge};
    for (unsigned i = 0; i < abi::kMessageWords; ++i) words.word[i] = message.word[i];
}

[[gnu::always_inline]] inline bool FastPath::take_message(Thread& receiver, Port& port, QueuedMessage& queued, Head& head, Words& words) {
    Sender& sender = *queued.sender;
    // Nobody else is to be told that it is taken.
    if (!queued.message.header.is_plain() || sender.has_waiting() || sender.has_one_reference()) return false;
    if (!MessagePool::goes_back_alone(queued)) return false;
    port.pop_front();
    give(queued.message, head, words);
    receiver.frame.registers.rbx = 0;
    sender.give_credit();
    MessagePool::give_back(queued);
    return true;
}

[[gnu::always_inline]] inline bool FastPath::take_call(Thread& receiver, Port& port, Call& call, Head& head, Words& words) {
    if (call.state != Call::State::Queued || call.kind != MessageKind::Call || (call.message.header.value & kHandlesOrPages) != 0)
        return false;
    port.pop_front();
    give(call.message, head, words);
    call.state = Call::State::Taken;
    call.receiver = &receiver.process();
    call.receiver->calls().add(call);
    receiver.frame.registers.rbx = call.windows.readable_bytes | uint64_t{call.windows.writable_bytes} << 32;
    if (call.priority > receiver.priority_) receiver.priority_ = call.priority;
    return true;
}

/// While there are handles nobody waits for the sender's end.
[[gnu::always_inline]] static inline bool take_notification(Thread& receiver, Port& port, Sender& sender, FastPath::Head& head,
                                                            FastPath::Words& words) {
    if (sender.handle_count() == 0) return false;
    port.pop_front();
    head = {0, abi::Header{}.with_kind(MessageKind::Notification), sender.badge()};
    words = {{sender.take_bits()}};
    receiver.frame.registers.rbx = 0;
    sender.taken();
    return true;
}

FastPath::Received FastPath::receive(Thread& receiver, Head& head, Words& words) {
    if (receiver.disturbed) return Received::No;
    Port* port = receiver.process().handles().get_or_null<Port>({head.handle_or_id}, Rights::Receive);
    if (port == nullptr || port->closed()) return Received::No;
    if (port->queued() == 0) {
        if (head.deadline_or_badge != abi::kForever || receiver.task) return Received::No;
        set_standing(receiver, Thread::State::Blocked, Thread::Wait::Receive, true);
        receiver.priority_ = receiver.base_priority_;
        port->link_receiver(receiver);
        return Received::Waits;
    }
    // Where its priority changes others may have to run first.
    if (receiver.priority_ != receiver.base_priority_ || port->urgent() > receiver.priority_ || port->set() != nullptr) return Received::No;
    QueueNode& node = port->front();
    bool taken = false;
    if (node.node_kind() == QueueNode::Kind::Message)
        taken = take_message(receiver, *port, static_cast<QueuedMessage&>(node), head, words);
    else if (node.node_kind() == QueueNode::Kind::Call)
        taken = take_call(receiver, *port, static_cast<Call&>(node), head, words);
    else if (node.node_kind() == QueueNode::Kind::Sender)
        taken = take_notification(receiver, *port, static_cast<Sender&>(node), head, words);
    if (!taken) return Received::No;
    port->set_server(receiver);
    return Received::Taken;
}

}  // namespace portico::kernel
