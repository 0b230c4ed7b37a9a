#include "kernel/ipc/ipc.h"

#include "kernel/ipc/foreign_call.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

/// Calls: made, answered, handed on, ended.
namespace portico::kernel {

void address_call(Call& call, uint64_t id, MessageKind kind, Sender& sender) {
    call.message.id = id;
    call.message.badge = sender.badge();
    call.message.header = call.message.header.with_kind(kind);
    call.kind = kind;
    call.state = Call::State::Queued;
    call.port = Ref<Port>(sender.port());
}

void post_call(Call& call) {
    Port& port = *call.port;
    MessageSource* waited_at = port.waited_at();
    Thread* receiver = waited_at != nullptr ? &waited_at->first_receiver() : nullptr;
    port.post(call);
    if (receiver != nullptr && call.state == Call::State::Taken)
        scheduler.hand_off(*receiver);
    else if (call.state == Call::State::Queued)
        port.inherit_priority(call.priority);
}

Result<> call(Thread& caller, Sender& sender, const Message& message, const abi::Windows& ranges, uint64_t deadline_ns) {
    if (sender.port().closed()) return fail(Error::PeerClosed);
    const PageRange pages{.address = ranges.readable_address, .bytes = message.header.has_pages() ? ranges.readable_bytes : 0};
    if (!sender.may_carry(pages.bytes)) return fail(Error::TooLarge);
    Call& call = *TRY(caller.idle_call());
    call.message = message;
    TRY(take_in(call.handles, call.pages, call.message, pages, caller));
    address_call(call, call_ids.next(), MessageKind::Call, sender);
    call.windows = ranges;
    if (message.header.has_pages()) call.windows.readable_bytes = 0;
    call.caller = &caller;
    call.priority = static_cast<uint8_t>(caller.priority());
    caller.begin_wait(Thread::Wait::Call, deadline_ns);
    caller.fast_wakeable = deadline_ns == abi::kForever && !caller.process().suspended() && !caller.alert_is_pending();
    post_call(call);
    return {};
}

Result<uint64_t> call_async(Thread& caller, Sender& sender, const Message& message, Port& reply_port) {
    if (sender.port().closed()) return fail(Error::PeerClosed);
    if (message.header.has_windows() || message.header.has_pages()) return fail(Error::InvalidArgument);
    Account& payer = caller.process().account();
    Call& call = *TRY(heap.make<Call>(payer, payer));
    Message sent = message;
    if (const Result<> taken = take_in(call.handles, sent, caller); !taken) {
        heap.destroy(&call, payer);
        return fail(taken.error());
    }
    const uint64_t id = call_ids.next();
    call.message = sent;
    address_call(call, id, MessageKind::Call, sender);
    call.reply_port = Ref<Port>(reply_port);
    call.async_owner = &caller.process();
    call.async_owner->async_calls().add(call);
    call.port->post(call);
    return id;
}

/// A call that the process took and has neither answered nor lost to a cancellation, or null.
static Call* find_taken(Process& process, uint64_t id) {
    Call* call = process.calls().find(id);
    return call != nullptr && call->state == Call::State::Taken ? call : nullptr;
}

/// What a message moves is gone with the call that it is for, so that its sender need not ask what it still holds.
static Result<> refuse_for_want_of_call(CarriedHandles& handles) {
    handles.drop();  // in their order; the pages follow
    return fail(Error::NoSuchCall);
}

Result<> forward(Thread& forwarder, uint64_t id, Sender& sender, const Message& message, const PageRange& pages) {
    Call* found = find_taken(forwarder.process(), id);
    if (found == nullptr) {
        CarriedHandles handles;
        CarriedPages carried_pages;
        Message lost = message;
        TRY(take_in(handles, carried_pages, lost, pages, forwarder));
        return refuse_for_want_of_call(handles);
    }
    Call& call = *found;
    if (call.kind != MessageKind::Call || sender.port().closed())
        return fail(call.kind != MessageKind::Call ? Error::InvalidArgument : Error::PeerClosed);
    if (pages.bytes > 0 && call.message.header.has_windows()) return fail(Error::InvalidArgument);
    if (!sender.may_carry(pages.bytes)) return fail(Error::TooLarge);
    Message sent = message;
    TRY(take_in(call.handles, call.pages, sent, pages, forwarder));
    forwarder.process().calls().remove(call);
    call.receiver = nullptr;
    // What the caller said of the call itself stays: whether it lends memory, whether alerts end it, where pages of the reply land.
    sent.header = sent.header.with_call_flags_of(call.message.header);
    call.message = sent;
    address_call(call, id, MessageKind::Call, sender);
    post_call(call);
    return {};
}

bool report_fault(Thread& thread, const abi::FaultWords& fault) {
    Sender* supervisor = thread.process().supervisor();
    if (supervisor == nullptr || supervisor->port().closed()) return false;
    const Result<Call*> record = thread.idle_call();
    if (!record) return false;
    Call& call = **record;
    call.message = {};
    __builtin_memcpy(call.message.word, &fault, sizeof(fault));
    address_call(call, call_ids.next(), MessageKind::Fault, *supervisor);
    call.windows = {};
    call.caller = &thread;
    call.priority = static_cast<uint8_t>(thread.priority());
    thread.begin_wait(Thread::Wait::Fault, abi::kForever);
    call.port->post(call);
    return true;
}

void raise_fault(Thread& thread, const abi::FaultWords& fault) {
    if (!thread.deliver_fault(fault)) raise_to_supervisor(thread, fault);
}

void raise_to_supervisor(Thread& thread, const abi::FaultWords& fault) {
    if (report_fault(thread, fault)) return;
    log("process %lu: fault %u at %lx, instruction %lx, and no supervisor", thread.process().id(), static_cast<unsigned>(fault.kind),
        fault.address, fault.instruction);
    thread.process().kill(abi::kExitCodeFault);
}

void raise_no_memory(Thread& thread, abi::Access access, uint64_t address) {
    log("process %lu: out of memory at %lx", thread.process().id(), address);
    const abi::Registers& r = thread.frame.registers;
    raise_to_supervisor(thread, {.kind = abi::FaultKind::NoMemory,
                                 .access = static_cast<uint32_t>(access),
                                 .address = address,
                                 .instruction = r.rip,
                                 .stack = r.rsp,
                                 .zero = 0});
}

void destroy_call(Call& call) {
    Ref<Account> payer(*call.payer);
    heap.destroy(&call, *payer);
}

/// Ends a call that is in no queue and no table: with an answer, or with an error alone.
static void conclude(Call& call, Error error) {
    call.drop_carried();
    call.receiver = nullptr;
    if (call.caller != nullptr) {
        Thread& caller = *call.caller;
        call.state = Call::State::Idle;
        call.caller = nullptr;
        call.port = nullptr;
        const bool is_fault = caller.wait() == Thread::Wait::Fault;
        if (call.kind == MessageKind::ForeignCall) run_foreign_call(caller);
        if (call.kind == MessageKind::ForeignResult) error = Error::None;
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

static void leave_receiver(Call& call) {
    call.receiver->calls().remove(call);
    call.receiver = nullptr;
}

/// The caller's wait is over; its record is for the next call.
static void release_caller(Call& call, Error error) {
    Thread& caller = *call.caller;
    call.state = Call::State::Idle;
    call.caller = nullptr;
    call.port = nullptr;
    caller.finish_wait(error);
}

/// Of an asynchronous call, of one that does not end with a message, or of none.
static __attribute__((noinline)) Result<> reply_otherwise(Thread& replier, uint64_t id, const Message& answer, const PageRange& pages) {
    Process& process = replier.process();
    CarriedHandles handles;
    CarriedPages carried_pages;
    Message message = answer;
    TRY(take_in(handles, carried_pages, message, pages, replier));
    Call* found = find_taken(process, id);
    if (found == nullptr) return refuse_for_want_of_call(handles);
    Call& call = *found;
    leave_receiver(call);
    message.id = id;
    message.badge = 0;
    message.header = message.header.with_kind(MessageKind::Reply);
    if (call.caller == nullptr) {
        call.message = message;
        call.handles.take_from(handles);
        call.pages = std::move(carried_pages);
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
    note(TraceEvent::Reply, &replier, message.header.operation(), id, caller.id());
    if (call.kind == MessageKind::ForeignCall) answer_foreign_call(caller, message.header, message.word[0]);
    handles.drop();
    release_caller(call, Error::None);
    return {};
}

/// With handles or pages. The record carries nothing since it was taken: there they go.
[[gnu::always_inline]] static inline Result<> reply_with_cargo(Thread& replier, Call& call, Message& answer, const PageRange& pages) {
    Thread& caller = *call.caller;
    const uint64_t id = call.message.id;
    TRY(take_in(call.handles, call.pages, answer, pages, replier));
    note(TraceEvent::Reply, &replier, answer.header.operation(), id, caller.id());
    leave_receiver(call);
    answer.id = id;
    answer.badge = 0;
    answer.header = answer.header.with_kind(MessageKind::Reply);
    const Result<uint32_t> given = hand_over(call.handles, call.pages, answer, call.landing(), caller);
    if (given) [[likely]] {
        uint64_t rbx = caller.frame.registers.rbx;  // a call keeps it, but for the bytes of pages that came
        if (*given > 0) rbx = (rbx >> 32 << 32) | *given;
        load_message(caller, answer);
        caller.frame.registers.rbx = rbx;
    } else {
        call.drop_carried();
    }
    release_caller(call, given ? Error::None : given.error());
    return {};
}

Result<> reply(Thread& replier, uint64_t id, Message& answer, const PageRange& pages) {
    Call* found = find_taken(replier.process(), id);
    if (found == nullptr || found->caller == nullptr || found->kind != MessageKind::Call)
        return reply_otherwise(replier, id, answer, pages);
    if (!answer.header.is_plain()) return reply_with_cargo(replier, *found, answer, pages);
    Call& call = *found;
    Thread& caller = *call.caller;
    note(TraceEvent::Reply, &replier, answer.header.operation(), id, caller.id());
    leave_receiver(call);
    const uint64_t rbx = caller.frame.registers.rbx;
    load_message(caller, {.id = id,
                          .badge = 0,
                          .header = answer.header.with_kind(MessageKind::Reply),
                          .word = {answer.word[0], answer.word[1], answer.word[2], answer.word[3], answer.word[4]}});
    caller.frame.registers.rbx = rbx;
    release_caller(call, Error::None);
    return {};
}

/// Takes the call out of where it is; true if its receiver must be told (it then waits in the port's queue as Cancelled).
static bool detach(Call& call) {
    if (call.state == Call::State::Queued) {
        call.port->withdraw(call);
        call.drop_carried();
        return false;
    }
    ASSERT(call.state == Call::State::Taken);
    call.caller = nullptr;
    if (call.port->closed()) {
        leave_receiver(call);
        return false;
    }
    call.state = Call::State::Cancelled;  // its receiver keeps it, to take it back if it ends
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
        leave_receiver(call);
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
        if (call->state == Call::State::Cancelled) {  // who comes after this process must not hear of it
            call->port->withdraw(*call);
            destroy_call(*call);
            continue;
        }
        if (call->async_owner != &process) {
            conclude(*call, Error::PeerClosed);
            continue;
        }
        process.async_calls().remove(*call);  // to itself: nobody is to hear of it
        destroy_call(*call);
    }
    while (Call* call = process.async_calls().first()) (void)cancel_async(process, call->message.id);
}

}  // namespace portico::kernel
