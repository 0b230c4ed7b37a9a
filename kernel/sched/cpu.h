#pragma once

#include "kernel/arch/arch.h"
#include "kernel/debug/trace.h"
#include "kernel/memory/address_space.h"
#include "kernel/sched/attention.h"
#include "kernel/sched/thread.h"

namespace portico::kernel {

/// Ready threads of one CPU, the highest priority first, in turns within one.
class RunQueue {
public:
    static constexpr unsigned kPriorities = 32;

    void push(Thread& thread) {
        lists_[thread.priority()].push_back(thread.link);
        occupied_ |= 1u << thread.priority();
    }
    void remove(Thread& thread) {
        ThreadList& list = lists_[thread.priority()];
        list.erase(list.iterator_to(thread.link));
        if (list.empty()) occupied_ &= ~(1u << thread.priority());
    }
    Thread* pop() {
        if (occupied_ == 0) return nullptr;
        Thread& thread = lists_[top_priority()].front().thread;
        remove(thread);
        return &thread;
    }
    bool empty() const { return occupied_ == 0; }
    /// How many threads there are, but at most `limit`.
    unsigned count(unsigned limit) const {
        unsigned counted = 0;
        for (uint32_t left = occupied_; left != 0; left &= left - 1) {
            const ThreadList& list = lists_[__builtin_ctz(left)];
            for (auto it = list.begin(); it != list.end(); ++it)
                if (++counted == limit) return counted;
        }
        return counted;
    }
    unsigned top_priority() const { return 31 - static_cast<unsigned>(__builtin_clz(occupied_)); }

private:
    ThreadList lists_[kPriorities];
    uint32_t occupied_ = 0;
};

/// One CPU. All of it is under the kernel lock.
struct Cpu {
    CpuFrame frame;  ///< first: assembly reaches it
    unsigned index = 0;
    Thread* running = nullptr;     ///< whose user mode this CPU is in, or on the way to
    Thread* loaded = nullptr;      ///< whose vector state and bases the hardware holds
    Ref<AddressSpace> kept_space;  ///< whose page table the hardware holds, if nobody else refers to it any more: see AddressSpace::doom
    Thread* charged = nullptr;     ///< whose time passes here: the running thread, or one whose call it serves by a fast path
    Thread* next = nullptr;        ///< handed off to: runs before all others
    RunQueue ready;
    TimerQueue timers;
    bool resched = false;  ///< the running thread's turn is over, or someone more urgent is ready
    bool idle = false;
    bool attention = false;  ///< this entry changed something that Scheduler::leave must see
    AbsentPage absent;       ///< what kPageAbsent was last about in this entry
    uint64_t slice_end_ns = 0;
    uint64_t armed_ns = abi::kForever;
    uint64_t charged_since_ticks = 0;
    uint64_t idle_ns = 0;
    uint64_t switches = 0;
    uint64_t page_faults = 0;

    /// Records an event about the thread that runs here, see kernel::note.
    void note(TraceEvent event, uint64_t detail = 0, uint64_t value = 0, uint64_t other = 0) const {
        kernel::note(event, running, detail, value, other);
    }
};

Cpu& cpu_at(unsigned index);

}  // namespace portico::kernel
