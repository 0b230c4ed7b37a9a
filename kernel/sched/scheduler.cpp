#include "kernel/sched/scheduler.h"

#include <algorithm>

#include "kernel/object/process.h"
#include "kernel/sched/kernel_lock.h"
#include "kernel/sched/switch.h"
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
    if (cpu.running != nullptr && thread.priority() > cpu.running->priority()) cpu.resched = cpu.attention = true;
    // Else the running thread may go on at once, unless an idle CPU must be told or the end of its turn is not yet armed.
    if (idle_cpus_ != 0 || cpu.slice_end_ns < cpu.armed_ns) cpu.attention = true;
}

/// Something about a running thread changed: its CPU must look at it, this one or another.
void Scheduler::note_change(Thread& thread) {
    if (thread.cpu == &arch::this_cpu())
        thread.cpu->attention = true;
    else
        arch::kick(*thread.cpu);
    thread.disturbed = true;
}

void Scheduler::hand_off(Thread& thread) {
    Cpu& cpu = arch::this_cpu();
    if (thread.state() != Thread::State::Ready || thread.cpu != &cpu || cpu.next != nullptr) return;
    cpu.ready.remove(thread);
    cpu.next = &thread;
    cpu.attention = true;
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

void Scheduler::charge_time(Cpu& cpu, Thread* thread) {
    const uint64_t now = arch::ticks();
    if (cpu.charged != nullptr) cpu.charged->cpu_ticks += now - cpu.charged_since_ticks;
    cpu.charged_since_ticks = now;
    cpu.charged = thread;
}

void Scheduler::unload(Cpu& cpu) {
    charge_time(cpu, nullptr);
    if (cpu.loaded == nullptr) return;
    arch::save_vector_state(cpu.loaded->vector_state());
    arch::save_user_bases(cpu.loaded->frame);
    cpu.loaded = nullptr;
    arch::activate(cpu.frame, nullptr);
    cpu.kept_space = nullptr;
}

void Scheduler::reload_space(Cpu& cpu) {
    if (cpu.loaded != nullptr) load_space(cpu, cpu.loaded->process().space());
}

void Scheduler::load(Cpu& cpu, Thread& thread) {
    if (cpu.charged != &thread) charge_time(cpu, &thread);
    switch_hardware(cpu, thread);
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
    if (!Object::is_reaped()) wanted = std::min(wanted, arch::now_ns() + kPauseNs);
    if (!cpu.ready.empty()) wanted = std::min(wanted, cpu.slice_end_ns);
    if (wanted >= cpu.armed_ns) return;  // an early interrupt only looks again
    cpu.armed_ns = wanted;
    arch::arm_timer(wanted);
}

void Scheduler::kick_idle_cpus(Cpu& cpu) {
    if (idle_cpus_ == 0 || cpu.ready.empty()) return;
    unsigned wanted = cpu.ready.count(idle_cpus_);
    for (unsigned i = 0; wanted > 0; ++i) {
        if (!cpus[i].idle) continue;
        no_longer_idle(cpus[i]);  // one kick is enough
        arch::kick(cpus[i]);
        --wanted;
    }
}

void Scheduler::now_idle(Cpu& cpu) {
    cpu.idle = true;
    ++idle_cpus_;
}

void Scheduler::no_longer_idle(Cpu& cpu) {
    if (!cpu.idle) return;
    cpu.idle = false;
    --idle_cpus_;
}

void Scheduler::wait_idle(Cpu& cpu) {
    if (cpu.frame.current != nullptr) note(TraceEvent::Switch, nullptr);
    unload(cpu);
    cpu.frame.current = nullptr;
    arm(cpu);
    const uint64_t since = arch::now_ns();
    now_idle(cpu);
    kernel_lock.unlock();
    arch::wait_for_interrupt();
    kernel_lock.lock();
    no_longer_idle(cpu);
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
        if (tracing && cpu.running != thread) [[unlikely]]
            record(TraceEvent::Switch, thread, 0, thread->process().id(), thread->frame.registers.rip);
        thread->cpu = &cpu;
        thread->disturbed = tracing;  // then all goes the general path, which records it
        thread->deliver_alert();
        switch_to(cpu, *thread);
        kick_idle_cpus(cpu);
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
