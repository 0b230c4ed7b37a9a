#pragma once

#include "kernel/object/process.h"
#include "kernel/sched/cpu.h"

/// What the hardware sees of a change of threads. Inline, since messages are made of it.
namespace portico::kernel {

[[gnu::always_inline]] inline void load_space(Cpu& cpu, AddressSpace& space) {
    if (cpu.frame.table == &space.page_table()) return;
    [[clang::always_inline]] arch::activate(cpu.frame, &space.page_table());
    if (cpu.kept_space) [[unlikely]]
        cpu.kept_space = nullptr;
}

[[gnu::always_inline]] inline void save_hardware(Thread& old) {
    [[clang::always_inline]] arch::save_vector_state(old.vector_state());
    [[clang::always_inline]] arch::save_user_bases(old.frame);
}

/// All but the bases.
[[gnu::always_inline]] inline void load_hardware(Cpu& cpu, Thread& thread) {
    ++cpu.switches;
    load_space(cpu, thread.process().space());
    [[clang::always_inline]] arch::load_vector_state(thread.vector_state());
    cpu.loaded = &thread;
}

/// Saves the state of the thread that the CPU holds, if it is another, and loads `thread`'s.
[[gnu::always_inline]] inline void switch_hardware(Cpu& cpu, Thread& thread) {
    Thread* const old = cpu.loaded;
    if (old == &thread) return;
    if (old != nullptr) save_hardware(*old);
    load_hardware(cpu, thread);
    arch::load_user_bases(thread.frame);
}

}  // namespace portico::kernel
