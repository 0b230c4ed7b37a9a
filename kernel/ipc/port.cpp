#include "kernel/ipc/port.h"

#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/ipc/port_trace.h"
#include "kernel/ipc/sender.h"
#include "kernel/memory/paging.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {

namespace {

/// A message that carries nothing else.
bool is_words(const QueueNode& node) {
    return node.node_kind() == QueueNode::Kind::Message && static_cast<const QueuedMessage&>(node).message.header.is_plain();
}

}  // namespace

uint64_t port_count() {
    return PortRegistry::count();
}

Port::Port() : MessageSource(kType), id_(PortRegistry::next_id()) {
    PortRegistry::add(*this);
}

Port::~Port() {
    ASSERT(queue_.empty());
    ASSERT(set_ == nullptr);
    PortRegistry::remove(*this);
}

MessageSource* Port::waited_at() {
    if (has_receivers()) return this;
    return set_ != nullptr && static_cast<MessageSource*>(set_)->has_receivers() ? set_ : nullptr;
}

void Port::post(QueueNode& node) {
    ASSERT(!closed());
    note_posted(node, *this);
    if (queued_ == 0 && has_receivers() && pass_on(node)) return;
    const bool was_empty = queued_ == 0;
    queue_.push_back(node);
    ++queued_;
    if (was_empty && set_ != nullptr) set_->became_ready(*this);
    if (waited_at() != nullptr) [[unlikely]]
        wake_receivers();
    if (queued_ > queued_max_) queued_max_ = queued_;
}

/// Who is woken may be unable to take it, or have an older message to take from another member of the set: then it is the next one's.
void Port::wake_receivers() {
    while (!empty()) {
        MessageSource* source = waited_at();
        if (source == nullptr || source->wake_receiver()) return;
    }
}

/// Not a notice for who took a call, nor what may queue itself again.
static bool is_for_anybody(const QueueNode& node) {
    if (node.node_kind() == QueueNode::Kind::Call) return static_cast<const Call&>(node).state != Call::State::Cancelled;
    return node.node_kind() != QueueNode::Kind::Paging;
}

/// Past the empty queue to the first thread that waits here. False: the node is still to be queued. (The thread did not wait for it alone,
/// or was unable to take it and told so.)
bool Port::pass_on(QueueNode& node) {
    Thread& receiver = first_receiver();
    if (receiver.wait() != Thread::Wait::Receive || !is_for_anybody(node)) return false;
    unpark(receiver);
    note_taken(node, receiver, *this);
    receiver.run_at_base_priority();
    const Result<> delivered = deliver(node, receiver);
    if (delivered) [[likely]] {
        count_passed();
        set_server(receiver);
    }
    receiver.finish_wait(delivered ? Error::None : delivered.error());
    return delivered.has_value();
}

void Port::post_many(MessageQueue& messages, uint32_t count) {
    ASSERT(!closed());
    ASSERT(waited_at() == nullptr);
    const bool was_empty = queue_.empty();
    queue_.splice(queue_.end(), messages);
    queued_ += count;
    if (was_empty && set_ != nullptr) set_->became_ready(*this);
    if (queued_ > queued_max_) queued_max_ = queued_;
}

/// Messages of one sender that lie in one chunk are taken out of the queue, paid back and given back together.
uint32_t Port::take_words(uint8_t* to, uint32_t max) {
    uint32_t taken = 0;
    for (MessagePool::Run run; taken < max && !queue_.empty(); taken += run.count) {
        auto node = queue_.begin();
        if (!is_words(*node)) break;
        auto* message = static_cast<QueuedMessage*>(&*node);
        Sender* const sender = message->sender.get();
        run = {.chunk = message->chunk, .first = nullptr, .last = message, .count = 0};
        do {
            __builtin_memcpy(to, &message->message, sizeof(Message));
            to += sizeof(Message);
            message->sender.set_uncounted(nullptr);
            message->next_free = std::exchange(run.first, message);
            ++run.count;
            ++node;
            message = static_cast<QueuedMessage*>(&*node);
        } while (taken + run.count < max && node != queue_.end() && is_words(*node) && message->chunk == run.chunk &&
                 message->sender.get() == sender);
        queue_.erase(queue_.begin(), node);
        MessagePool::give_back_run(run);
        sender->give_credits(run.count);
        sender->drop_references(run.count);
    }
    queued_ -= taken;
    messages_ += taken;
    if (taken > 0) left_queue();
    return taken;
}

