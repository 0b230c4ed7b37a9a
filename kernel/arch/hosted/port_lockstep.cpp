#include "kernel/arch/hosted/port_lockstep.h"

#include <cstring>

/// The operations, each on the machine and on the model. How they are compared is in port_lockstep_compare.cpp.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kBufferAt = 0x4000'0000;
constexpr uint64_t kNowhere = 0x7000'0000;
constexpr uint64_t kUpcallEntry = 0x2000'0000;

std::string text(const char* format, auto... values) {
    char buffer[300];
    std::snprintf(buffer, sizeof(buffer), format, values...);
    return buffer;
}

std::string text_of(const model::Sending& s) {
    return text("handle %lx, header %lx, words %lx %lx %lx %lx %lx, windows %lx+%lx %lx+%lx, deadline %ld", s.sender.value, s.header.value,
                s.word[0], s.word[1], s.word[2], s.word[3], s.word[4], s.readable_at, s.readable_bytes, s.writable_at, s.writable_bytes,
                static_cast<int64_t>(s.deadline_ns));
}

abi::MessageRegisters registers_for(const model::Sending& s, uint64_t handle_or_id) {
    abi::MessageRegisters r{.handle_or_id = handle_or_id, .header = s.header, .deadline_or_badge = s.deadline_ns};
    std::copy(s.word.begin(), s.word.end(), r.word);
    r.r14 = kBufferAt + s.readable_at;
    r.r15 = kBufferAt + s.writable_at;
    r.rbx = s.readable_bytes | s.writable_bytes << 32;
    return r;
}

}  // namespace

// ---- who there is

PortLockstep::RealProcess& PortLockstep::remember(model::Process& process, Process& real) {
    const Handle handle = machine_.in_kernel([&] { return *keeper_->process().handles().add(Capability(real, Rights::All)); });
    return processes_[&process] = {&real, handle};
}

model::Process& PortLockstep::add_process(model::Thread* supervising, Handle supervisor, bool takes_upcalls) {
    model::Sender* model_supervisor = nullptr;
    Ref<Sender> real_supervisor;
    if (supervising != nullptr) {
        model_supervisor = static_cast<model::Sender*>(model.find(*supervising->process, supervisor)->object);
        real_supervisor =
            machine_.in_kernel([&] { return Ref<Sender>(**real(*supervising).process().handles().get<Sender>(supervisor, Rights::None)); });
    }
    model::Process& process = model.add_process(model_supervisor, takes_upcalls);
    Process& made = machine_.make_process(std::move(real_supervisor));
    if (takes_upcalls) made.upcall_entry = kUpcallEntry;
    remember(process, made);
    for (uint8_t& byte : process.buffer) byte = static_cast<uint8_t>(random_());
    model::Thread& thread = add_thread(process);
    machine_.scratch(real(thread));
    machine_.call(real(thread), abi::SpaceMap{.space = abi::kSelfSpace,
                                              .address = kBufferAt,
                                              .length = abi::kPageBytes,
                                              .flags = static_cast<uint64_t>(MapFlags::Fixed | Access::ReadWrite)});
    machine_.access(real(thread), kBufferAt, process.buffer.data(), process.buffer.size(), Access::Write);
    threads_.at(&thread).before = real(thread).frame.registers;
    return process;
}

model::Thread& PortLockstep::add_thread(model::Process& process) {
    model::Thread& thread = model.add_thread(process);
    Thread& made = machine_.make_thread(*processes_.at(&process).process);
    made.frame.registers.rbp = random_();
    made.frame.registers.rsp = random_() % abi::kUserAddressMax;
    const Handle handle = machine_.in_kernel([&] { return *keeper_->process().handles().add(Capability(made, Rights::All)); });
    threads_[&thread] = {&made, handle, made.frame.registers};
    return thread;
}

// ---- handles

