#include "kernel/arch/hosted/machine.h"

#include "kernel/ipc/ipc.h"
#include "kernel/irq/interrupt.h"

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kCode = 0x1000'0000;  // where made threads pretend to run
constexpr unsigned kIdlePriority = 1;

}  // namespace

Machine::Locked::Locked() {
    kernel_lock.lock();
}
Machine::Locked::~Locked() {
    do {
        Object::reap();
    } while (!Object::is_reaped());
    kernel_lock.unlock();
}

Machine::Machine(unsigned cpus, uint64_t mebibytes, std::string_view command_line)
    : hardware(cpus, mebibytes << 20), root_(new(root_storage_) Account(nullptr, ~uint64_t{0})) {
    Hardware::be_cpu(0);
    call_ids.seed(arch::random(), arch::random());  // each machine the same: tables of calls go by the low bits of ids
    MemoryRange ram{{kRamBase}, hardware.ram_bytes};
    trace_rings.reserve({&ram, 1}, command_line, cpus);
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
    trace_rings.stop();
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
        std::fprintf(stderr, "left over: %lu bytes, %lu objects, %lu processes, %lu threads, %lu ports\n",
                     root_->used_bytes() - abi::kPageBytes, root_->object_count(), process_count(), thread_count(), port_count());
        broken("the kernel kept memory or objects");
    }
    frames.frame(zero_page_address()).references = 0;
    frames.free(zero_page_address());
    if (heap.page_count() != 0) broken("the heap kept pages");
    if (frames.free_pages() != frames.total_pages()) broken("frames are lost");
    frames = FrameAllocator{};
    for (unsigned i = 0; i < hardware.cpu_count; ++i) {
        scheduler = {};
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

}  // namespace portico::kernel::hosted
