#pragma once

#include "kernel/sched/cpu.h"

namespace portico::kernel {

class MessageSource;
class Sender;

/// The exchanges that servers and clients live on, when nothing unusual is in the way: a call to a port where a thread waits (or a Linux
/// call whose service waits), and a reply_receive whose caller waits at no deadline and whose port is empty. They do what call(),
/// post_foreign_call() and reply() + receive() do and switch to the partner at once, past queue, run queue and Scheduler::leave.
/// False or null: nothing was changed, the general path is to be taken.
///
/// While events are recorded every thread counts as disturbed, so that neither is taken: the general path tells them all.
/// Conditions are those under which the general path would come to the same end: words and windows only, no deadlines, nobody
/// more urgent ready, no alert due, nobody suspended.
/// Locks: the kernel lock, held before and after.
class FastPath {
public:
    /// What a message has besides its words, going in and coming out. Words are not looked at: they stay in their registers.
    struct Head {
        uint64_t handle_or_id;
        abi::Header header;
        uint64_t deadline_or_badge;
    };

    /// The thread that runs now, and takes `head` and the words; its GS base is not loaded yet. Null for false.
    static Thread* call(Cpu& cpu, Thread& caller, Head& head);
    /// The same. A caller whose answer is no message (of a Linux call) has got it: `in_frame`.
    static Thread* reply_receive(Cpu& cpu, Thread& server, Head& head, bool& in_frame);
    static bool foreign_call(Cpu& cpu, Thread& caller);

private:
    static MessageSource* waited_at(const Cpu& cpu, const Thread& caller, Port& port);
    static void set_standing(Thread& thread, Thread::State state, Thread::Wait wait, bool fast_wakeable);
    static void hand_over(Thread& caller, Thread::Wait wait, MessageSource& source, Sender& sender);
    static void run(Cpu& cpu, Thread& from, Thread& thread);
};

}  // namespace portico::kernel