template <class Call>
std::optional<ReplyOf<Call>> PortLockstep::make(model::Thread& thread, const Call& call, const model::Refusals& refusals) {
    machine_.start(real(thread), call);
    if (!check_error(thread, refusals) || !refusals.empty()) return std::nullopt;
    const abi::Registers& r = registers_of(thread);
    return abi::from_arguments<ReplyOf<Call>>({r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9});
}

void PortLockstep::close(model::Thread& thread, Handle handle) {
    start(&thread, text("handle_close %lx", handle.value));
    machine_.start(real(thread), abi::HandleClose{handle});
    check_error(thread, model.close(thread, handle));
    finish(&thread);
}

void PortLockstep::duplicate(model::Thread& thread, Handle handle, Rights keep) {
    start(&thread, text("handle_duplicate %lx, rights %x", handle.value, static_cast<unsigned>(keep)));
    model::Capability made;
    const model::Refusals refusals = model.duplicate(thread, handle, keep, made);
    const auto reply = make(thread, abi::HandleDuplicate{handle, static_cast<uint64_t>(keep)}, refusals);
    if (reply) disagree(model.give(*thread.process, reply->handle.value, made));
    finish(&thread);
}

void PortLockstep::create_port(model::Thread& thread) {
    start(&thread, "port_create");
    if (const auto reply = make(thread, abi::PortCreate{}, {}))
        disagree(model.give(*thread.process, reply->port.value, model.create_port()));
    finish(&thread);
}

void PortLockstep::create_token(model::Thread& thread) {
    start(&thread, "memory_create");
    const uint64_t size_bytes = ++tokens_ * abi::kPageBytes;
    if (const auto reply = make(thread, abi::MemoryCreate{size_bytes}, {}))
        disagree(model.give(*thread.process, reply->memory.value, model.create_token(size_bytes)));
    finish(&thread);
}

void PortLockstep::look_at_token(model::Thread& thread, Handle handle) {
    start(&thread, text("memory_query %lx", handle.value));
    const auto info = machine_.query<abi::MemoryInfo>(real(thread), abi::MemoryQuery{handle, 0});
    const auto& token = static_cast<const model::Token&>(*model.find(*thread.process, handle)->object);
    if (!info || info->size_bytes != token.size_bytes) disagree("a handle names another object than it should");
    threads_.at(&thread).before = registers_of(thread);
    finish(nullptr);
}

void PortLockstep::badge(model::Thread& thread, Handle port, uint64_t badge, uint64_t credits) {
    start(&thread, text("port_badge %lx, badge %lx, credits %lu", port.value, badge, credits));
    model::Capability made;
    const model::Refusals refusals = model.badge(thread, port, badge, credits, made);
    const auto reply = make(thread, abi::PortBadge{port, badge, credits}, refusals);
    if (reply) disagree(model.give(*thread.process, reply->sender.value, made));
    finish(&thread);
}

// ---- messages

template <class Call>
bool PortLockstep::make_message(model::Thread& thread, const abi::MessageRegisters& r, const model::Refusals& refusals) {
    abi::Registers& loaded = real(thread).frame.registers;
    loaded.r14 = r.r14, loaded.r15 = r.r15, loaded.rbx = r.rbx;
    threads_.at(&thread).before = loaded;
    machine_.start_message<Call>(real(thread), r);
    return refusals.empty() || check_error(thread, refusals);
}

void PortLockstep::send(model::Thread& thread, const model::Sending& sending) {
    start(&thread, "port_send " + text_of(sending));
    const model::Refusals refusals = model.send(thread, sending);
    make_message<abi::PortSend>(thread, registers_for(sending, sending.sender.value), refusals);
    if (refusals.empty()) check_error(thread, {});
    finish(&thread);
}

