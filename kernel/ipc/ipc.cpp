#include "kernel/ipc/ipc.h"

#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

namespace portico::kernel {

void load_message(Thread& receiver, const Message& message) {
    abi::Registers& r = receiver.frame.registers;
    r.rdi = message.id;
    r.rsi = message.header.value;
    r.rdx = message.word[0];
    r.r10 = message.word[1];
    r.r8 = message.word[2];
    r.r9 = message.word[3];
    r.r12 = message.word[4];
    r.r13 = message.badge;
    r.rbx = 0;
}

Result<> take_in(CarriedHandles& carried, Message& message, Thread& sender) {
    const unsigned count = message.header.handle_count();
    if (count == 0) return {};
    if (count > abi::kMessageHandlesMax) return fail(Error::InvalidArgument);
    HandleTable& table = sender.process().handles();
    const uint64_t* values = &message.word[abi::kMessageWords - count];
    for (unsigned i = 0; i < count; ++i) {
        if (values[i] == 0) continue;
        const Capability* capability = TRY(table.find(abi::Handle{values[i]}));
        const Rights needed = message.header.moves(i) ? Rights::Transfer : Rights::Transfer | Rights::Duplicate;
        if (!has(capability->rights(), needed)) return fail(Error::AccessDenied);
        for (unsigned j = 0; j < i; ++j)
            if (values[j] == values[i] && (message.header.moves(i) || message.header.moves(j))) return fail(Error::InvalidArgument);
    }
    for (unsigned i = 0; i < count; ++i) {
        if (values[i] == 0) continue;
        if (message.header.moves(i))
            carried.capability[i] = *table.take(abi::Handle{values[i]});
        else
            carried.capability[i] = (*table.find(abi::Handle{values[i]}))->duplicate();
    }
    return {};
}

Result<> hand_over(CarriedHandles& carried, Message& message, Thread& receiver) {
    const unsigned count = message.header.handle_count();
    if (count == 0) return {};
    HandleTable& table = receiver.process().handles();
    TRY(table.reserve(count));
    for (unsigned i = 0; i < count; ++i) {
        uint64_t& word = message.word[abi::kMessageWords - count + i];
        word = carried.capability[i] ? table.add(std::move(carried.capability[i]))->value : 0;
    }
    return {};
}

Result<> send(Thread& caller, Sender& sender, Message message) {
    if (sender.port().closed()) return fail(Error::PeerClosed);
    Account& payer = caller.process().account();
    if (!sender.take_credit()) return fail(Error::NoCredit);
    auto made = heap.make<QueuedMessage>(payer, payer, sender);
    if (!made) {
        sender.give_credit();
        return fail(made.error());
    }
    QueuedMessage& queued = **made;
    if (const Result<> taken = take_in(queued.handles, message, caller); !taken) {
        heap.destroy(&queued, payer);  // gives the credit back
        return taken;
    }
    queued.message = message;
    queued.message.id = 0;
    queued.message.badge = sender.badge();
    queued.message.header = message.header.with_kind(MessageKind::Send);
    sender.port().post(queued);
    return {};
}

Result<> call(Thread& caller, Sender& sender, Message message, const abi::Windows& windows, uint64_t deadline_ns) {
    Port& port = sender.port();
    if (port.closed()) return fail(Error::PeerClosed);
    Call& call = *TRY(caller.idle_call());
    TRY(take_in(call.handles, message, caller));
    call.message = message;
    call.message.id = next_call_id();
    call.message.badge = sender.badge();
    call.message.header = message.header.with_kind(MessageKind::Call);
    call.windows = windows;
    call.state = Call::State::Queued;
    call.kind = MessageKind::Call;
    call.caller = &caller;
    call.port = Ref<Port>(port);
    caller.begin_wait(Thread::Wait::Call, deadline_ns);
    Thread* receiver = port.first_receiver();
    port.post(call);
    // The receiver runs at once, on the caller's time: that is what a call is.
    if (receiver != nullptr && call.state == Call::State::Taken) scheduler.hand_off(*receiver);
    return {};
}

Result<uint64_t> call_async(Thread& caller, Sender& sender, Message message, Port& reply_port) {
    Port& port = sender.port();
    if (port.closed()) return fail(Error::PeerClosed);
    if (message.header.has_windows()) return fail(Error::InvalidArgument);
    Account& payer = caller.process().account();
    Call& call = *TRY(heap.make<Call>(payer, payer));
    if (const Result<> taken = take_in(call.handles, message, caller); !taken) {
        heap.destroy(&call, payer);
        return fail(taken.error());
    }
    call.message = message;
    call.message.id = next_call_id();
    call.message.badge = sender.badge();
    call.message.header = message.header.with_kind(MessageKind::Call);
    call.state = Call::State::Queued;
    call.reply_port = Ref<Port>(reply_port);
    call.async_owner = &caller.process();
    call.port = Ref<Port>(port);
    call.async_owner->async_calls().add(call);
    const uint64_t id = call.message.id;
    port.post(call);
    return id;
}

bool report_fault(Thread& thread, const abi::FaultWords& fault) {
    Sender* supervisor = thread.process().supervisor();
    if (supervisor == nullptr || supervisor->port().closed()) return false;
    const Result<Call*> record = thread.idle_call();
    if (!record) return false;
    Call& call = **record;
    call.message = {.id = next_call_id(), .badge = supervisor->badge(), .header = abi::Header{}.with_kind(MessageKind::Fault)};
    __builtin_memcpy(call.message.word, &fault, sizeof(fault));
    call.windows = {};
    call.state = Call::State::Queued;
    call.kind = MessageKind::Fault;
    call.caller = &thread;
    call.port = Ref<Port>(supervisor->port());
    thread.begin_wait(Thread::Wait::Fault, abi::kForever);
    call.port->post(call);
    return true;
}

void destroy_call(Call& call) {
    Ref<Account> payer(*call.payer);
    heap.destroy(&call, *payer);
}

/// Ends a call that is in no queue and no table: with an answer, or with an error alone.
static void conclude(Call& call, Error error) {
    call.handles.drop();
    call.receiver = nullptr;
    if (call.caller != nullptr) {
        Thread& caller = *call.caller;
        call.state = Call::State::Idle;
        call.caller = nullptr;
        call.port = nullptr;
        const bool is_fault = caller.wait() == Thread::Wait::Fault;
        caller.finish_wait(error);
        if (is_fault && error != Error::None) caller.process().kill(abi::kExitCodeFault);  // nobody is left to judge the fault
        return;
    }
    if (call.reply_port->closed()) {
        call.async_owner->async_calls().remove(call);
        destroy_call(call);
        return;
    }
    call.state = Call::State::Replied;
    call.message = {
        .id = call.message.id, .badge = 0, .header = abi::Header::make(static_cast<uint16_t>(error)).with_kind(MessageKind::Reply)};
    call.reply_port->post(call);
}

Result<> reply(Thread& replier, uint64_t id, Message message) {
    Process& process = replier.process();
    Call* found = process.calls().find(id);
    if (found == nullptr) return fail(Error::NoSuchCall);
    Call& call = *found;
    CarriedHandles carried;
    TRY(take_in(carried, message, replier));
    process.calls().remove(call);
    call.receiver = nullptr;
    message.id = id;
    message.badge = 0;
    message.header = message.header.with_kind(MessageKind::Reply);
    if (call.caller == nullptr) {
        call.message = message;
        call.message.badge = 0;
        for (unsigned i = 0; i < abi::kMessageHandlesMax; ++i) call.handles.capability[i] = std::move(carried.capability[i]);
        if (call.reply_port->closed()) {
            call.async_owner->async_calls().remove(call);
            destroy_call(call);
            return {};
        }
        call.state = Call::State::Replied;
        call.reply_port->post(call);
        return {};
    }
    Thread& caller = *call.caller;
    Error error = Error::None;
    if (call.kind == MessageKind::Call) {
        if (const Result<> given = hand_over(carried, message, caller); !given) error = given.error();
        if (error == Error::None) {
            const uint64_t rbx = caller.frame.registers.rbx;
            load_message(caller, message);
            caller.frame.registers.rbx = rbx;  // a call keeps it: only receives return lengths
        }
    }
    call.state = Call::State::Idle;
    call.caller = nullptr;
    call.port = nullptr;
    caller.finish_wait(error);
    return {};
}

Result<> receive(Thread& caller, Port& port, uint64_t deadline_ns) {
    if (port.closed()) return fail(Error::PeerClosed);
    if (TRY(port.take(caller))) return {};
    if (deadline_ns == abi::kNow) return fail(Error::WouldBlock);
    caller.begin_wait(Thread::Wait::Receive, deadline_ns);
    caller.waits_at = &port;
    port.park(caller);
    return {};
}

/// Takes the call out of where it is; true if its receiver must be told (it then waits in the port's queue as Cancelled).
static bool detach(Call& call) {
    if (call.state == Call::State::Queued) {
        call.port->withdraw(call);
        call.handles.drop();
        return false;
    }
    ASSERT(call.state == Call::State::Taken);
    call.receiver->calls().remove(call);
    call.receiver = nullptr;
    call.caller = nullptr;
    if (call.port->closed()) return false;
    call.state = Call::State::Cancelled;
    return true;
}

void abandon_call(Thread& caller) {
    Call& call = *caller.current_call();
    if (detach(call)) {
        caller.forget_call();
        Ref<Port> port = call.port;
        port->post(call);
        return;
    }
    call.state = Call::State::Idle;
    call.caller = nullptr;
    call.port = nullptr;
}

Result<> cancel_async(Process& owner, uint64_t id) {
    Call* call = owner.async_calls().find(id);
    if (call == nullptr) return fail(Error::NoSuchCall);
    owner.async_calls().remove(*call);
    if (call->state == Call::State::Replied) {
        call->reply_port->withdraw(*call);
        destroy_call(*call);
        return {};
    }
    if (detach(*call)) {
        Ref<Port> port = call->port;
        port->post(*call);
    } else {
        destroy_call(*call);
    }
    return {};
}

void drop_queued_call(Call& call) {
    switch (call.state) {
    case Call::State::Queued:
        conclude(call, Error::PeerClosed);
        break;
    case Call::State::Cancelled:
        destroy_call(call);
        break;
    case Call::State::Replied:
        call.async_owner->async_calls().remove(call);
        destroy_call(call);
        break;
    default:
        panic("call %lx in a closed queue in state %u", call.message.id, static_cast<unsigned>(call.state));
    }
}

void fail_all_calls(Process& process) {
    while (Call* call = process.calls().first()) {
        process.calls().remove(*call);
        conclude(*call, Error::PeerClosed);
    }
    while (Call* call = process.async_calls().first()) (void)cancel_async(process, call->message.id);
}

}  // namespace portico::kernel
