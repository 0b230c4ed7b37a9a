#include "kernel/arch/hosted/machine.h"

/// What the threads of a machine do: system calls and memory accesses; and the passing of time.
namespace portico::kernel::hosted {

static constexpr uint64_t kScratch = 0x5000'0000;

// ---- system calls

void Machine::switch_to(Thread& thread) {
    Cpu& cpu = arch::this_cpu();
    if (cpu.running == &thread) return;
    if (!runnable(thread)) broken("a thread that cannot run is to make a call");
    kernel_lock.lock();
    if (thread.state() == Thread::State::Running) {
        Hardware::be_cpu(thread.cpu->index);
        scheduler.hand_off(*idlers_[thread.cpu->index]);
        scheduler.leave(*thread.cpu);
        Hardware::be_cpu(cpu.index);
    }
    if (thread.cpu != &cpu) {
        thread.cpu->ready.remove(thread);
        scheduler.make_ready(thread);
    }
    scheduler.hand_off(thread);
    scheduler.leave(cpu);
    kernel_lock.unlock();
    if (cpu.running != &thread) broken("the thread handed off to does not run");
}

/// As the entry code of real hardware does it: a quick call finds no callee-saved registers in the frame.
static void enter_by_number(Cpu& cpu, uint64_t number) {
    if ((calls_with_all_registers >> (number % 64) & 1) != 0) return enter_syscall(cpu);
    abi::Registers& r = cpu.running->frame.registers;
    const abi::Registers kept = r;
    r.rbx = r.rbp = r.r12 = r.r13 = r.r14 = r.r15 = 0xBAD'BAD'BAD;
    const bool leaves = enter_quick_syscall(cpu);
    r.rbx = kept.rbx, r.rbp = kept.rbp, r.r12 = kept.r12, r.r13 = kept.r13, r.r14 = kept.r14, r.r15 = kept.r15;
    if (leaves) leave_syscall(cpu);
}

void Machine::enter(Thread& thread, uint64_t number) {
    abi::Registers& r = thread.frame.registers;
    r.rax = abi::kNativeBase + number;
    switch_to(thread);
    const bool was_in_upcall = thread.in_upcall();
    for (;;) {
        switch_to(thread);
        const uint64_t at = r.rip;
        r.rip += 2;
        enter_by_number(arch::this_cpu(), number);
        settle();
        const bool again = number < abi::Syscalls::kCount && runnable(thread) && r.rip == at && r.rax == abi::kNativeBase + number;
        if (!again) break;
    }
    diverted_ = !was_in_upcall && thread.in_upcall() ? &thread : nullptr;
}

void Machine::foreign_call(Thread& thread, uint64_t number, const abi::Arguments& arguments) {
    abi::Registers& r = thread.frame.registers;
    load_arguments(thread, arguments);
    r.rax = number;
    switch_to(thread);
    const bool was_in_upcall = thread.in_upcall();
    r.rip += 2;
    r.rcx = r.rip;
    r.r11 = r.rflags;
    if (thread.frame.foreign_entry != 0) {  // the entry code goes straight back to user mode, by iret
        r.rip = thread.frame.foreign_entry;
        thread.frame.full_restore = 1;
        return;
    }
    thread.frame.full_restore = 0;
    enter_foreign_call(arch::this_cpu());
    settle();
    diverted_ = !was_in_upcall && thread.in_upcall() ? &thread : nullptr;
}

const abi::Registers& Machine::result_registers(const Thread& thread) const {
    return diverted_ == &thread ? thread.upcall()->registers : thread.frame.registers;
}

Error Machine::error_of(Thread& thread) {
    if (waits(thread)) broken("the result of a call that waits is asked for");
    return static_cast<Error>(result_registers(thread).rax);
}

void Machine::load_arguments(Thread& thread, const abi::Arguments& a) {
    abi::Registers& r = thread.frame.registers;
    r.rdi = a[0], r.rsi = a[1], r.rdx = a[2], r.r10 = a[3], r.r8 = a[4], r.r9 = a[5];
}

abi::Arguments Machine::arguments_of(const Thread& thread) const {
    const abi::Registers& r = result_registers(thread);
    return {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
}

void Machine::load_message_registers(Thread& thread, const abi::MessageRegisters& m) {
    abi::Registers& r = thread.frame.registers;
    load_arguments(thread, {m.handle_or_id, m.header.value, m.word[0], m.word[1], m.word[2], m.word[3]});
    r.r12 = m.word[4], r.r13 = m.deadline_or_badge, r.r14 = m.r14, r.r15 = m.r15, r.rbx = m.rbx;
}

Result<Received> Machine::received(Thread& thread) {
    const Error error = error_of(thread);
    if (error != Error::None) return fail(error);
    const abi::Registers& r = result_registers(thread);
    Received result{{.id = r.rdi, .badge = r.r13, .header = {r.rsi}, .word = {r.rdx, r.r10, r.r8, r.r9, r.r12}}};
    result.readable_bytes = static_cast<uint32_t>(r.rbx);
    result.writable_bytes = static_cast<uint32_t>(r.rbx >> 32);
    result.r14 = r.r14;
    return result;
}

// ---- user memory

uint64_t Machine::map(Thread& thread, uint64_t bytes, abi::MapFlags flags, Handle memory) {
    const auto mapped =
        call(thread, abi::SpaceMap{.space = abi::kSelfSpace, .memory = memory, .length = bytes, .flags = static_cast<uint64_t>(flags)});
    if (!mapped) broken("cannot map memory");
    return mapped->address;
}

bool Machine::access(Thread& thread, uint64_t address, void* buffer, uint64_t bytes, abi::Access access) {
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t at = address + done;
        const uint64_t length = std::min(bytes - done, abi::kPageBytes - at % abi::kPageBytes);
        switch_to(thread);
        auto* own = static_cast<uint8_t*>(buffer) + done;
        const bool ok = hardware.access_page(at, access, [&](uint8_t* page) {
            if (access == abi::Access::Write)
                __builtin_memcpy(page, own, length);
            else
                __builtin_memcpy(own, page, length);
        });
        if (ok) {
            done += length;
            continue;
        }
        const uint64_t rip = thread.frame.registers.rip;
        enter_fault(arch::this_cpu(), abi::FaultKind::Page, static_cast<uint32_t>(access), at);
        settle();
        if (!runnable(thread) || thread.frame.registers.rip != rip) return false;
    }
    return true;
}

uint64_t Machine::scratch(Thread& thread) {
    const Mapping* mapping = thread.process().space().mapping_above(kScratch);
    if (mapping != nullptr && mapping->address <= kScratch) return kScratch;
    const auto flags = abi::MapFlags::Fixed | abi::Access::ReadWrite;
    const auto mapped = call(
        thread,
        abi::SpaceMap{.space = abi::kSelfSpace, .address = kScratch, .length = abi::kPageBytes, .flags = static_cast<uint64_t>(flags)});
    if (!mapped) broken("cannot map the scratch page");
    return kScratch;
}

// ---- the world

void Machine::settle() {
    if (!Object::is_reaped()) const Locked entries_to_come;
    const unsigned here = Hardware::cpu_index();
    for (bool again = !kicks_held_; again;) {  // a CPU may kick one that was looked at before
        again = false;
        for (unsigned i = 0; i < hardware.cpu_count; ++i) {
            Processor& processor = hardware.processors[i];
            Hardware::be_cpu(i);
            const Thread& own = *arch::this_cpu().running;
            if (!processor.pending.exchange(false) && !own.doomed && !own.process().suspended()) continue;
            processor.kicked = false;
            enter_kick(arch::this_cpu());
            again = true;
        }
    }
    Hardware::be_cpu(here);
    for (unsigned line = 0; line < kLines; ++line)
        if (hardware.lines[line].pending && !hardware.lines[line].masked) raise_interrupt(line);
    check_tlbs();
}

void Machine::check_tlbs() {
    if (kicks_held_) return;
    for (unsigned i = 0; i < hardware.cpu_count; ++i)
        if (const uint64_t page = hardware.find_stale(hardware.processors[i]); page != 0) {
            std::fprintf(stderr, "CPU %u, page %lx\n", i, page);
            broken("a CPU caches a translation that its page table does not allow");
        }
}

void Machine::raise_interrupt(unsigned line) {
    Line& own = hardware.lines[line];
    own.pending = own.masked;
    if (own.masked) return;
    enter_interrupt(arch::this_cpu(), line);
    settle();
}

void Machine::advance(uint64_t by_ns) {
    const unsigned here = Hardware::cpu_index();
    const uint64_t target = hardware.now_ns() + by_ns;
    for (;;) {
        unsigned next = 0;
        for (unsigned i = 1; i < hardware.cpu_count; ++i)
            if (hardware.processors[i].timer_ns < hardware.processors[next].timer_ns) next = i;
        const uint64_t due = hardware.processors[next].timer_ns;
        if (due > target) break;
        hardware.set_time(std::max(due, hardware.now_ns()));
        hardware.processors[next].timer_ns = abi::kForever;
        Hardware::be_cpu(next);
        enter_timer(arch::this_cpu());
        settle();
    }
    hardware.set_time(target);
    Hardware::be_cpu(here);
}

}  // namespace portico::kernel::hosted