/// The queue was empty.
void Port::tell_set() {
    set_->became_ready(*this);
}

/// The queue may have become empty.
void Port::left_queue() {
    if (queued_ != 0) return;
    urgent_ = 0;
    if (set_ != nullptr) set_->became_empty(*this);
}

void Port::withdraw(QueueNode& node) {
    queue_.erase(queue_.iterator_to(node));
    --queued_;
    left_queue();
}

/// Only who took a call is told that it was cancelled.
void Port::drop_notices_to_others(const Process& receiver) {
    while (!queue_.empty() && queue_.front().node_kind() == QueueNode::Kind::Call) {
        auto& call = static_cast<Call&>(queue_.front());
        if (call.state != Call::State::Cancelled || call.receiver == &receiver) return;
        withdraw(call);
        drop_queued_call(call);
    }
}

Result<bool> Port::take(Thread& receiver) {
    QueueNode* front = front_for(receiver.process());
    if (front == nullptr) return false;
    QueueNode& node = *front;
    if (node.node_kind() == QueueNode::Kind::Message) [[likely]] {
        auto& message = static_cast<QueuedMessage&>(node);
        if (message.message.header.is_plain()) {
            take_plain(message, receiver);
            return true;
        }
    }
    return take_other(node, receiver);
}

/// Nothing can go wrong with words alone.
void Port::take_plain(QueuedMessage& message, Thread& receiver) {
    queue_.pop_front();
    note_taken(message, receiver, *this);
    count_taken();
    receiver.run_at_base_priority();
    load_message(receiver, message.message);
    message.sender->give_credit();
    MessagePool::give_back(message);
    set_server(receiver);
    if (empty()) return left_queue();
    if (urgent_ > receiver.priority()) receiver.inherit_priority(urgent_);
}

Result<bool> Port::take_other(QueueNode& node, Thread& receiver) {
    // deliver() may free the node, so it leaves the queue first and comes back on an error.
    queue_.pop_front();
    note_taken(node, receiver, *this);
    receiver.run_at_base_priority();
    const Result<> delivered = deliver(node, receiver);
    if (!delivered) {
        queue_.push_front(node);
        return fail(delivered.error());
    }
    count_taken();
    serve_rest(receiver);
    left_queue();
    return true;
}

void Port::serve_rest(Thread& server) {
    set_server(server);
    if (queued_ != 0) server.inherit_priority(urgent_);
}

void Port::set_owner(const Process& owner) {
    owner_ = owner.id();
    owner_name_ = owner.name();
}

abi::PortInfo Port::describe() const {
    const bool waits = server_ != nullptr && server_->wait() == Thread::Wait::Call;
    const MessageSource& source = set_ != nullptr && !has_receivers() ? static_cast<const MessageSource&>(*set_) : *this;
    return {.id = id_,
            .owner = owner_,
            .name = owner_name_,
            .messages = messages_,
            .queued = queued_,
            .queued_max = queued_max_,
            .senders = senders_,
            .credits = static_cast<uint32_t>(std::min<uint64_t>(credits_, ~uint32_t{0})),
            .receivers = source.receiver_count(),
            .waits_for = waits ? server_->current_call()->port->id() : 0};
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
        Call& call = *server->current_call();
        if (call.priority < priority) call.priority = static_cast<uint8_t>(priority);  // for who takes it later
        port = call.port.get();
    }
}

