#include "kernel/ipc/fast_path.h"

#include "kernel/ipc/foreign_call.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"
#include "kernel/sched/switch.h"

namespace portico::kernel {
namespace {

constexpr uint64_t kHandlesOrPages = uint64_t{0x7F} << 16 | uint64_t{3} << 29;

/// What both sides keep in the same registers.
[[gnu::always_inline]] inline void copy_words(abi::Registers& to, const abi::Registers& from) {
    to.rdx = from.rdx;
    to.r10 = from.r10;
    to.r8 = from.r8;
    to.r9 = from.r9;
    to.r12 = from.r12;
}

/// Time goes on to be charged to whom it is: a call's to its caller.
[[gnu::always_inline]] inline void run(Cpu& cpu, Thread& thread) {
    cpu.running = &thread;
    thread.cpu = &cpu;
    thread.set_state(Thread::State::Running);
    switch_hardware(cpu, thread);
    cpu.frame.current = &thread.frame;
}

}  // namespace

/// Where a thread waits that can take a call of `caller` at once; null if there is none, or anything else is in the way.
[[gnu::always_inline]] inline MessageSource* FastPath::waited_at(const Cpu& cpu, const Thread& caller, Port& port) {
    MessageSource* source = port.waited_at();
    if (source == nullptr || caller.call_ == nullptr || !port.empty()) return nullptr;
    if (!source->first_receiver().fast_wakeable || caller.disturbed || cpu.resched) return nullptr;
    return source;
}

/// The caller's record, which has header, kind and windows, is taken by the first thread at `source`: all but the words is in the
/// registers that are returned.
[[gnu::always_inline]] inline abi::Registers& FastPath::hand_over(Thread& caller, Thread::Wait wait, MessageSource& source,
                                                                  Sender& sender) {
    Thread& receiver = source.first_receiver();
    Port& port = sender.port();
    Call& call = *caller.call_;
    call.message.id = call_ids.next();
    call.message.badge = sender.badge();
    call.state = Call::State::Taken;
    call.priority = caller.priority_;
    call.caller = &caller;
    call.port.fill(port);
    call.receiver = &receiver.process();
    call.receiver->calls().add(call);
    caller.wait_ = wait;
    caller.state_ = Thread::State::Blocked;
    caller.fast_wakeable = true;

    source.unpark(receiver);
    port.set_server(receiver);
    port.count_passed();
    receiver.priority_ = receiver.base_priority_ < caller.priority_ ? caller.priority_ : receiver.base_priority_;
    receiver.wait_ = Thread::Wait::None;
    abi::Registers& to = receiver.frame.registers;
    to.rax = 0;
    to.rdi = call.message.id;
    to.rsi = call.message.header.value;
    to.r13 = call.message.badge;
    to.rbx = call.windows.readable_bytes | uint64_t{call.windows.writable_bytes} << 32;
    return to;
}

bool FastPath::call(Cpu& cpu, Thread& caller) {
    const abi::Registers& r = caller.frame.registers;
    const abi::Header header{r.rsi};
    if ((header.value & kHandlesOrPages) != 0 || r.r13 != abi::kForever) return false;
    Sender* sender = caller.process().handles().get_or_null<Sender>({r.rdi}, Rights::Send);
    if (sender == nullptr) return false;
    Port& port = sender->port();
    MessageSource* source = waited_at(cpu, caller, port);
    if (source == nullptr) return false;

    Call& call = *caller.call_;
    call.windows.readable_bytes = call.windows.writable_bytes = 0;
    if (header.has_windows()) {
        const auto readable_bytes = static_cast<uint32_t>(r.rbx), writable_bytes = static_cast<uint32_t>(r.rbx >> 32);
        if (readable_bytes > abi::kWindowBytesMax || writable_bytes > abi::kWindowBytesMax) return false;
        call.windows = {r.r14, r.r15, readable_bytes, writable_bytes};
    }
    call.message.header = header.with_kind(MessageKind::Call);
    call.kind = MessageKind::Call;
    Thread& receiver = source->first_receiver();
    abi::Registers& to = hand_over(caller, Thread::Wait::Call, *source, *sender);
    copy_words(to, r);
    if (source != &port) to.r14 = port.key();
    run(cpu, receiver);
    return true;
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
    call.kind = MessageKind::ForeignCall;
    caller.report_due = false;
    const abi::Registers& r = caller.frame.registers;
    abi::Registers& to = hand_over(caller, Thread::Wait::Foreign, *source, *service);
    to.rdx = r.rdi;
    to.r10 = r.rsi;
    to.r8 = r.rdx;
    to.r9 = r.r10;
    to.r12 = r.r8;
    to.r14 = r.r9;
    run(cpu, receiver);
    return true;
}

bool FastPath::reply_receive(Cpu& cpu, Thread& server) {
    const abi::Registers& r = server.frame.registers;
    const abi::Header header{r.rsi};
    if ((header.value & kHandlesOrPages) != 0 || r.r13 != abi::kForever) return false;
    Process& process = server.process();
    Port* port = process.handles().get_or_null<Port>({r.rdi}, Rights::Receive);
    if (port == nullptr || !port->empty() || port->closed()) return false;
    Call* found = process.calls().find(r.r14);
    if (found == nullptr || found->caller == nullptr) return false;
    const bool foreign = found->kind == MessageKind::ForeignCall;
    if (!foreign && found->kind != MessageKind::Call) return false;
    Call& call = *found;
    Thread& caller = *call.caller;
    if (!caller.fast_wakeable || server.disturbed || cpu.resched) return false;
    if (!cpu.ready.empty() && cpu.ready.top_priority() > caller.priority_) return false;

    process.calls().remove(call);
    call.state = Call::State::Idle;
    call.receiver = nullptr;
    call.caller = nullptr;
    [[clang::always_inline]] call.port.release()->drop_reference();

    server.wait_ = Thread::Wait::Receive;
    server.state_ = Thread::State::Blocked;
    server.priority_ = server.base_priority_;
    port->park_fast(server);

    caller.wait_ = Thread::Wait::None;
    if (foreign) {
        answer_foreign_call(caller, header, r.rdx);
    } else {
        abi::Registers& to = caller.frame.registers;
        to.rax = 0;
        to.rdi = r.r14;
        to.rsi = header.with_kind(MessageKind::Reply).value;
        copy_words(to, r);
        to.r13 = 0;
    }
    if (cpu.charged != &caller) [[unlikely]]
        scheduler.charge_time(cpu, &caller);
    run(cpu, caller);
    return true;
}

}  // namespace portico::kernel
