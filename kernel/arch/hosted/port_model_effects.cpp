#include <algorithm>

#include "kernel/arch/hosted/port_model.h"

/// What follows from the operations of the model, and how it is compared with what the kernel did.
namespace portico::kernel::hosted::model {

// ---- queues

void PortModel::post(Port& port, Node node) {
    node.operation = operation_;
    port.queue.push_back(std::move(node));
}

void PortModel::notify(Sender& sender, uint64_t bits) {
    if (sender.port->closed) return;
    sender.bits |= bits;  // those that join others have their place
    if (!std::exchange(sender.queued, true)) post(*sender.port, {.kind = Node::Kind::Bits, .sender = &sender});
}

// ---- the ends of calls

static void erase(std::vector<Call*>& calls, Call& call) {
    std::erase(calls, &call);
}

/// A taken call gets its answer, or an asynchronous one its error.
void PortModel::answer(Call& call, Letter letter) {
    if (call.taker != nullptr) erase(call.taker->taken, call);
    call.taker = nullptr;
    if (call.caller != nullptr) {
        call.state = Call::State::Over;
        Thread& caller = *call.caller;
        if (call.is_fault) {
            drop(letter);
            return end_wait(caller, {.silent = true});
        }
        return end_wait(caller, {.letter = letter});
    }
    if (call.reply_port->closed) {
        call.state = Call::State::Over;
        erase(call.owner->asynchronous, call);
        return drop(letter);
    }
    call.state = Call::State::Replied;
    post(*call.reply_port, {.kind = Node::Kind::Reply, .letter = letter, .call = &call});
}

/// Nobody will answer.
void PortModel::conclude(Call& call, Error error) {
    drop(call.letter);
    if (call.caller == nullptr)
        return answer(call, {.id = call.id, .header = Header::make(static_cast<uint16_t>(error)).with_kind(MessageKind::Reply)});
    if (call.taker != nullptr) erase(call.taker->taken, call);
    call.state = Call::State::Over;
    if (call.is_fault) return kill(*call.caller->process);  // nobody is left to judge the fault
    end_wait(*call.caller, {.error = error});
}

/// Its caller no longer waits, or withdraws it.
void PortModel::detach(Call& call) {
    const auto remove_from = [&](Port& port) { std::erase_if(port.queue, [&](const Node& node) { return node.call == &call; }); };
    if (call.owner != nullptr) erase(call.owner->asynchronous, call);
    const Call::State state = std::exchange(call.state, Call::State::Over);
    if (state == Call::State::Queued) {
        remove_from(*call.port);
        drop(call.letter);
    } else if (state == Call::State::Replied) {
        for (Node& node : call.reply_port->queue)
            if (node.call == &call) drop(node.letter);
        remove_from(*call.reply_port);
    } else if (state == Call::State::Taken) {
        erase(call.taker->taken, call);
        if (call.port->closed) return;
        call.state = Call::State::Cancelled;
        post(*call.port, {.kind = Node::Kind::Cancelled, .call = &call});
    }
}

/// Nobody else is to hear that the calls it took were cancelled.
void PortModel::take_back_notices(const Process& process) {
    for (Port* port : ports)
        std::erase_if(port->queue, [&](const Node& node) { return node.kind == Node::Kind::Cancelled && node.call->taker == &process; });
}

// ---- waits

/// Takes the thread out of what it waits for.
void PortModel::leave_wait(Thread& thread) {
    if (thread.state == Thread::State::Receiving) std::erase(thread.waits_at->waiters, &thread);
    const bool calls = thread.state == Thread::State::Calling || thread.state == Thread::State::Faulted;
    if (calls && thread.call->state != Call::State::Over) detach(*thread.call);
    thread.state = Thread::State::Ready;
    thread.waits_at = nullptr;
    thread.call = nullptr;
    thread.deadline_ns = abi::kForever;
}

void PortModel::end_wait(Thread& thread, Outcome outcome) {
    leave_wait(thread);
    ended_[&thread] = std::move(outcome);
}

// ---- ends of handles

void PortModel::drop(Capability capability) {
    if (capability.object == nullptr || --capability.object->handles > 0) return;
    if (capability.object->kind == Object::Kind::Port) to_close_.push_back(static_cast<Port*>(capability.object));
    if (capability.object->kind == Object::Kind::Sender) to_lose_.push_back(static_cast<Sender*>(capability.object));
}

void PortModel::drop(Letter& letter) {
    for (Capability& each : letter.carried) drop(std::exchange(each, {}));
}

void PortModel::drop_user(Sender& sender) {
    --sender.users;
    if (sender.handles == 0) to_lose_.push_back(&sender);
}

/// A one-way message has left its queue.
void PortModel::drop_message(const Node& node) {
    ++node.sender->credits;
    drop_user(*node.sender);
}

/// Nothing is left that could use it.
void PortModel::lose_sender(Sender& sender) {
    if (sender.handles > 0 || sender.users > 0 || std::exchange(sender.gone, true)) return;
    notify(sender, abi::kNotifySendersGone);
}

void PortModel::close(Port& port) {
    if (port.handles > 0 || std::exchange(port.closed, true)) return;
    for (Thread* thread : std::deque<Thread*>(port.waiters)) end_wait(*thread, {.error = Error::PeerClosed});
    for (Node& node : std::exchange(port.queue, {})) {
        switch (node.kind) {
        case Node::Kind::Message:
            drop_message(node);
            drop(node.letter);
            break;
        case Node::Kind::Bits:
            node.sender->queued = false;
            node.sender->bits = 0;
            break;
        case Node::Kind::Call:
            conclude(*node.call, Error::PeerClosed);
            break;
        case Node::Kind::Reply:
            node.call->state = Call::State::Over;
            erase(node.call->owner->asynchronous, *node.call);
            drop(node.letter);
            break;
        case Node::Kind::Cancelled:
            break;
        }
    }
}

/// The ends of handles have their consequences when the operation is done. False if there is nothing left to do.
bool PortModel::do_put_off() {
    if (!to_lose_.empty()) {  // all of them before anybody is told: their notices have no order
        for (Sender* sender : std::exchange(to_lose_, {})) lose_sender(*sender);
    } else if (!to_close_.empty()) {
        Port& port = *to_close_.front();
        to_close_.pop_front();
        close(port);
    } else {
        return false;
    }
    return true;
}

// ---- comparing

static std::string text(const char* format, auto... values) {
    char buffer[200];
    std::snprintf(buffer, sizeof(buffer), format, values...);
    return buffer;
}

/// What a receiver is to see of a node.
Letter PortModel::seen(const Node& node) const {
    switch (node.kind) {
    case Node::Kind::Message:
    case Node::Kind::Reply:
        return node.letter;
    case Node::Kind::Call: {
        Letter letter = node.call->letter;
        letter.id = node.call->id;
        return letter;
    }
    case Node::Kind::Cancelled:
        return {.id = node.call->id, .badge = node.call->letter.badge, .header = Header{}.with_kind(MessageKind::Cancelled)};
    case Node::Kind::Bits:
        return {.badge = node.sender->badge, .header = Header{}.with_kind(MessageKind::Notification), .word = {node.sender->bits}};
    }
    return {};
}

std::string PortModel::differs(const Letter& letter, const Observed& observed, bool id_is_known) const {
    const abi::Message& message = observed.message;
    if (observed.error != Error::None)
        return text("error %s instead of a message of kind %u, id %lx, badge %lx", abi::name_of(observed.error).data(),
                    static_cast<unsigned>(letter.header.kind()), letter.id, letter.badge);
    if (message.header.value != letter.header.value) return text("header %lx, not %lx", message.header.value, letter.header.value);
    if (id_is_known && message.id != letter.id) return text("id %lx, not %lx", message.id, letter.id);
    if (message.badge != letter.badge) return text("badge %lx, not %lx", message.badge, letter.badge);
    const unsigned first_handle = abi::kMessageWords - letter.header.handle_count();
    for (unsigned i = 0; i < abi::kMessageWords; ++i) {
        if (i < first_handle && message.word[i] != letter.word[i])
            return text("word %u is %lx, not %lx", i, message.word[i], letter.word[i]);
        if (i >= first_handle && (message.word[i] != 0) != (letter.carried[i - first_handle].object != nullptr))
            return text("the handle in word %u is %lx", i, message.word[i]);
    }
    if (observed.readable_bytes != letter.readable_bytes || observed.writable_bytes != letter.writable_bytes)
        return text("windows of %u and %u bytes, not %u and %u", observed.readable_bytes, observed.writable_bytes, letter.readable_bytes,
                    letter.writable_bytes);
    return {};
}

std::string PortModel::hand_over(Letter& letter, const Observed& observed, Process& process) {
    const unsigned first_handle = abi::kMessageWords - letter.header.handle_count();
    for (unsigned i = first_handle; i < abi::kMessageWords; ++i) {
        const Capability carried = std::exchange(letter.carried[i - first_handle], {});
        if (carried.object == nullptr) continue;
        if (std::string wrong = give(process, observed.message.word[i], carried); !wrong.empty()) return wrong;
    }
    return {};
}

/// Which place in the queue the thread was told of, past what is not for it or may have gone. If none, says so by the size of the queue,
/// and what differs, if anything had to be told.
size_t PortModel::find_told(const Port& port, const Thread& thread, const std::optional<Observed>& observed, std::string& difference) {
    for (size_t first = 0, i = 0; i < port.queue.size(); first = i) {
        for (; i < port.queue.size() && port.queue[i].operation == port.queue[first].operation; ++i) {
            const Node& node = port.queue[i];
            if (node.kind == Node::Kind::Cancelled && node.call->taker != thread.process) continue;
            const bool id_is_known = node.kind != Node::Kind::Call || node.call->id != 0;
            const std::string differing = observed ? differs(seen(node), *observed, id_is_known) : "nothing, it waits";
            if (differing.empty()) {
                difference.clear();
                return i;
            }
            if (!node.perhaps && difference.empty()) difference = differing;
        }
        if (!difference.empty()) break;
    }
    return port.queue.size();
}

/// A thread that waits at the port has been told of this place in its queue. Notices to others on the way there are dropped.
std::string PortModel::deliver(Port& port, Thread& thread, size_t chosen, const Observed& observed) {
    Node node = port.queue[chosen];
    port.queue.erase(port.queue.begin() + static_cast<ptrdiff_t>(chosen));
    while (!port.queue.empty() && port.queue.front().operation < node.operation) port.queue.pop_front();
    for (Node& each : port.queue)  // in what order, nothing promises
        each.perhaps |= each.operation == node.operation && each.kind == Node::Kind::Cancelled && each.call->taker != thread.process;
    leave_wait(thread);
    switch (node.kind) {
    case Node::Kind::Message:
        drop_message(node);
        return hand_over(node.letter, observed, *thread.process);
    case Node::Kind::Call:
        node.call->state = Call::State::Taken;
        node.call->taker = thread.process;
        thread.process->taken.push_back(node.call);
        if (std::string wrong = learn_id(*node.call, observed.message.id); !wrong.empty()) return wrong;
        return hand_over(node.call->letter, observed, *thread.process);
    case Node::Kind::Reply:
        node.call->state = Call::State::Over;
        erase(node.call->owner->asynchronous, *node.call);
        return hand_over(node.letter, observed, *thread.process);
    case Node::Kind::Cancelled:
        node.call->state = Call::State::Over;
        return {};
    case Node::Kind::Bits:
        node.sender->bits = 0;
        node.sender->queued = false;
        return {};
    }
    return {};
}

std::string PortModel::settle(const Observe& observe) {
    do {
        if (std::string wrong = deliver_all(observe); !wrong.empty()) return wrong;
    } while (do_put_off());
    for (Thread& thread : threads)
        if (thread.state == Thread::State::Receiving && thread.deadline_ns == abi::kNow) end_wait(thread, {.error = Error::WouldBlock});
    return compare_ended(observe);
}

/// Who waits where there is something gets it.
std::string PortModel::deliver_all(const Observe& observe) {
    for (Port* port : ports) {
        while (!port->waiters.empty() && !port->queue.empty()) {
            Thread& thread = *port->waiters.front();
            const std::optional<Observed> observed = observe(thread);
            std::string difference;
            const size_t chosen = find_told(*port, thread, observed, difference);
            if (!difference.empty()) return text("thread %u at port %u got ", thread.number, port->number) + difference;
            if (chosen == port->queue.size()) {
                port->queue.clear();
                break;
            }
            if (std::string wrong = deliver(*port, thread, chosen, *observed); !wrong.empty()) return wrong;
            told_.insert(&thread);
        }
    }
    return {};
}

std::string PortModel::compare_ended(const Observe& observe) {
    for (auto& [thread, outcome] : std::exchange(ended_, {})) {
        if (outcome.silent) continue;
        told_.insert(thread);
        const std::optional<Observed> observed = observe(*thread);
        if (!observed) return text("thread %u waits though it is over: %s", thread->number, abi::name_of(outcome.error).data());
        if (!outcome.letter && observed->error != outcome.error)
            return text("thread %u was told %s, not %s", thread->number, abi::name_of(observed->error).data(),
                        abi::name_of(outcome.error).data());
        if (!outcome.letter) continue;
        if (std::string wrong = differs(*outcome.letter, *observed, true); !wrong.empty())
            return text("thread %u got a reply with ", thread->number) + wrong;
        if (std::string wrong = hand_over(*outcome.letter, *observed, *thread->process); !wrong.empty()) return wrong;
    }
    return {};
}

}  // namespace portico::kernel::hosted::model
