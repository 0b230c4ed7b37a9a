#include "kernel/arch/hosted/port_model.h"

#include <algorithm>
#include <cstring>

/// What threads may ask for. What follows from it is in port_model_effects.cpp.
namespace portico::kernel::hosted::model {

// ---- who there is

Process& PortModel::add_process(Sender* supervisor, bool takes_upcalls) {
    Process& process = processes.emplace_back();
    process.number = static_cast<unsigned>(processes.size());
    process.supervisor = supervisor;
    process.takes_upcalls = takes_upcalls;
    if (supervisor != nullptr) ++supervisor->users;
    return process;
}

Thread& PortModel::add_thread(Process& process) {
    Thread& thread = threads.emplace_back();
    thread.number = static_cast<unsigned>(threads.size());
    thread.process = &process;
    process.threads.push_back(&thread);
    return thread;
}

template <class T>
T& PortModel::add_object() {
    auto made = std::make_unique<T>();
    T& object = *made;
    objects_.push_back(std::move(made));
    object.number = static_cast<unsigned>(objects_.size());
    return object;
}

// ---- handles

Capability* PortModel::find(Process& process, Handle handle) {
    const auto found = process.handles.find(handle.value);
    return found == process.handles.end() ? nullptr : &found->second;
}

template <class T>
T* PortModel::find_as(Thread& thread, Handle handle, Object::Kind kind, Rights needed, Refusals& refusals) {
    const Capability* capability = find(*thread.process, handle);
    if (capability == nullptr) {
        refusals.insert(Error::BadHandle);
        return nullptr;
    }
    if (!has(capability->rights, needed)) refusals.insert(Error::AccessDenied);
    if (capability->object->kind != kind) {
        refusals.insert(Error::WrongType);
        return nullptr;
    }
    return static_cast<T*>(capability->object);
}

Refusals PortModel::close(Thread& thread, Handle handle) {
    const Capability* found = find(*thread.process, handle);
    if (found == nullptr) return {Error::BadHandle};
    const Capability closed = *found;
    thread.process->handles.erase(handle.value);
    drop(closed);
    return {};
}

Refusals PortModel::duplicate(Thread& thread, Handle handle, Rights keep, Capability& made) {
    const Capability* found = find(*thread.process, handle);
    if (found == nullptr) return {Error::BadHandle};
    if (!has(found->rights, Rights::Duplicate)) return {Error::AccessDenied};
    made = {found->object, found->rights & keep};
    ++made.object->handles;
    return {};
}

std::string PortModel::give(Process& process, uint64_t value, Capability capability) {
    if (value == 0) return "a handle is 0";
    if (!process.handles.emplace(value, capability).second) return "a new handle has the value of another";
    return {};
}

Capability PortModel::create_port() {
    Port& port = add_object<Port>();
    ports.push_back(&port);
    ++port.handles;
    return {&port, Rights::Receive | Rights::Duplicate | Rights::Transfer};
}

Capability PortModel::create_token(uint64_t size_bytes) {
    Token& token = add_object<Token>();
    token.size_bytes = size_bytes;
    ++token.handles;
    return {&token, Rights::Duplicate | Rights::Transfer | Rights::Read | Rights::Write | Rights::Execute};
}

Refusals PortModel::badge(Thread& thread, Handle port, uint64_t badge, uint64_t credits, Capability& made) {
    Refusals refusals;
    Port* target = find_as<Port>(thread, port, Object::Kind::Port, Rights::Receive, refusals);
    if (credits == 0 || credits > 65535) refusals.insert(Error::InvalidArgument);
    if (!refusals.empty()) return refusals;
    Sender& sender = add_object<Sender>();
    sender.port = target;
    sender.badge = badge;
    sender.credits = credits;
    ++sender.handles;
    made = {&sender, Rights::Send | Rights::Duplicate | Rights::Transfer};
    return {};
}

// ---- what messages carry

/// The values of the handles that a message names, the first in the lowest word.
static std::vector<uint64_t> handles_in(const Sending& sending) {
    const unsigned count = sending.header.handle_count();
    if (count > abi::kMessageHandlesMax) return {};
    return {sending.word.end() - count, sending.word.end()};
}

void PortModel::check_carried(Thread& thread, const Sending& sending, Refusals& refusals) {
    if (sending.header.handle_count() > abi::kMessageHandlesMax) refusals.insert(Error::InvalidArgument);
    const std::vector<uint64_t> values = handles_in(sending);
    for (unsigned i = 0; i < values.size(); ++i) {
        if (values[i] == 0) continue;
        const bool moves = sending.header.moves(i);
        const Capability* capability = find(*thread.process, {values[i]});
        if (capability == nullptr)
            refusals.insert(Error::BadHandle);
        else if (!has(capability->rights, moves ? Rights::Transfer : Rights::Transfer | Rights::Duplicate))
            refusals.insert(Error::AccessDenied);
        for (unsigned j = 0; j < values.size(); ++j)  // what is moved can be there only once
            if (i != j && moves && values[j] == values[i]) refusals.insert(Error::InvalidArgument);
    }
}

Letter PortModel::take_in(Thread& thread, const Sending& sending, MessageKind kind) {
    Letter letter{.header = sending.header.with_kind(kind), .word = sending.word};
    const std::vector<uint64_t> values = handles_in(sending);
    for (unsigned i = 0; i < values.size(); ++i) {
        if (values[i] == 0) continue;
        letter.carried[i] = thread.process->handles.at(values[i]);
        if (sending.header.moves(i))
            thread.process->handles.erase(values[i]);
        else
            ++letter.carried[i].object->handles;
    }
    return letter;
}

bool PortModel::carries_older_port(Thread& thread, const Port& target, const Sending& sending) {
    const std::vector<uint64_t> values = handles_in(sending);
    return std::ranges::any_of(values, [&](uint64_t value) {
        const Capability* capability = find(*thread.process, {value});
        return capability != nullptr && capability->object->kind == Object::Kind::Port && capability->object->number <= target.number;
    });
}

// ---- messages and calls

Refusals PortModel::send(Thread& thread, const Sending& sending) {
    Refusals refusals;
    Sender* sender = find_as<Sender>(thread, sending.sender, Object::Kind::Sender, Rights::Send, refusals);
    check_carried(thread, sending, refusals);
    if (sending.header.has_windows()) refusals.insert(Error::InvalidArgument);
    if (sender != nullptr && sender->port->closed) refusals.insert(Error::PeerClosed);
    if (sender != nullptr && carries_older_port(thread, *sender->port, sending)) refusals.insert(Error::InvalidArgument);
    if (sender != nullptr && sender->credits == 0) refusals.insert(Error::NoCredit);
    if (!refusals.empty()) return refusals;
    --sender->credits;
    Letter letter = take_in(thread, sending, MessageKind::Send);
    letter.badge = sender->badge;
    ++sender->users;
    post(*sender->port, {.kind = Node::Kind::Message, .letter = letter, .sender = sender});
    return {};
}

Call& PortModel::make_call(Thread& thread, const Sending& sending, Sender& sender) {
    Call& call = calls_.emplace_back();
    call.letter = take_in(thread, sending, MessageKind::Call);
    call.letter.badge = sender.badge;
    call.port = sender.port;
    return call;
}

Refusals PortModel::call(Thread& thread, const Sending& sending) {
    Refusals refusals;
    Sender* sender = find_as<Sender>(thread, sending.sender, Object::Kind::Sender, Rights::Send, refusals);
    check_carried(thread, sending, refusals);
    const bool lends = sending.header.has_windows();
    if (lends && std::max(sending.readable_bytes, sending.writable_bytes) > abi::kWindowBytesMax) refusals.insert(Error::InvalidArgument);
    if (sender != nullptr && sender->port->closed) refusals.insert(Error::PeerClosed);
    if (!refusals.empty()) return refusals;
    Call& call = make_call(thread, sending, *sender);
    call.caller = &thread;
    call.readable_at = sending.readable_at;
    call.writable_at = sending.writable_at;
    if (lends) {
        call.letter.readable_bytes = static_cast<uint32_t>(sending.readable_bytes);
        call.letter.writable_bytes = static_cast<uint32_t>(sending.writable_bytes);
    }
    thread.state = Thread::State::Calling;
    thread.call = &call;
    thread.deadline_ns = sending.deadline_ns;
    post(*sender->port, {.kind = Node::Kind::Call, .call = &call});
    return {};
}

Refusals PortModel::call_async(Thread& thread, const Sending& sending, Handle reply_port, Call*& made) {
    Refusals refusals;
    Sender* sender = find_as<Sender>(thread, sending.sender, Object::Kind::Sender, Rights::Send, refusals);
    Port* answers = find_as<Port>(thread, reply_port, Object::Kind::Port, Rights::Receive, refusals);
    check_carried(thread, sending, refusals);
    if (sending.header.has_windows()) refusals.insert(Error::InvalidArgument);
    if (sender != nullptr && sender->port->closed) refusals.insert(Error::PeerClosed);
    if (!refusals.empty()) return refusals;
    made = &make_call(thread, sending, *sender);
    made->owner = thread.process;
    made->reply_port = answers;
    made->owner->asynchronous.push_back(made);
    post(*sender->port, {.kind = Node::Kind::Call, .call = made});
    return {};
}

std::string PortModel::learn_id(Call& call, uint64_t id) {
    if (call.id == id && id != 0) return {};
    if (call.id != 0) return "a call has changed its id";
    if (id == 0) return "a call has id 0";
    if (!ids_.insert(id).second) return "the id of a call was used before";
    call.id = id;
    return {};
}

Refusals PortModel::cancel(Thread& thread, Handle reply_port, uint64_t id) {
    Refusals refusals;
    find_as<Port>(thread, reply_port, Object::Kind::Port, Rights::Receive, refusals);
    std::vector<Call*>& calls = thread.process->asynchronous;
    const auto found = std::find_if(calls.begin(), calls.end(), [&](const Call* call) { return call->id == id; });
    if (found == calls.end()) refusals.insert(Error::NoSuchCall);
    if (!refusals.empty()) return refusals;
    detach(**found);
    return {};
}

Call* PortModel::find_taken(Thread& thread, uint64_t id) {
    const std::vector<Call*>& taken = thread.process->taken;
    const auto found = std::find_if(taken.begin(), taken.end(), [&](const Call* call) { return call->id == id; });
    return found == taken.end() ? nullptr : *found;
}

Refusals PortModel::reply(Thread& thread, uint64_t id, const Sending& sending) {
    Refusals refusals;
    Call* call = find_taken(thread, id);
    check_carried(thread, sending, refusals);
    if (!refusals.empty()) return refusals;
    Letter letter = take_in(thread, sending, MessageKind::Reply);
    if (call == nullptr) {
        drop(letter);
        return {Error::NoSuchCall};
    }
    letter.id = id;
    answer(*call, letter);
    return {};
}

Refusals PortModel::receive(Thread& thread, Handle port, uint64_t deadline_ns) {
    Refusals refusals;
    Port* target = find_as<Port>(thread, port, Object::Kind::Port, Rights::Receive, refusals);
    if (!refusals.empty()) return refusals;
    thread.state = Thread::State::Receiving;
    thread.waits_at = target;
    thread.deadline_ns = deadline_ns;
    target->waiters.push_back(&thread);
    return {};
}

Refusals PortModel::reply_receive(Thread& thread, Handle port, uint64_t id, const Sending& sending, uint64_t deadline_ns) {
    Refusals refusals;
    Port* target = find_as<Port>(thread, port, Object::Kind::Port, Rights::Receive, refusals);
    Call* call = id == 0 ? nullptr : find_taken(thread, id);
    if (id != 0) check_carried(thread, sending, refusals);
    if (!refusals.empty()) return refusals;
    if (id != 0 && call == nullptr) return reply(thread, id, sending);
    refusals = receive(thread, port, deadline_ns);
    // Whoever else waits there comes first: it has waited for longer.
    if (call != nullptr) (void)reply(thread, id, sending);
    (void)target;
    return refusals;
}

Refusals PortModel::notify(Thread& thread, Handle handle, uint64_t bits) {
    Refusals refusals;
    Sender* sender = find_as<Sender>(thread, handle, Object::Kind::Sender, Rights::Send, refusals);
    if (bits == 0 || (bits & abi::kNotifyKernelBits) != 0) refusals.insert(Error::InvalidArgument);
    if (sender != nullptr && sender->port->closed) refusals.insert(Error::PeerClosed);
    if (refusals.empty()) notify(*sender, bits);
    return refusals;
}

// ---- windows

Refusals PortModel::window_read(Thread& thread, uint64_t id, uint64_t offset, uint64_t to, uint64_t length) {
    const Call* call = find_taken(thread, id);
    if (call == nullptr || call->caller == nullptr) return {Error::NoSuchCall};
    if (offset > call->letter.readable_bytes || length > call->letter.readable_bytes - offset) return {Error::InvalidArgument};
    std::memmove(&thread.process->buffer[to], &call->caller->process->buffer[call->readable_at + offset], length);
    return {};
}

Refusals PortModel::window_write(Thread& thread, uint64_t id, uint64_t offset, uint64_t from, uint64_t length) {
    const Call* call = find_taken(thread, id);
    if (call == nullptr || call->caller == nullptr) return {Error::NoSuchCall};
    if (offset > call->letter.writable_bytes || length > call->letter.writable_bytes - offset) return {Error::InvalidArgument};
    std::memmove(&call->caller->process->buffer[call->writable_at + offset], &thread.process->buffer[from], length);
    return {};
}

// ---- threads

void PortModel::sleep(Thread& thread, uint64_t deadline_ns) {
    thread.state = Thread::State::Sleeping;
    thread.deadline_ns = deadline_ns;
}

void PortModel::fault(Thread& thread, const std::array<uint64_t, abi::kMessageWords>& words) {
    Process& process = *thread.process;
    if (process.takes_upcalls && !thread.in_upcall) {
        thread.in_upcall = true;
        return;
    }
    if (process.supervisor == nullptr || process.supervisor->port->closed) return kill(process);
    Call& call = calls_.emplace_back();
    call.is_fault = true;
    call.caller = &thread;
    call.port = process.supervisor->port;
    call.letter = {.badge = process.supervisor->badge, .header = Header{}.with_kind(MessageKind::Fault), .word = words};
    thread.state = Thread::State::Faulted;
    thread.call = &call;
    thread.deadline_ns = abi::kForever;
    post(*call.port, {.kind = Node::Kind::Call, .call = &call});
}

Refusals PortModel::alert(Thread& thread) {
    if (thread.state == Thread::State::Dead) return {Error::WrongState};
    thread.alert_pending = true;
    const bool steady = thread.state == Thread::State::Calling && thread.call->letter.header.is_steady();
    const bool waits = thread.state != Thread::State::Ready && thread.state != Thread::State::Faulted;
    if (waits && !steady && !thread.in_upcall) end_wait(thread, {.error = Error::Interrupted});
    return {};
}

void PortModel::enter(Thread& thread) {
    if (!thread.alert_pending || thread.in_upcall || !thread.process->takes_upcalls) return;
    thread.alert_pending = false;
    thread.in_upcall = true;
}

void PortModel::exit(Thread& thread) {
    const std::vector<Thread*>& others = thread.process->threads;
    const bool is_last = std::all_of(others.begin(), others.end(),
                                     [&](const Thread* each) { return each == &thread || each->state == Thread::State::Dead; });
    if (is_last) return kill(*thread.process);
    leave_wait(thread);
    thread.state = Thread::State::Dead;
}

void PortModel::kill(Process& process) {
    if (process.dead) return;
    process.dead = true;
    for (Thread* thread : process.threads) {
        leave_wait(*thread);
        thread->state = Thread::State::Dead;
        ended_.erase(thread);
    }
    for (Call* call : std::vector<Call*>(process.taken)) conclude(*call, Error::PeerClosed);
    for (Call* call : std::vector<Call*>(process.asynchronous)) detach(*call);
    take_back_notices(process);
    for (const auto& [value, capability] : std::exchange(process.handles, {})) drop(capability);
    if (process.supervisor == nullptr) return;
    notify(*process.supervisor, abi::kNotifyProcessExited);
    drop_user(*process.supervisor);
}

Process& PortModel::clone(const Process& parent) {
    Process& child = add_process(nullptr, parent.takes_upcalls);
    child.handles = parent.handles;
    child.buffer = parent.buffer;
    for (const auto& [value, capability] : child.handles) ++capability.object->handles;
    return child;
}

uint64_t PortModel::next_deadline() const {
    uint64_t next = abi::kForever;
    for (const Thread& thread : threads)
        if (thread.state != Thread::State::Ready && thread.state != Thread::State::Dead) next = std::min(next, thread.deadline_ns);
    return next;
}

void PortModel::expire(uint64_t now_ns) {
    for (Thread& thread : threads) {
        if (thread.state == Thread::State::Ready || thread.state == Thread::State::Dead || thread.deadline_ns > now_ns) continue;
        end_wait(thread, {.error = thread.state == Thread::State::Sleeping ? Error::None : Error::TimedOut});
    }
}

}  // namespace portico::kernel::hosted::model
