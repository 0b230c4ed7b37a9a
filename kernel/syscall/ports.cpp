#include "kernel/ipc/foreign_call.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/syscall/handlers.h"

namespace portico::kernel {
namespace {

Message message_in_registers(const abi::Registers& r) {
    return {.id = 0, .badge = 0, .header = {r.rsi}, .word = {r.rdx, r.r10, r.r8, r.r9, r.r12}};
}

/// Senders cannot set what the kernel sets.
Result<Message> checked_message(const abi::Registers& r) {
    const Message message = message_in_registers(r);
    if (message.header.handle_count() > abi::kMessageHandlesMax) return fail(Error::InvalidArgument);
    if (message.header.has_windows() && message.header.has_pages()) return fail(Error::InvalidArgument);
    return message;
}

/// The sender for the one-way message in the registers, which is well formed.
[[gnu::always_inline]] inline Result<Sender*> sender_in_registers(Thread& caller) {
    const abi::Registers& r = caller.frame.registers;
    const abi::Header header{r.rsi};
    if (header.handle_count() > abi::kMessageHandlesMax) return fail(Error::InvalidArgument);
    Sender* sender = TRY(find_object<Sender>(caller, {r.rdi}, Rights::Send));
    if (header.has_windows()) return fail(Error::InvalidArgument);
    if (header.has_pages() && static_cast<uint32_t>(r.rbx) == 0) return fail(Error::InvalidArgument);
    return sender;
}

/// The pages that go with a message which cannot ask for others: there must be some.
Result<PageRange> pages_in_registers(const abi::Registers& r, uint64_t address) {
    if (!abi::Header{r.rsi}.has_pages()) return PageRange{};
    const PageRange pages{.address = address, .bytes = static_cast<uint32_t>(r.rbx)};
    if (pages.bytes == 0) return fail(Error::InvalidArgument);
    return pages;
}

/// Windows, or pages to send and where those of the reply may land; either may be empty.
Result<abi::Windows> ranges_in_registers(const abi::Registers& r) {
    const abi::Header header{r.rsi};
    if (!header.has_windows() && !header.has_pages()) return abi::Windows{};
    const abi::Windows windows{.readable_address = r.r14,
                               .writable_address = r.r15,
                               .readable_bytes = static_cast<uint32_t>(r.rbx),
                               .writable_bytes = static_cast<uint32_t>(r.rbx >> 32)};
    if (windows.readable_bytes > abi::kWindowBytesMax || windows.writable_bytes > abi::kWindowBytesMax) return fail(Error::InvalidArgument);
    if (header.has_pages() && windows.readable_bytes == 0 && windows.writable_bytes == 0) return fail(Error::InvalidArgument);
    return windows;
}

/// The call with this id, if the caller's process took it and its caller lends memory.
Result<Call*> lending_call(Thread& caller, uint64_t id) {
    Call* call = caller.process().calls().find(id);
    if (call == nullptr || call->caller == nullptr) return fail(Error::NoSuchCall);
    return call;
}

/// That a handle names a port or a set to receive from. Errors: BadHandle, WrongType, AccessDenied.
Result<> check_source(Thread& caller, abi::Handle handle) {
    HandleTable& handles = caller.process().handles();
    const Error error = [&] {
        const auto port = handles.get<Port>(handle, Rights::Receive);
        return port ? Error::None : port.error();
    }();
    if (error == Error::None) return {};
    if (error != Error::WrongType) return fail(error);
    TRY(handles.get<PortSet>(handle, Rights::Receive));
    return {};
}

/// Receives from a port or a set.
Result<> receive_from(Thread& caller, abi::Handle handle, uint64_t deadline_ns) {
    HandleTable& handles = caller.process().handles();
    if (Port* port = handles.get_or_null<Port>(handle, Rights::Receive)) [[likely]]
        return receive(caller, *port, deadline_ns);
    if (PortSet* set = handles.get_or_null<PortSet>(handle, Rights::Receive)) return receive(caller, *set, deadline_ns);
    return fail(check_source(caller, handle).error());
}

}  // namespace

template <>
Result<abi::PortCreate::Reply> on_syscall(Thread& caller, const abi::PortCreate&) {
    Ref<Port> port = TRY(create_object<Port>(caller.process().account()));
    port->set_owner(caller.process());
    return abi::PortCreate::Reply{TRY(give_handle(caller, *port, Rights::Receive | Rights::Duplicate | Rights::Transfer))};
}

template <>
Result<abi::PortBadge::Reply> on_syscall(Thread& caller, const abi::PortBadge& request) {
    Port* port = TRY(find_object<Port>(caller, request.port, Rights::Receive));
    if (request.credits == 0 || request.credits > 65535 || request.pages > abi::kMessagePagesMax) return fail(Error::InvalidArgument);
    Ref<Sender> sender = TRY(create_object<Sender>(caller.process().account(), *port, request.badge, static_cast<uint32_t>(request.credits),
                                                   static_cast<uint32_t>(request.pages)));
    return abi::PortBadge::Reply{TRY(give_handle(caller, *sender, Rights::Send | Rights::Duplicate | Rights::Transfer))};
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortSend&) {
    Sender* sender = TRY(sender_in_registers(caller));
    if (!abi::Header{caller.frame.registers.rsi}.has_pages()) return send(caller, *sender);
    return send(caller, *sender, pages_to_send(caller.frame.registers));
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortSendWait&) {
    const abi::Registers& r = caller.frame.registers;
    Sender* sender = TRY(sender_in_registers(caller));
    const Result<> sent = send(caller, *sender, pages_to_send(r));
    if (sent || sent.error() != Error::NoCredit || r.r13 == abi::kNow) return sent;
    caller.begin_wait(Thread::Wait::Credit, r.r13);
    sender->park(caller);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortCall&) {
    const abi::Registers& r = caller.frame.registers;
    const Message message = TRY(checked_message(r));
    Sender* sender = TRY(find_object<Sender>(caller, {r.rdi}, Rights::Send));
    const abi::Windows ranges = TRY(ranges_in_registers(r));
    [[clang::always_inline]] return call(caller, *sender, message, ranges, r.r13);
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortCallAsync&) {
    abi::Registers& r = caller.frame.registers;
    const Message message = TRY(checked_message(r));
    Sender* sender = TRY(find_object<Sender>(caller, {r.rdi}, Rights::Send));
    Port* reply_port = TRY(find_object<Port>(caller, {r.r14}, Rights::Receive));
    r.rdi = TRY(call_async(caller, *sender, message, *reply_port));
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortReceive&) {
    const abi::Registers& r = caller.frame.registers;
    return receive_from(caller, {r.rdi}, r.r13);
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortReply&) {
    const abi::Registers& r = caller.frame.registers;
    Message answer = TRY(checked_message(r));
    const PageRange pages = TRY(pages_in_registers(r, r.r14));
    [[clang::always_inline]] return reply(caller, r.rdi, answer, pages);
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortReplyReceive&) {
    const abi::Registers& r = caller.frame.registers;
    const abi::Handle handle{r.rdi};
    const uint64_t deadline_ns = r.r13;
    if (r.r14 != 0) {
        TRY(check_source(caller, handle));  // a bad handle must not cost the reply
        Message answer = TRY(checked_message(r));
        if (answer.header.has_pages()) return fail(Error::InvalidArgument);
        TRY(reply(caller, r.r14, answer));
    }
    return receive_from(caller, handle, deadline_ns);
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortForward&) {
    const abi::Registers& r = caller.frame.registers;
    const Message message = TRY(checked_message(r));
    Sender* sender = TRY(find_object<Sender>(caller, {r.rdi}, Rights::Send));
    return forward(caller, r.r14, *sender, message, TRY(pages_in_registers(r, r.r15)));
}

template <>
Result<abi::PortSendBatch::Reply> on_syscall(Thread& caller, const abi::PortSendBatch& call) {
    Sender* sender = TRY(find_object<Sender>(caller, call.handle, Rights::Send));
    if (call.count == 0 || call.count > abi::kBatchMax) return fail(Error::InvalidArgument);
    return abi::PortSendBatch::Reply{TRY(send_batch(caller, *sender, call.address, call.count))};
}

template <>
Result<abi::PortReceiveBatch::Reply> on_syscall(Thread& caller, const abi::PortReceiveBatch& call) {
    const auto receive = [&]() -> Result<uint64_t> {
        Port* port = TRY(find_object<Port>(caller, call.handle, Rights::Receive));
        if (call.count == 0 || call.count > abi::kBatchMax) return fail(Error::InvalidArgument);
        return receive_batch(caller, *port, call.address, call.count, call.deadline);
    };
    const Result<uint64_t> received = receive();
    caller.pass_task_on();
    return abi::PortReceiveBatch::Reply{TRY(received)};
}

template <>
Result<abi::SetCreate::Reply> on_syscall(Thread& caller, const abi::SetCreate&) {
    Ref<PortSet> set = TRY(create_object<PortSet>(caller.process().account()));
    return abi::SetCreate::Reply{TRY(give_handle(caller, *set, Rights::Receive | Rights::Duplicate | Rights::Transfer))};
}

template <>
Result<> on_syscall(Thread& caller, const abi::SetAdd& call) {
    PortSet* set = TRY(find_object<PortSet>(caller, call.set, Rights::Receive));
    return set->add(*TRY(find_object<Port>(caller, call.port, Rights::Receive)), call.key);
}

template <>
Result<> on_syscall(Thread& caller, const abi::SetRemove& call) {
    PortSet* set = TRY(find_object<PortSet>(caller, call.set, Rights::Receive));
    return set->remove(*TRY(find_object<Port>(caller, call.port, Rights::Receive)));
}

template <>
Result<> on_syscall(Thread& caller, const abi::CallCancel& call) {
    TRY(find_object<Port>(caller, call.reply_port, Rights::Receive));
    return cancel_async(caller.process(), call.id);
}

template <>
Result<> on_syscall(Thread& caller, const abi::PortNotify& call) {
    Sender* sender = TRY(find_object<Sender>(caller, call.handle, Rights::Send));
    if ((call.bits & abi::kNotifyKernelBits) != 0 || call.bits == 0) return fail(Error::InvalidArgument);
    if (!sender->notify(call.bits)) return fail(Error::PeerClosed);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::WindowRead& request) {
    const Call* call = TRY(lending_call(caller, request.id));
    const LentMemory lent = readable_memory(*call);
    if (request.offset > lent.bytes || request.length > lent.bytes - request.offset) return fail(Error::InvalidArgument);
    return copy_in_steps(caller, request.length, [&](uint64_t step) {
        return copy_between(caller.process().space(), request.address, call->caller->process().space(), lent.address + request.offset,
                            step);
    });
}

template <>
Result<> on_syscall(Thread& caller, const abi::WindowWrite& request) {
    const Call* call = TRY(lending_call(caller, request.id));
    const LentMemory lent = writable_memory(*call);
    if (request.offset > lent.bytes || request.length > lent.bytes - request.offset) return fail(Error::InvalidArgument);
    return copy_in_steps(caller, request.length, [&](uint64_t step) {
        return copy_between(call->caller->process().space(), lent.address + request.offset, caller.process().space(), request.address,
                            step);
    });
}

}  // namespace portico::kernel
