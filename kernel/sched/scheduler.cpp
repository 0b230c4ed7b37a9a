#include "kernel/sched/scheduler.h"

#include <algorithm>

#include "kernel/object/process.h"
#include "kernel/sched/kernel_lock.h"
#include "kernel/time/timer.h"

namespace portico::kernel {

Scheduler scheduler;
KernelLock kernel_lock;

namespace {

Cpu cpus[kCpusMax];

}  // namespace

Cpu& cpu_at(unsigned index) {
    return cpus[index];
}

void request_attention() {
    arch::this_cpu().attention = true;
}

void Scheduler::make_ready(Thread& thread) {
    if (thread.process().suspended()) {
        thread.set_state(Thread::State::Held);
        thread.process().hold(thread);
        return;
    }
    Cpu& cpu = arch::this_cpu();
    thread.set_state(Thread::State::Ready);
    thread.cpu = &cpu;
    cpu.ready.push(thread);
    cpu.attention = true;
    if (cpu.running != nullptr && thread.priority() > cpu.running->priority()) cpu.resched = true;
}

/// Something about a running thread changed: its CPU must look at it, this one or another.
void Scheduler::note_change(Thread& thread) {
    if (thread.cpu == &arch::this_cpu())
        thread.cpu->attention = true;
    else
        arch::kick(*thread.cpu);
}

void Scheduler::hand_off(Thread& thread) {
    Cpu& cpu = arch::this_cpu();
    if (thread.state() != Thread::State::Ready || thread.cpu != &cpu || cpu.next != nullptr) return;
    cpu.ready.remove(thread);
    cpu.next = &thread;
}

void Scheduler::terminate(Thread& thread) {
    switch (thread.state()) {
    case Thread::State::Ready:
        if (thread.cpu->next == &thread)
            thread.cpu->next = nullptr;
        else
            thread.cpu->ready.remove(thread);
        break;
    case Thread::State::Held:
        thread.process().unhold(thread);
        break;
    case Thread::State::Blocked:
        thread.end_wait(Error::Interrupted);
        terminate(thread);
        return;
    case Thread::State::Running:
        thread.doomed = true;
        note_change(thread);
        return;
    case Thread::State::Dead:
        return;
    }
    thread.die();
}

void Scheduler::hold_if_runnable(Thread& thread) {
    if (thread.state() == Thread::State::Running) {
        note_change(thread);
        return;
    }
    if (thread.state() != Thread::State::Ready) return;
    if (thread.cpu->next == &thread)
        thread.cpu->next = nullptr;
    else
        thread.cpu->ready.remove(thread);
    thread.set_state(Thread::State::Held);
    thread.process().hold(thread);
}

/// The running thread may have blocked, died or been suspended in this entry.
void Scheduler::settle_running(Cpu& cpu) {
    Thread* thread = cpu.running;
    if (thread == nullptr) return;
    if (thread->state() != Thread::State::Running) {
        cpu.running = nullptr;
    } else if (thread->doomed) {
        unload(cpu);
        cpu.running = nullptr;
        thread->die();
    } else if (thread->process().suspended()) {
        cpu.running = nullptr;
        thread->set_state(Thread::State::Held);
        thread->process().hold(*thread);
    }
}

Thread* Scheduler::steal(Cpu& cpu) {
    for (unsigned i = 1; i < arch::cpu_count(); ++i) {
        Cpu& victim = cpus[(cpu.index + i) % arch::cpu_count()];
        if (Thread* thread = victim.ready.pop()) return thread;
    }
    return nullptr;
}

Thread* Scheduler::pick(Cpu& cpu) {
    Thread* thread = cpu.running;
    if (cpu.next != nullptr) {
        Thread* next = std::exchange(cpu.next, nullptr);
        if (thread != nullptr) {
            thread->set_state(Thread::State::Ready);
            cpu.ready.push(*thread);
        }
        return next;
    }
    if (thread != nullptr && !cpu.resched) return thread;
    cpu.resched = false;
    if (thread != nullptr) {
        if (cpu.ready.empty() || cpu.ready.top_priority() < thread->priority()) {
            cpu.slice_end_ns = arch::now_ns() + kSliceNs;  // else the timer would be armed in the past, over and over
            return thread;
        }
        thread->set_state(Thread::State::Ready);
        cpu.ready.push(*thread);
    }
    Thread* chosen = cpu.ready.pop();
    if (chosen == nullptr) chosen = steal(cpu);
    if (chosen != nullptr) cpu.slice_end_ns = arch::now_ns() + kSliceNs;
    return chosen;
}

void Scheduler::unload(Cpu& cpu) {
    if (cpu.loaded == nullptr) return;
    arch::save_vector_state(cpu.loaded->vector_state());
    arch::save_user_bases(cpu.loaded->frame);
    const uint64_t now = arch::ticks();
    cpu.loaded->cpu_ticks += now - cpu.switched_at_ticks;
    cpu.switched_at_ticks = now;
    cpu.loaded = nullptr;
    arch::activate(nullptr);
    cpu.space = nullptr;
}

void Scheduler::load_space(Cpu& cpu, AddressSpace& space) {
    if (cpu.space.get() == &space) return;
    arch::activate(&space.page_table());
    cpu.space = Ref<AddressSpace>(space);
}

void Scheduler::reload_space(Cpu& cpu) {
    if (cpu.loaded != nullptr) load_space(cpu, cpu.loaded->process().space());
}

void Scheduler::load(Cpu& cpu, Thread& thread) {
    if (cpu.loaded == &thread) return;
    const uint64_t now = arch::ticks();
    if (cpu.loaded != nullptr) {
        arch::save_vector_state(cpu.loaded->vector_state());
        arch::save_user_bases(cpu.loaded->frame);
        cpu.loaded->cpu_ticks += now - cpu.switched_at_ticks;
    }
    cpu.switched_at_ticks = now;
    ++cpu.switches;
    load_space(cpu, thread.process().space());
    arch::load_vector_state(thread.vector_state());
    arch::load_user_bases(thread.frame);
    cpu.loaded = &thread;
    cpu.note(TraceEvent::Switch, 0, thread.frame.registers.rip);
}

void Scheduler::switch_to(Cpu& cpu, Thread& thread) {
    cpu.running = &thread;
    thread.cpu = &cpu;
    thread.set_state(Thread::State::Running);
    load(cpu, thread);
    cpu.frame.current = &thread.frame;
}

void Scheduler::arm(Cpu& cpu) {
    uint64_t wanted = cpu.timers.next_ns();
    if (!cpu.ready.empty()) wanted = std::min(wanted, cpu.slice_end_ns);
    if (wanted >= cpu.armed_ns) return;  // an early interrupt only looks again
    cpu.armed_ns = wanted;
    arch::arm_timer(wanted);
}

void Scheduler::kick_an_idle_cpu(Cpu& cpu) {
    if (cpu.ready.empty()) return;
    for (unsigned i = 0; i < arch::cpu_count(); ++i) {
        if (!cpus[i].idle) continue;
        cpus[i].idle = false;  // one kick is enough
        arch::kick(cpus[i]);
        return;
    }
}

void Scheduler::wait_idle(Cpu& cpu) {
    unload(cpu);
    cpu.frame.current = nullptr;
    arm(cpu);
    const uint64_t since = arch::now_ns();
    cpu.idle = true;
    kernel_lock.unlock();
    arch::wait_for_interrupt();
    kernel_lock.lock();
    cpu.idle = false;
    cpu.idle_ns += arch::now_ns() - since;
    expire_deadlines(cpu);
}

void Scheduler::leave(Cpu& cpu) {
    for (;;) {
        cpu.attention = false;
        settle_running(cpu);
        Object::reap();
        Thread* thread = pick(cpu);
        if (thread == nullptr) {
            cpu.running = nullptr;
            wait_idle(cpu);
            continue;
        }
        thread->cpu = &cpu;
        thread->deliver_alert();
        switch_to(cpu, *thread);
        kick_an_idle_cpu(cpu);
        arm(cpu);
        return;
    }
}

void Scheduler::expire_deadlines(Cpu& cpu) {
    const uint64_t now = arch::now_ns();
    if (now >= cpu.armed_ns) cpu.armed_ns = abi::kForever;
    while (Deadline* due = cpu.timers.take_due(now)) {
        if (due->kind == Deadline::Kind::Thread)
            static_cast<Thread::DeadlineNode*>(due)->thread.deadline_passed();
        else
            static_cast<Timer*>(due)->expire(now);
    }
    if (now >= cpu.slice_end_ns && !cpu.ready.empty()) cpu.resched = true;
}

}  // namespace portico::kernel
