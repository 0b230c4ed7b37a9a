#include "kernel/ipc/fast_path.h"

#include "kernel/ipc/foreign_call.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"
#include "kernel/object/process.h"
#include "kernel/sched/scheduler.h"

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

}  // namespace

/// Where a thread waits that can take a call of `caller` at once; null if there is none, or anything else is in the way.
[[gnu::always_inline]] inline MessageSource* FastPath::waited_at(const Cpu& cpu, const Thread& caller, Port& port) {
    MessageSource* source = port.waited_at();
    if (source == nullptr || caller.call_ == nullptr) return nullptr;
    const Thread& receiver = source->first_receiver();
    if (receiver.wait_ != Thread::Wait::Receive || receiver.has_deadline() || receiver.process().suspended()) return nullptr;
    if (cpu.resched || caller.alerted_) return nullptr;
    return source;
}

/// The caller's record, which has header, kind and windows, is taken by the first thread at `source`: all but the words is in the
/// registers that are returned.
[[gnu::always_inline]] inline abi::Registers& FastPath::hand_over(Thread& caller, Thread::Wait wait, MessageSource& source,
                                                                  Sender& sender) {
    Thread& receiver = source.first_receiver();
    Port& port = sender.port();
    Call& call = *caller.call_;
    ASSERT(call.state == Call::State::Idle);
    call.message.id = next_call_id();
    call.message.badge = sender.badge();
    call.state = Call::State::Taken;
    call.priority = caller.priority_;
    call.caller = &caller;
    call.port = Ref<Port>(port);
    call.receiver = &receiver.process();
    call.receiver->calls().add(call);
    caller.wait_ = wait;
    caller.state_ = Thread::State::Blocked;

    source.unpark(receiver);
    port.set_server(receiver);
    if (receiver.priority_ < caller.priority_) receiver.priority_ = caller.priority_;
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
    const auto sender = caller.process().handles().get<Sender>({r.rdi}, Rights::Send);
    if (!sender) return false;
    Port& port = (*sender)->port();
    MessageSource* source = waited_at(cpu, caller, port);
    if (source == nullptr) return false;

    abi::Windows windows{};
    if (header.has_windows()) {
        windows = {r.r14, r.r15, static_cast<uint32_t>(r.rbx), static_cast<uint32_t>(r.rbx >> 32)};
        if (windows.readable_bytes > abi::kWindowBytesMax || windows.writable_bytes > abi::kWindowBytesMax) return false;
    }
    Thread& receiver = source->first_receiver();
    Call& call = *caller.call_;
    call.message.header = header.with_kind(MessageKind::Call);
    call.windows = windows;
    call.kind = MessageKind::Call;
    abi::Registers& to = hand_over(caller, Thread::Wait::Call, *source, **sender);
    copy_words(to, r);
    if (source != &port) to.r14 = port.key();
    scheduler.switch_to(cpu, receiver);
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
    scheduler.switch_to(cpu, receiver);
    return true;
}

bool FastPath::reply_receive(Cpu& cpu, Thread& server) {
    const abi::Registers& r = server.frame.registers;
    const abi::Header header{r.rsi};
    if ((header.value & kHandlesOrPages) != 0 || r.r13 != abi::kForever) return false;
    Process& process = server.process();
    const auto port = process.handles().get<Port>({r.rdi}, Rights::Receive);
    if (!port || !(*port)->empty() || (*port)->closed()) return false;
    Call* found = process.calls().find(r.r14);
    if (found == nullptr || found->caller == nullptr) return false;
    const bool foreign = found->kind == MessageKind::ForeignCall;
    if (!foreign && found->kind != MessageKind::Call) return false;
    Call& call = *found;
    Thread& caller = *call.caller;
    if (caller.has_deadline() || caller.process().suspended() || server.alerted_ || cpu.resched) return false;
    if (!cpu.ready.empty() && cpu.ready.top_priority() > caller.priority_) return false;

    process.calls().remove(call);
    const uint64_t id = call.message.id;
    call.state = Call::State::Idle;
    call.receiver = nullptr;
    call.caller = nullptr;
    call.port = nullptr;

    server.wait_ = Thread::Wait::Receive;
    server.state_ = Thread::State::Blocked;
    server.priority_ = server.base_priority_;
    (*port)->park(server);

    caller.wait_ = Thread::Wait::None;
    if (foreign) {
        answer_foreign_call(caller, header, r.rdx);
    } else {
        abi::Registers& to = caller.frame.registers;
        to.rax = 0;
        to.rdi = id;
        to.rsi = header.with_kind(MessageKind::Reply).value;
        copy_words(to, r);
        to.r13 = 0;
    }
    scheduler.switch_to(cpu, caller);
    return true;
}

}  // namespace portico::kernel