void PortLockstep::call(model::Thread& thread, const model::Sending& sending) {
    start(&thread, "port_call " + text_of(sending));
    const model::Capability* sender = model.find(*thread.process, sending.sender);
    const model::Thread* receiver = nullptr;
    if (sender != nullptr && sender->object->kind == model::Object::Kind::Sender) {
        const model::Port& port = *static_cast<const model::Sender*>(sender->object)->port;
        if (!port.waiters.empty()) receiver = port.waiters.front();
    }
    const model::Refusals refusals = model.call(thread, sending);
    make_message<abi::PortCall>(thread, registers_for(sending, sending.sender.value), refusals);
    if (refusals.empty() && receiver != nullptr && !receiver->process->suspended && machine_.running() != &real(*receiver))
        disagree("the receiver that waited does not run next");
    finish(&thread);
}

void PortLockstep::call_async(model::Thread& thread, const model::Sending& sending, Handle reply_port) {
    start(&thread, "port_call_async " + text_of(sending) + text(", reply port %lx", reply_port.value));
    model::Call* made = nullptr;
    const model::Refusals refusals = model.call_async(thread, sending, reply_port, made);
    abi::MessageRegisters r = registers_for(sending, sending.sender.value);
    r.r14 = reply_port.value;
    make_message<abi::PortCallAsync>(thread, r, refusals);
    if (made != nullptr && check_error(thread, {})) disagree(model.learn_id(*made, registers_of(thread).rdi));
    finish(&thread);
}

void PortLockstep::cancel(model::Thread& thread, Handle reply_port, uint64_t id) {
    start(&thread, text("call_cancel %lx, reply port %lx", id, reply_port.value));
    machine_.start(real(thread), abi::CallCancel{reply_port, id});
    check_error(thread, model.cancel(thread, reply_port, id));
    finish(&thread);
}

void PortLockstep::reply(model::Thread& thread, uint64_t id, const model::Sending& answer) {
    start(&thread, text("port_reply %lx, ", id) + text_of(answer));
    const model::Refusals refusals = model.reply(thread, id, answer);
    make_message<abi::PortReply>(thread, registers_for(answer, id), refusals);
    if (refusals.empty()) check_error(thread, {});
    finish(&thread);
}

void PortLockstep::receive(model::Thread& thread, Handle port, uint64_t deadline_ns) {
    start(&thread, text("port_receive %lx, deadline %ld", port.value, static_cast<int64_t>(deadline_ns)));
    const model::Refusals refusals = model.receive(thread, port, deadline_ns);
    make_message<abi::PortReceive>(thread, {.handle_or_id = port.value, .deadline_or_badge = deadline_ns}, refusals);
    finish(&thread);
}

void PortLockstep::reply_receive(model::Thread& thread, Handle port, uint64_t id, const model::Sending& answer, uint64_t deadline_ns) {
    start(&thread, text("port_reply_receive %lx, port %lx, ", id, port.value) + text_of(answer));
    const model::Refusals refusals = model.reply_receive(thread, port, id, answer, deadline_ns);
    abi::MessageRegisters r = registers_for(answer, port.value);
    r.r14 = id;
    r.deadline_or_badge = deadline_ns;
    make_message<abi::PortReplyReceive>(thread, r, refusals);
    finish(&thread);
}

void PortLockstep::notify(model::Thread& thread, Handle sender, uint64_t bits) {
    start(&thread, text("port_notify %lx, bits %lx", sender.value, bits));
    machine_.start(real(thread), abi::PortNotify{sender, bits});
    check_error(thread, model.notify(thread, sender, bits));
    finish(&thread);
}

// ---- windows

void PortLockstep::window_read(model::Thread& thread, uint64_t id, uint64_t offset, uint64_t to, uint64_t length) {
    start(&thread, text("window_read %lx, offset %lx, to %lx, length %lx", id, offset, to, length));
    machine_.start(real(thread), abi::WindowRead{id, offset, kBufferAt + to, length});
    check_error(thread, model.window_read(thread, id, offset, to, length));
    compare_buffer(*thread.process);
    finish(&thread);
}

