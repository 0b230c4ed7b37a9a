#include "kernel/arch/hosted/machine.h"

#include "kernel/ipc/ipc.h"
#include "kernel/irq/interrupt.h"

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kCode = 0x1000'0000;     // where made threads pretend to run
constexpr uint64_t kScratch = 0x5000'0000;
constexpr unsigned kIdlePriority = 1;

}  // namespace

Machine::Locked::Locked() { kernel_lock.lock(); }
Machine::Locked::~Locked() {
    Object::reap();
    kernel_lock.unlock();
}

Machine::Machine(unsigned cpus, uint64_t mebibytes) : hardware(cpus, mebibytes << 20), root_(new (root_storage_) Account(nullptr, ~uint64_t{0})) {
    Hardware::be_cpu(0);
    const MemoryRange ram{{kRamBase}, hardware.ram_bytes};
    frames.create({&ram, 1});
    root_->add_reference();
    create_zero_page(*root_);
    idle_process_ = Ref<Process>(make_process());
    processes_.clear();
    for (unsigned i = cpus; i-- > 0;) {
        Hardware::be_cpu(i);
        Cpu& cpu = arch::this_cpu();
        cpu.index = i;
        kernel_lock.lock();
        idlers_.insert(idlers_.begin(), *Thread::create(*idle_process_, {.instruction = kCode}, kIdlePriority));
        scheduler.leave(cpu);
        kernel_lock.unlock();
    }
}

Machine::~Machine() {
    kill_all();
    {
        const Locked locked;
        for (unsigned i = 0; i < hardware.cpu_count; ++i) {
            Hardware::be_cpu(i);
            Cpu& cpu = arch::this_cpu();
            scheduler.unload(cpu);
            if (cpu.running != idlers_[i].get()) broken("a CPU has no thread to run but its own");
            cpu.running->die();
            cpu.running = nullptr;
        }
        processes_.clear();
        threads_.clear();
        idlers_.clear();
        idle_process_ = nullptr;
    }
    demand_everything_back();
    Hardware::be_cpu(0);
}

void Machine::kill_all() {
    hold_kicks(false);
    in_kernel([&] {
        for (Ref<Process>& process : processes_) process->kill(0);
    });
    for (unsigned i = 0; i < hardware.cpu_count; ++i) {
        Hardware::be_cpu(i);
        in_kernel([&] { scheduler.hand_off(*idlers_[i]); });
        enter_kick(arch::this_cpu());
    }
}

void Machine::demand_everything_back() {
    if (root_->used_bytes() != abi::kPageBytes || process_count() != 0 || thread_count() != 0 || port_count() != 0) {
        std::fprintf(stderr, "left over: %lu bytes, %lu objects, %lu processes, %lu threads, %lu ports\n", root_->used_bytes() - abi::kPageBytes,
                     root_->object_count(), process_count(), thread_count(), port_count());
        broken("the kernel kept memory or objects");
    }
    frames.frame(zero_page_address()).references = 0;
    frames.free(zero_page_address());
    if (heap.page_count() != 0) broken("the heap kept pages");
    if (frames.free_pages() != frames.total_pages()) broken("frames are lost");
    frames = FrameAllocator{};
    for (unsigned i = 0; i < hardware.cpu_count; ++i) {
        cpu_at(i).~Cpu();
        new (&cpu_at(i)) Cpu();
    }
    root_->~Account();
}

void Machine::broken(const char* what) {
    std::fprintf(stderr, "machine: %s\n", what);
    arch::stop_machine();
}

Process& Machine::make_process(Ref<Sender> supervisor, Account* account) {
    const Locked locked;
    Account& payer = account != nullptr ? *account : *root_;
    Result<Ref<AddressSpace>> space = AddressSpace::create(payer);
    if (!space) broken("no memory for a process");
    auto process = create_object<Process>(payer, std::move(*space), Ref<Account>(payer), std::move(supervisor));
    if (!process) broken("no memory for a process");
    processes_.push_back(*process);
    return **process;
}

Thread& Machine::make_thread(Process& process, unsigned priority) {
    const Locked locked;
    Result<Ref<Thread>> thread = Thread::create(process, {.instruction = kCode}, priority);
    if (!thread) broken("no memory for a thread");
    threads_.push_back(*thread);
    return **thread;
}

Process& Machine::adopt_process(Thread& holder, Handle handle) {
    const Locked locked;
    Result<Process*> process = holder.process().handles().get<Process>(handle, Rights::None);
    if (!process) broken("no such process");
    processes_.push_back(Ref<Process>(**process));
    return **process;
}

Thread& Machine::adopt_thread(Thread& holder, Handle handle) {
    const Locked locked;
    Result<Thread*> thread = holder.process().handles().get<Thread>(handle, Rights::None);
    if (!thread) broken("no such thread");
    threads_.push_back(Ref<Thread>(**thread));
    return **thread;
}

void Machine::forget_ended() {
    const Locked locked;
    std::erase_if(threads_, [](const Ref<Thread>& thread) { return thread->state() == Thread::State::Dead; });
    std::erase_if(processes_, [](const Ref<Process>& process) { return process->state() == abi::ProcessState::Exited; });
}

Handle Machine::make_resource(Thread& holder) {
    const Locked locked;
    Ref<Resource> resource = *create_object<Resource>(*root_);
    return *holder.process().handles().add(Capability(*resource, Rights::All));
}

Handle Machine::give(Thread& from, Handle handle, Thread& to) {
    const Locked locked;
    Result<Capability*> capability = from.process().handles().find(handle);
    if (!capability) broken("cannot give a handle that is none");
    return *to.process().handles().add((*capability)->duplicate());
}

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

void Machine::enter(Thread& thread, uint64_t number) {
    abi::Registers& r = thread.frame.registers;
    r.rax = abi::kNativeBase + number;
    switch_to(thread);
    const bool was_in_upcall = thread.in_upcall();
    for (;;) {
        switch_to(thread);
        const uint64_t at = r.rip;
        r.rip += 2;
        enter_syscall(arch::this_cpu());
        settle();
        const bool again = number < abi::Syscalls::kCount && runnable(thread) && r.rip == at && r.rax == abi::kNativeBase + number;
        if (!again) break;
    }
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
    const auto mapped = call(thread, abi::SpaceMap{.space = abi::kSelfSpace, .address = kScratch, .length = abi::kPageBytes, .flags = static_cast<uint64_t>(flags)});
    if (!mapped) broken("cannot map the scratch page");
    return kScratch;
}

// ---- the world

void Machine::settle() {
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
