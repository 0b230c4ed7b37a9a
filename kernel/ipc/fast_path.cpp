#include "kernel/ipc/fast_path.h"

#include "kernel/ipc/foreign_call.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sched/switch.h"

namespace portico::kernel {
/// Where a thread waits that can take a call of `caller` at once; null if there is none, or anything else is in the way.
[[gnu::always_inline]] inline MessageSource* FastPath::waited_at(const Cpu& cpu, const Thread& caller, Port& port) {
    MessageSource* source = port.waited_at();
    if (source == nullptr || caller.call_ == nullptr || port.queued() != 0) return nullptr;
    if (!source->first_receiver().fast_wakeable || caller.disturbed || cpu.resched) return nullptr;
    return source;
}

/// The caller's record, which has header, kind and windows, is taken by the first thread at `source`.
[[gnu::always_inline]] inline void FastPath::hand_over(Thread& caller, Thread::Wait wait, MessageSource& source, Sender& sender) {
    Thread& receiver = source.first_receiver();
    Port& port = sender.port();
    Call& call = *caller.call_;
    call.message.id = call_ids.next();
    call.message.badge = sender.badge();
    call.priority = caller.priority_;
    call.caller = &caller;
    call.port.fill(port);
    call.receiver = &receiver.process();
    call.receiver->calls().add(call);
    set_standing(caller, Thread::State::Blocked, wait, true);

    source.unlink_receiver(receiver);
    set_standing(receiver, Thread::State::Running, Thread::Wait::None, false);
    port.set_server(receiver);
    port.count_passed();
    receiver.priority_ = receiver.base_priority_ < caller.priority_ ? caller.priority_ : receiver.base_priority_;
}

/// Time goes on to be charged to whom it is: a call's to its caller. The hardware holds the state of the thread that entered.
[[gnu::always_inline]] inline void FastPath::run(Cpu& cpu, Thread& from, Thread& thread) {
    cpu.running = &thread;
    thread.cpu = &cpu;
    save_hardware(from);
    load_hardware(cpu, thread);
    [[clang::always_inline]] arch::load_fs_base(thread.frame);
    cpu.frame.current = &thread.frame;
}

Thread* FastPath::call(Cpu& cpu, Thread& caller, Head& head) {
    if ((head.header.value & kHandlesOrPages) != 0 || head.deadline_or_badge != abi::kForever) return nullptr;
    Sender* sender = caller.process().handles().get_or_null<Sender>({head.handle_or_id}, Rights::Send);
    if (sender == nullptr) return nullptr;
    Port& port = sender->port();
    MessageSource* source = waited_at(cpu, caller, port);
    if (source == nullptr) return nullptr;

    Call& call = *caller.call_;
    uint64_t lengths = 0;
    if (head.header.has_windows()) {
        const abi::Registers& r = caller.frame.registers;
        const auto readable_bytes = static_cast<uint32_t>(r.rbx), writable_bytes = static_cast<uint32_t>(r.rbx >> 32);
        if (readable_bytes > abi::kWindowBytesMax || writable_bytes > abi::kWindowBytesMax) return nullptr;
        call.windows = {r.r14, r.r15, readable_bytes, writable_bytes};
        lengths = r.rbx;
    } else {
        call.windows.readable_bytes = call.windows.writable_bytes = 0;
    }
    head.header = head.header.with_kind(MessageKind::Call);
    call.message.header = head.header;
    call.state = Call::State::Taken;
    call.kind = MessageKind::Call;
    Thread& receiver = source->first_receiver();
    hand_over(caller, Thread::Wait::Call, *source, *sender);
    receiver.frame.registers.rbx = lengths;
    if (source != &port) receiver.frame.registers.r14 = port.key();
    head.handle_or_id = call.message.id;
    head.deadline_or_badge = sender->badge();
    run(cpu, caller, receiver);
    return &receiver;
}

bool FastPath::foreign_call(Cpu& cpu, Thread& caller) {
    Sender* service = caller.process().service();
    if (service == nullptr || caller.doomed || caller.passes_service) return false;
    MessageSource* source = waited_at(cpu, caller, service->port());
    if (source == nullptr) return false;

    Thread& receiver = source->first_receiver();
    Call& call = *caller.call_;
    call.message.header = foreign_call_header(caller);
    call.windows = {};
    call.state = Call::State::Taken;
    call.kind = MessageKind::ForeignCall;
    caller.report_due = false;
    hand_over(caller, Thread::Wait::Foreign, *source, *service);
    const abi::Registers& r = caller.frame.registers;
    abi::Registers& to = receiver.frame.registers;
    to.rax = 0;
    to.rdi = call.message.id;
    to.rsi = call.message.header.value;
    to.r13 = call.message.badge;
    to.rbx = 0;
    to.rdx = r.rdi;
    to.r10 = r.rsi;
    to.r8 = r.rdx;
    to.r9 = r.r10;
    to.r12 = r.r8;
    to.r14 = r.r9;
    run(cpu, caller, receiver);
    arch::load_user_bases(receiver.frame);
    return true;
}

Thread* FastPath::reply_receive(Cpu& cpu, Thread& server, Head& head, bool& in_frame) {
    if ((head.header.value & kHandlesOrPages) != 0 || head.deadline_or_badge != abi::kForever) return nullptr;
    Process& process = server.process();
    Port* port = process.handles().get_or_null<Port>({head.handle_or_id}, Rights::Receive);
    if (port == nullptr || port->queued() != 0 || port->closed()) return nullptr;
    const uint64_t id = server.frame.registers.r14;
    Call* found = process.calls().find(id);
    if (found == nullptr || found->caller == nullptr) return nullptr;
    in_frame = found->kind == MessageKind::ForeignCall;
    if (!in_frame && found->kind != MessageKind::Call) return nullptr;
    Call& call = *found;
    Thread& caller = *call.caller;
    if (!caller.fast_wakeable || server.disturbed || cpu.resched) return nullptr;
    if (!cpu.ready.empty() && cpu.ready.top_priority() > caller.priority_) return nullptr;

    process.calls().remove(call);
    call.state = Call::State::Idle;
    call.receiver = nullptr;
    call.caller = nullptr;
    [[clang::always_inline]] call.port.release()->drop_reference();

    set_standing(server, Thread::State::Blocked, Thread::Wait::Receive, true);
    server.priority_ = server.base_priority_;
    port->link_receiver(server);

    set_standing(caller, Thread::State::Running, Thread::Wait::None, false);
    if (cpu.charged != &caller) [[unlikely]]
        scheduler.charge_time(cpu, &caller);
    if (in_frame) [[unlikely]] {
        answer_foreign_call(caller, head.header, server.frame.registers.rdx);
    } else {
        head.header = head.header.with_kind(MessageKind::Reply);
        head.handle_or_id = id;
        head.deadline_or_badge = 0;
    }
    run(cpu, server, caller);
    return &caller;
}

}  // namespace portico::kernel
