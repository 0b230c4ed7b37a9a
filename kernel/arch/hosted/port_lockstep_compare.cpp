#include <cstring>

#include "kernel/arch/hosted/port_lockstep.h"

/// How machine and model are compared.
namespace portico::kernel::hosted {

static std::string text(const char* format, auto... values) {
    char buffer[200];
    std::snprintf(buffer, sizeof(buffer), format, values...);
    return buffer;
}

void PortLockstep::disagree(const std::string& what) {
    if (disagreement_.empty() && !what.empty()) disagreement_ = what;
}

bool PortLockstep::can_act(const model::Thread& thread) const {
    return thread.state == model::Thread::State::Ready && !thread.process->dead && !thread.process->suspended;
}

void PortLockstep::start(model::Thread* actor, std::string what) {
    if (actor != nullptr) what = text("thread %u of process %u: ", actor->number, actor->process->number) + what;
    history_.push_back(std::move(what));
    model.begin();
    if (actor == nullptr) return;
    machine_.switch_to(real(*actor));
    model.enter(*actor);
    if (real(*actor).in_upcall() != actor->in_upcall)
        disagree(text("thread %u is %s an upcall", actor->number, actor->in_upcall ? "not in" : "in"));
    threads_.at(actor).before = real(*actor).frame.registers;
}

/// What those were told who were told something, for people to read.
void PortLockstep::record(const model::Thread& thread) {
    const std::optional<model::Observed> observed = observe(thread);
    if (!observed) return;
    const abi::Message& message = observed->message;
    std::string& line = history_.back();
    line += text("\n        thread %u: %s", thread.number, abi::name_of(observed->error).data());
    if (observed->error == Error::None)
        line += text(", kind %u, id %lx, badge %lx, words %lx %lx %lx %lx %lx", static_cast<unsigned>(message.header.kind()), message.id,
                     message.badge, message.word[0], message.word[1], message.word[2], message.word[3], message.word[4]);
}

/// What the operation brought about; then deadlines that have passed already.
void PortLockstep::finish(model::Thread* actor) {
    const auto look = [this](const model::Thread& thread) { return observe(thread); };
    if (disagreement_.empty()) disagree(model.settle(look));
    machine_.advance(0);
    model.expire(now_ns());
    if (disagreement_.empty()) disagree(model.settle(look));
    for (const model::Thread& thread : model.threads) {
        const bool was_woken = thread.state != model::Thread::State::Ready && !machine_.waits(real(thread));
        if (&thread == actor || was_woken || model.was_told(thread)) record(thread);
    }
    if (disagreement_.empty()) compare_threads(actor);
    if (disagreement_.empty()) compare_processes();
    if (disagreement_.empty()) follow_upcalls();
}

/// A thread takes an alert when it next runs, which is the scheduler's business; only then can another one pend.
void PortLockstep::follow_upcalls() {
    for (model::Thread& thread : model.threads) {
        const Thread& own = real(thread);
        if (own.state() == Thread::State::Dead || own.in_upcall() == thread.in_upcall) continue;
        if (thread.state == model::Thread::State::Ready) model.enter(thread);
        if (own.in_upcall() != thread.in_upcall)
            return disagree(text("thread %u is %s an upcall", thread.number, thread.in_upcall ? "not in" : "in"));
        threads_.at(&thread).before = own.frame.registers;
    }
}

/// As the thread's last system call left them, also if an upcall has interrupted it since.
const abi::Registers& PortLockstep::registers_of(const model::Thread& thread) {
    const Thread& own = real(thread);
    return own.in_upcall() && !thread.in_upcall ? own.upcall()->registers : own.frame.registers;
}

bool PortLockstep::check_error(const model::Thread& thread, const model::Refusals& refusals) {
    const Thread& own = real(thread);
    if (machine_.waits(own)) {
        disagree(refusals.empty() ? "a call that never waits does" : "a call that is to be refused waits");
        return false;
    }
    if (own.state() == Thread::State::Dead) return false;
    const Error error = static_cast<Error>(registers_of(thread).rax);
    if (refusals.empty() ? error == Error::None : refusals.contains(error)) return true;
    const Error wanted = refusals.empty() ? Error::None : *refusals.begin();
    disagree(
        text("result %s, not %s%s", abi::name_of(error).data(), abi::name_of(wanted).data(), refusals.size() > 1 ? " or another" : ""));
    return false;
}

std::optional<model::Observed> PortLockstep::observe(const model::Thread& thread) {
    const Thread& own = real(thread);
    if (machine_.waits(own) || own.state() == Thread::State::Dead) return std::nullopt;
    const abi::Registers& r = registers_of(thread);
    model::Observed observed{.error = static_cast<Error>(r.rax),
                             .message = {.id = r.rdi, .badge = r.r13, .header = {r.rsi}, .word = {r.rdx, r.r10, r.r8, r.r9, r.r12}}};
    if (observed.message.header.kind() == abi::MessageKind::Reply && observed.message.badge == 0 &&
        r.rbx == threads_.at(&thread).before.rbx)
        return observed;  // the answer to a blocking call, which keeps rbx
    observed.readable_bytes = static_cast<uint32_t>(r.rbx);
    observed.writable_bytes = static_cast<uint32_t>(r.rbx >> 32);
    return observed;
}

void PortLockstep::compare_threads(const model::Thread* actor) {
    for (const model::Thread& thread : model.threads) {
        const Thread& own = real(thread);
        const bool dead = thread.state == model::Thread::State::Dead;
        if ((own.state() == Thread::State::Dead) != dead) return disagree(text("thread %u is %s", thread.number, dead ? "alive" : "dead"));
        if (dead) continue;
        const bool waits = thread.state != model::Thread::State::Ready;
        if (machine_.waits(own) != waits)
            return disagree(text("thread %u of process %u %s; the model's state of it is %u", thread.number, thread.process->number,
                                 waits ? "does not wait" : "waits", static_cast<unsigned>(thread.state)));
        compare_registers(thread, &thread == actor);
    }
}

/// Nobody's registers change but of those that were told something, and of theirs only those that tell it.
void PortLockstep::compare_registers(const model::Thread& thread, bool is_actor) {
    abi::Registers& before = threads_.at(&thread).before;
    const abi::Registers& now = registers_of(thread);
    abi::Registers expected = now;
    if (!is_actor && !model.was_told(thread)) expected = before;
    expected.rbp = before.rbp, expected.rsp = before.rsp, expected.r14 = before.r14, expected.r15 = before.r15;
    if (std::memcmp(&now, &expected, sizeof(now)) != 0) disagree(text("registers of thread %u have changed", thread.number));
    before = now;
}

void PortLockstep::compare_processes() {
    for (const model::Process& process : model.processes) {
        Process& own = *processes_.at(&process).process;
        if ((own.state() == abi::ProcessState::Exited) != process.dead)
            return disagree(text("process %u has ended, or not", process.number));
        if (own.handles().count() != process.handles.size())
            return disagree(text("process %u has %u handles, not %zu", process.number, own.handles().count(), process.handles.size()));
    }
}

void PortLockstep::compare_buffer(const model::Process& process) {
    Process& own = *processes_.at(&process).process;
    if (!disagreement_.empty() || process.dead) return;
    std::array<uint8_t, model::Process::kBufferBytes> bytes;
    const bool read = machine_.in_kernel([&] { return own.space().copy_in(bytes.data(), 0x4000'0000, bytes.size()).has_value(); });
    if (!read || bytes != process.buffer) disagree(text("the memory of process %u differs", process.number));
}

}  // namespace portico::kernel::hosted
