#include <algorithm>
#include <thread>

#include "kernel/arch/hosted/machine.h"

/// The CPUs of a machine as threads of the host.
namespace portico::kernel::hosted {

void Machine::run_cpu(unsigned index, const std::function<void(Thread&)>& step, const std::atomic<bool>& stop) {
    Hardware::be_cpu(index);
    Cpu& cpu = arch::this_cpu();
    Processor& own = hardware.own();
    while (!stop.load()) {
        if (own.pending.exchange(false)) {
            {
                std::lock_guard guard(own.wake_mutex);
                own.kicked = false;
            }
            enter_kick(cpu);
            continue;
        }
        if (hardware.now_ns() >= own.timer_ns.load()) {
            own.timer_ns.store(abi::kForever);
            enter_timer(cpu);
            continue;
        }
        Thread& thread = *cpu.running;
        if (thread.priority() > 1) {
            step(thread);
            continue;
        }
        // The CPU's own thread sleeps a moment, so that CPUs do go idle.
        load_arguments(thread, abi::to_arguments(abi::ThreadSleep{hardware.now_ns() + 200'000}));
        thread.frame.registers.rax = abi::kNativeBase + abi::ThreadSleep::doc.number;
        enter_syscall(cpu);
    }
}

/// There is one such thread for each CPU, so each CPU can find something to run and leave the kernel.
void Machine::wake_idle_cpus() {
    const Locked locked;
    for (Ref<Thread>& idler : idlers_)
        if (idler->state() == Thread::State::Blocked) idler->end_wait(Error::None);
    for (unsigned i = 0; i < hardware.cpu_count; ++i) arch::kick(cpu_at(i));
}

/// The CPUs' own threads have wandered: each CPU gets one again, the one that it runs if it does.
void Machine::share_out_idlers() {
    const Locked locked;
    std::vector<Ref<Thread>> wandered = std::exchange(idlers_, std::vector<Ref<Thread>>(hardware.cpu_count));
    for (Ref<Thread>& idler : wandered) {
        if (idler->state() == Thread::State::Blocked) idler->end_wait(Error::None);
        if (idler->state() != Thread::State::Running) continue;
        Ref<Thread>& place = idlers_[idler->cpu->index];
        place = std::move(idler);
    }
    for (unsigned i = 0; i < hardware.cpu_count; ++i) {
        if (idlers_[i]) continue;
        Ref<Thread>& idler =
            *std::find_if(wandered.begin(), wandered.end(), [](const Ref<Thread>& each) { return static_cast<bool>(each); });
        idlers_[i] = std::move(idler);
        idlers_[i]->cpu->ready.remove(*idlers_[i]);
        Hardware::be_cpu(i);
        scheduler.make_ready(*idlers_[i]);
    }
    Hardware::be_cpu(0);
}

void Machine::run_cpus(std::chrono::milliseconds duration, const std::function<void(Thread&)>& step) {
    hardware.use_real_time();
    for (unsigned i = 0; i < hardware.cpu_count; ++i) hardware.processors[i].timer_ns.store(hardware.now_ns());
    std::atomic<bool> stop{false};
    std::atomic<unsigned> running{hardware.cpu_count};
    std::vector<std::thread> cpus;
    for (unsigned i = 0; i < hardware.cpu_count; ++i)
        cpus.emplace_back([&, i] {
            run_cpu(i, step, stop);
            --running;
        });
    std::this_thread::sleep_for(duration);
    stop.store(true);
    Hardware::be_cpu(0);
    while (running.load() > 0) {
        wake_idle_cpus();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (std::thread& cpu : cpus) cpu.join();
    hardware.stop_clock();
    share_out_idlers();
    settle();
}

}  // namespace portico::kernel::hosted
