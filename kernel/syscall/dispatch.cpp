#include "kernel/ipc/fast_path.h"
#include "kernel/ipc/foreign_call.h"
#include "kernel/ipc/ipc.h"
#include "kernel/irq/interrupt.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/reclaim.h"
#include "kernel/memory/swap.h"
#include "kernel/sched/kernel_lock.h"
#include "kernel/syscall/handlers.h"

namespace portico::kernel {
namespace {

/// Every entry from user mode: lock, act, choose who runs.
template <class Act>
void enter(Cpu& cpu, Act act) {
    kernel_lock.lock();
    act();
    scheduler.leave(cpu);
    kernel_lock.unlock();
}

void set_arguments(abi::Registers& r, const abi::Arguments& values, size_t count) {
    uint64_t* const registers[] = {&r.rdi, &r.rsi, &r.rdx, &r.r10, &r.r8, &r.r9};
    for (size_t i = 0; i < count; ++i) *registers[i] = values[i];
}

/// The thread got no memory. True: for want of frames, and it tries again, at once or when there is one.
bool waits_for_room(Thread& thread, abi::Access access, uint64_t address, Thread::MissingPage::Then then) {
    const std::optional<uint64_t> kept_free_pages = frames.take_refused();
    if (!kept_free_pages) return false;
    const Reclaimer::Room room = reclaimer.make_room(*kept_free_pages);
    if (room == Reclaimer::Room::Coming) reclaimer.wait(thread, *kept_free_pages, access, address, then);
    return room != Reclaimer::Room::None;
}

template <class Call>
void run_call(Thread& caller) {
    abi::Registers& r = caller.frame.registers;
    Call call{};
    if constexpr (!abi::kUsesMessageRegisters<Call>) call = abi::from_arguments<Call>({r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9});
    const auto result = on_syscall(caller, call);
    if (!result) {
        // A failed call never waits: whatever it started it has undone. So it can be made again when a page is there that it misses.
        if (result.error() == kPageAbsent) [[unlikely]]
            return Paging::wait(caller, arch::this_cpu().absent, 0, Thread::MissingPage::Then::RepeatCall);
        // So too when a program has no memory; but not for messages, of which a part may be done.
        if (!abi::kUsesMessageRegisters<Call> && result.error() == Error::NoMemory && SwapSpace::current != nullptr) [[unlikely]] {
            if (waits_for_room(caller, abi::Access::None, 0, Thread::MissingPage::Then::RepeatCall)) {
                if (caller.state() == Thread::State::Running) r.rip -= 2;
                return;
            }
        }
        r.rax = static_cast<uint64_t>(result.error());
        return;
    }
    if (caller.state() != Thread::State::Running) {
        // An alert that came while this CPU was on its way here must not be slept through.
        if (caller.state() == Thread::State::Blocked && caller.alert_is_due() && caller.alert_ends_wait())
            caller.end_wait(Error::Interrupted);
        return;
    }
    if (caller.restart) [[unlikely]] {
        caller.restart = false;
        return;
    }
    r.rax = 0;
    if constexpr (!std::is_void_v<ReplyOf<Call>>) set_arguments(r, abi::to_arguments(*result), sizeof(*result) / 8);
}

using Runner = void (*)(Thread&);

template <class... Calls>
constexpr std::array<Runner, sizeof...(Calls)> make_runners(abi::CallList<Calls...>) {
    return {&run_call<Calls>...};
}

constexpr auto kRunners = make_runners(abi::Syscalls{});

template <class... Calls>
constexpr uint64_t numbers_with_all_registers(abi::CallList<Calls...>) {
    return ((kNeedsAllRegisters<Calls> ? uint64_t{1} << (Calls::doc.number % 64) : 0) | ...);
}

void handle_fault(Cpu& cpu, const abi::FaultWords& fault) {
    Thread& thread = *cpu.running;
    cpu.note(TraceEvent::Fault, static_cast<uint64_t>(fault.kind), fault.address, fault.instruction);
    if (fault.kind == abi::FaultKind::Page) {
        ++cpu.page_faults;
        if (frames.are_few()) [[unlikely]]
            reclaimer.step();
        const Result<PhysicalAddress> resolved = thread.process().space().resolve(fault.address, static_cast<abi::Access>(fault.access));
        if (resolved) return;
        if (resolved.error() == kPageAbsent) return Paging::wait(thread, cpu.absent, fault.address, Thread::MissingPage::Then::RunOn);
        if (resolved.error() == Error::NoMemory && !Object::is_reaped()) return request_attention();  // try again when that is freed
        if (resolved.error() == Error::NoMemory) {
            const auto access = static_cast<abi::Access>(fault.access);
            if (waits_for_room(thread, access, fault.address, Thread::MissingPage::Then::RunOn)) return;
            return raise_no_memory(thread, access, fault.address);
        }
    }
    raise_fault(thread, fault);
}

void handle_fault(Cpu& cpu, abi::FaultKind kind, uint32_t access_or_code, uint64_t address) {
    const abi::Registers& r = cpu.running->frame.registers;
    handle_fault(cpu, {.kind = kind, .access = access_or_code, .address = address, .instruction = r.rip, .stack = r.rsp, .zero = 0});
}

/// No native call: programs with a runtime hear of it as of any Linux call that does not exist. A service does not.
void refuse_number(Thread& caller) {
    if (caller.process().foreign_entry == 0) {
        caller.frame.registers.rax = static_cast<uint64_t>(Error::BadCall);
        return;
    }
    run_foreign_call(caller);
    request_attention();  // all of the frame is to be loaded
}

void run(Thread& caller, uint64_t number) {
    if (number < kRunners.size())
        kRunners[number](caller);
    else
        refuse_number(caller);
}

__attribute__((noinline, cold)) void record_and_run(const Cpu& cpu, Thread& caller, uint64_t number) {
    const abi::Registers& r = caller.frame.registers;
    cpu.note(TraceEvent::Enter, number, r.rdi, r.rsi);
    run(caller, number);
    if (caller.state() == Thread::State::Running) cpu.note(TraceEvent::Leave, r.rax);
}

/// With the lock held. What it started for others and for itself is for Scheduler::leave to finish.
void act_on_syscall(Cpu& cpu) {
    Thread& caller = *cpu.running;
    if (caller.doomed) return request_attention();  // killed while this CPU was on its way here: it must not begin to wait
    const uint64_t number = caller.frame.registers.rax - abi::kNativeBase;
    if (tracing) [[unlikely]]
        record_and_run(cpu, caller, number);
    else
        run(caller, number);
}

}  // namespace

extern "C" const uint64_t calls_with_all_registers = numbers_with_all_registers(abi::Syscalls{});

void finish_syscall(Cpu& cpu) __attribute__((no_thread_safety_analysis)) {
    act_on_syscall(cpu);
    if (cpu.attention) scheduler.leave(cpu);
    kernel_lock.unlock();
}

void enter_syscall(Cpu& cpu) __attribute__((no_thread_safety_analysis)) {
    const abi::Registers& r = cpu.running->frame.registers;
    const auto enter_by = [&](auto entry) { entry(r.r12, r.r13, nullptr, &cpu, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9); };
    switch (r.rax) {
    case abi::kNativeBase + abi::PortCall::doc.number:
        return enter_by(enter_call);
    case abi::kNativeBase + abi::PortReplyReceive::doc.number:
        return enter_by(enter_reply_receive);
    case abi::kNativeBase + abi::PortSend::doc.number:
        return enter_by(enter_send);
    case abi::kNativeBase + abi::PortReceive::doc.number:
        return enter_by(enter_receive);
    default:
        kernel_lock.lock();
        finish_syscall(cpu);
    }
}

extern "C" [[clang::preserve_none]] void enter_whole_syscall() __attribute__((no_thread_safety_analysis)) {
    kernel_lock.lock();
    finish_syscall(arch::this_cpu());
}

bool enter_quick_syscall(Cpu& cpu) __attribute__((no_thread_safety_analysis)) {
    kernel_lock.lock();
    act_on_syscall(cpu);
    if (cpu.attention) return true;
    kernel_lock.unlock();
    return false;
}

void leave_syscall(Cpu& cpu) __attribute__((no_thread_safety_analysis)) {
    scheduler.leave(cpu);
    kernel_lock.unlock();
}

void enter_foreign_call(Cpu& cpu) {
    kernel_lock.lock();
    Thread& caller = *cpu.running;
    if (!FastPath::foreign_call(cpu, caller)) {
        if (!caller.doomed && !post_foreign_call(caller))
            handle_fault(cpu, abi::FaultKind::BadCall, static_cast<uint32_t>(caller.frame.registers.rax), 0);
        scheduler.leave(cpu);
    }
    kernel_lock.unlock();
}

void enter_fault(Cpu& cpu, abi::FaultKind kind, uint32_t access_or_code, uint64_t address) {
    kernel_lock.lock();
    if (cpu.running->doomed)
        request_attention();
    else
        handle_fault(cpu, kind, access_or_code, address);
    if (cpu.attention) scheduler.leave(cpu);
    kernel_lock.unlock();
}

void enter_timer(Cpu& cpu) {
    enter(cpu, [&] {
        cpu.note(TraceEvent::Timer);
        scheduler.expire_deadlines(cpu);
    });
}

void enter_kick(Cpu& cpu) {
    enter(cpu, [&] { cpu.note(TraceEvent::Kick); });
}

void enter_interrupt(Cpu& cpu, unsigned line) {
    enter(cpu, [&] {
        cpu.note(TraceEvent::Interrupt, line);
        Interrupt::fire(line);
    });
}

void idle_interrupt(Cpu& cpu, unsigned line) {
    kernel_lock.lock();
    cpu.note(TraceEvent::Interrupt, line);
    Interrupt::fire(line);
    kernel_lock.unlock();
}

}  // namespace portico::kernel
