#include "kernel/arch/hosted/machine.h"

/// The CPUs of a machine as fibers.
namespace portico::kernel::hosted {

/// Interrupts come late: as on a real machine, the CPU may get further before it takes one that is pending.
bool Machine::take_interrupt(Explorer& explorer) {
    Processor& own = hardware.own();
    const unsigned line = hardware.pending_line(Hardware::cpu_index());
    const bool timer_is_due = hardware.now_ns() >= own.timer_ns.load();
    if (!own.kicked && line == kLines && !timer_is_due) return false;
    if (explorer.below(3) == 0) return false;
    if (own.kicked) {
        own.kicked = false;
        own.pending.store(false);
        hardware.enter_kernel(Pause::KickTaken, 0, enter_kick);
    } else if (line < kLines) {
        hardware.lines[line].pending = false;
        hardware.enter_kernel(Pause::LineTaken, line, [&](Cpu& cpu) { enter_interrupt(cpu, line); });
    } else {
        own.timer_ns.store(abi::kForever);
        hardware.enter_kernel(Pause::TimerTaken, 0, enter_timer);
    }
    return true;
}

void Machine::explore_cpu(const std::function<void(Thread&)>& step, const bool& stop) {
    Explorer& explorer = *hardware.explorer;
    Cpu& cpu = arch::this_cpu();
    while (!stop) {
        if (take_interrupt(explorer)) continue;
        Thread& thread = *cpu.running;
        if (thread.priority() > 1) {
            step(thread);
            continue;
        }
        // The CPU's own thread leaves it to the others, for good.
        load_arguments(thread, abi::to_arguments(abi::ThreadSleep{abi::kForever}));
        thread.frame.registers.rax = abi::kNativeBase + abi::ThreadSleep::doc.number;
        hardware.enter_kernel(Pause::Enter, abi::ThreadSleep::doc.number, enter_syscall);
    }
}

void Machine::explore_cpus(Explorer& explorer, const Exploration& exploration, const std::function<void(Thread&)>& step,
                           const std::function<bool()>& all_done) {
    bool stop = false;
    explorer.begin(hardware, exploration, [&](unsigned) { explore_cpu(step, stop); });
    explorer.run();
    if (!all_done()) panic("all CPUs wait, though not all programs are done");
    stop = true;
    for (unsigned tries = 0; !explorer.all_returned(); ++tries) {
        if (tries == hardware.cpu_count) broken("a CPU does not leave the kernel though there is a thread for it");
        Hardware::be_cpu(0);
        wake_idle_cpus();
        explorer.run();
    }
    share_out_idlers();
    settle();
}

}  // namespace portico::kernel::hosted
