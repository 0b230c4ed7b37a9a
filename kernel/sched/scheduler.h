#pragma once

#include "kernel/sched/cpu.h"
#include "kernel/sched/kernel_lock.h"

namespace portico::kernel {

/// Which thread runs where. Woken threads queue on the CPU that woke them; idle CPUs are kicked to take what is left over.
/// Locks: the kernel lock.
class Scheduler {
public:
    static constexpr uint64_t kSliceNs = 10'000'000;
    static constexpr uint64_t kPauseNs = 50'000;  ///< between two parts of what is put off

    /// A thread that is in no list can run; if its process is suspended it is held instead.
    void make_ready(Thread& thread);
    /// A thread that was just made ready on this CPU runs next, in the place of the current one.
    void hand_off(Thread& thread);
    /// Ends a thread: at once, or if it runs, when its CPU next leaves the kernel.
    void terminate(Thread& thread);
    void hold_if_runnable(Thread& thread);
    void yield(Cpu& cpu) { cpu.resched = cpu.attention = true; }
    void note_change(Thread& thread);

    /// End of every kernel entry: picks the thread to run, switches to it, waits while there is none.
    void leave(Cpu& cpu) __attribute__((requires_capability(kernel_lock)));
    /// Runs a thread that is in no list, in place of one that no longer runs; nothing else changed in this entry.
    void switch_to(Cpu& cpu, Thread& thread);
    void expire_deadlines(Cpu& cpu);
    /// From now on time that passes on this CPU is this thread's (null: nobody's).
    void charge_time(Cpu& cpu, Thread* thread);
    /// Nothing of the thread may be in this CPU's hardware any more (its space is about to go).
    void unload(Cpu& cpu);
    /// The running thread's address space was exchanged.
    void reload_space(Cpu& cpu);
    /// A CPU has nothing to run and waits to be kicked; or was kicked, or runs again.
    void now_idle(Cpu& cpu);
    void no_longer_idle(Cpu& cpu);

private:
    Thread* pick(Cpu& cpu);
    Thread* steal(Cpu& cpu);
    void settle_running(Cpu& cpu);
    void load(Cpu& cpu, Thread& thread);
    void wait_idle(Cpu& cpu) __attribute__((requires_capability(kernel_lock)));
    void arm(Cpu& cpu);
    /// As many as there are threads ready here, for them to steal.
    void kick_idle_cpus(Cpu& cpu);

    unsigned idle_cpus_ = 0;  ///< how many wait and have not been kicked
};

extern Scheduler scheduler;

}  // namespace portico::kernel