Result<> Port::deliver(QueueNode& node, Thread& receiver) {
    switch (node.node_kind()) {
    case QueueNode::Kind::Call:
        return deliver_call(static_cast<Call&>(node), receiver);
    case QueueNode::Kind::Message: {
        auto& message = static_cast<QueuedMessage&>(node);
        uint32_t page_bytes = 0;
        if (!message.message.header.is_plain()) {
            Cargo& cargo = *message.cargo;
            page_bytes = TRY(hand_over(cargo.handles, cargo.pages, message.message, landing_in_registers(receiver), receiver));
        }
        load_message(receiver, message.message);
        receiver.frame.registers.rbx = page_bytes;
        message.sender->give_credit();
        MessagePool::give_back(message);
        return {};
    }
    case QueueNode::Kind::Sender: {
        auto& sender = static_cast<Sender&>(node);
        load_message(receiver,
                     {.badge = sender.badge(), .header = abi::Header{}.with_kind(MessageKind::Notification), .word = {sender.take_bits()}});
        sender.taken();
        return {};
    }
    case QueueNode::Kind::Paging: {
        auto& paging = static_cast<Paging&>(node);
        load_message(receiver, paging.take(receiver.process()));
        if (paging.has_more()) {  // behind what others sent
            queue_.push_back(paging);
            ++queued_;
        }
        return {};
    }
    }
    return {};
}

/// Nobody could bound what a reply carries but its server, and a reply must not keep others from being taken: it says only TooLarge.
static void drop_too_large_reply(Call& call) {
    call.drop_carried();
    call.message = {.id = call.message.id,
                    .header = abi::Header::make(static_cast<uint16_t>(Error::TooLarge)).with_kind(MessageKind::Reply)};
}

Result<> Port::deliver_call(Call& call, Thread& receiver) {
    Process& process = receiver.process();
    switch (call.state) {
    case Call::State::Queued: {
        const uint32_t page_bytes = TRY(hand_over(call.handles, call.pages, call.message, landing_in_registers(receiver), receiver));
        call.state = Call::State::Taken;
        call.receiver = &process;
        process.calls().add(call);
        load_message(receiver, call.message);
        receiver.frame.registers.rbx = page_bytes | call.windows.readable_bytes | (uint64_t{call.windows.writable_bytes} << 32);
        if (call.kind == MessageKind::ForeignCall) receiver.frame.registers.r14 = call.caller->frame.registers.r9;
        receiver.inherit_priority(call.priority);
        return {};
    }
    case Call::State::Replied: {
        const PageRange landing = landing_in_registers(receiver);
        if (call.pages.bytes() > landing.bytes) drop_too_large_reply(call);
        const uint32_t page_bytes = TRY(hand_over(call.handles, call.pages, call.message, landing, receiver));
        load_message(receiver, call.message);
        receiver.frame.registers.rbx = page_bytes;
        call.async_owner->async_calls().remove(call);
        destroy_call(call);
        return {};
    }
    case Call::State::Cancelled: {
        const Message message{
            .id = call.message.id, .badge = call.message.badge, .header = abi::Header{}.with_kind(MessageKind::Cancelled)};
        load_message(receiver, message);
        drop_queued_call(call);
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
    case QueueNode::Kind::Paging:
        static_cast<Paging&>(node).dropped();
        return;
    }
}

void Port::add_paging(Paging& paging) {
    paging.next_of_port = pagings_;
    if (pagings_ != nullptr) pagings_->previous_of_port = &paging;
    pagings_ = &paging;
}

void Port::remove_paging(Paging& paging) {
    (paging.previous_of_port != nullptr ? paging.previous_of_port->next_of_port : pagings_) = paging.next_of_port;
    if (paging.next_of_port != nullptr) paging.next_of_port->previous_of_port = paging.previous_of_port;
}

void Port::on_unreachable() {
    if (set_ != nullptr) (void)set_->remove(*this);
    if (server_ != nullptr) server_->serves = nullptr;
    server_ = nullptr;
    close();
    while (!queue_.empty()) {
        QueueNode& node = queue_.front();
        queue_.pop_front();
        --queued_;
        drop(node);
    }
    for (Paging* paging = pagings_; paging != nullptr; paging = paging->next_of_port) paging->port_closed();
}

}  // namespace portico::kernel