void PortLockstep::window_write(model::Thread& thread, uint64_t id, uint64_t offset, uint64_t from, uint64_t length) {
    start(&thread, text("window_write %lx, offset %lx, from %lx, length %lx", id, offset, from, length));
    machine_.start(real(thread), abi::WindowWrite{id, offset, kBufferAt + from, length});
    check_error(thread, model.window_write(thread, id, offset, from, length));
    for (const model::Process& process : model.processes) compare_buffer(process);
    finish(&thread);
}

// ---- threads

void PortLockstep::sleep(model::Thread& thread, uint64_t deadline_ns) {
    start(&thread, text("thread_sleep until %ld", static_cast<int64_t>(deadline_ns)));
    model.sleep(thread, deadline_ns);
    machine_.start(real(thread), abi::ThreadSleep{deadline_ns});
    finish(&thread);
}

void PortLockstep::fault(model::Thread& thread) {
    start(&thread, "touches what is not there");
    const abi::Registers& r = real(thread).frame.registers;
    const uint64_t kind_and_access = static_cast<uint64_t>(abi::FaultKind::Page) | uint64_t{static_cast<uint32_t>(Access::Write)} << 32;
    model.fault(thread, {kind_and_access, kNowhere, r.rip, r.rsp, 0});
    machine_.write<uint64_t>(real(thread), kNowhere, 1);
    finish(&thread);
}

void PortLockstep::end_upcall(model::Thread& thread) {
    start(&thread, "upcall_return");
    const abi::Registers saved = real(thread).upcall()->registers;
    machine_.start(real(thread), abi::UpcallReturn{machine_.put(real(thread), saved)});
    model.end_upcall(thread);
    if (std::memcmp(&registers_of(thread), &saved, sizeof(saved)) != 0) disagree("an upcall did not return to where it came from");
    threads_.at(&thread).before = saved;
    finish(nullptr);
}

void PortLockstep::exit(model::Thread& thread) {
    start(&thread, "thread_exit");
    model.exit(thread);
    machine_.start(real(thread), abi::ThreadExit{});
    finish(&thread);
}

void PortLockstep::alert(model::Thread& thread) {
    start(nullptr, text("alert thread %u", thread.number));
    const model::Refusals refusals = model.alert(thread);
    const auto result = machine_.call(*keeper_, abi::ThreadAlert{threads_.at(&thread).handle});
    if (result.has_value() != refusals.empty()) disagree("thread_alert");
    finish(nullptr);
}

void PortLockstep::kill(model::Process& process) {
    start(nullptr, text("kill process %u", process.number));
    model.kill(process);
    machine_.call(*keeper_, abi::ProcessKill{processes_.at(&process).handle, 1});
    finish(nullptr);
}

model::Process& PortLockstep::clone(model::Process& process) {
    start(nullptr, text("clone process %u", process.number));
    model::Process& child = model.clone(process);
    const auto made = machine_.call(*keeper_, abi::ProcessClone{processes_.at(&process).handle, {}, 0});
    remember(child, machine_.adopt_process(*keeper_, made->process));
    machine_.call(*keeper_, abi::HandleClose{made->process});
    add_thread(child);
    finish(nullptr);
    return child;
}

void PortLockstep::suspend(model::Process& process) {
    start(nullptr, text("suspend process %u", process.number));
    process.suspended = true;
    machine_.call(*keeper_, abi::ProcessSuspend{processes_.at(&process).handle});
    finish(nullptr);
}

void PortLockstep::resume(model::Process& process) {
    start(nullptr, text("resume process %u", process.number));
    process.suspended = false;
    machine_.call(*keeper_, abi::ProcessResume{processes_.at(&process).handle});
    finish(nullptr);
}

/// From one deadline to the next, so that what happens at different times happens in order.
void PortLockstep::advance(uint64_t by_ns) {
    const uint64_t target = now_ns() + by_ns;
    for (bool more = true; more && disagreement_.empty();) {
        const uint64_t next = std::min(target, model.next_deadline());
        more = next < target;
        start(nullptr, text("time goes on to %lu", next));
        machine_.advance(next - now_ns());
        finish(nullptr);
    }
}

}  // namespace portico::kernel::hosted
