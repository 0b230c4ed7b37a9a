#pragma once

#include "kernel/sched/cpu.h"

namespace portico::kernel {

class MessageSource;
class Sender;

/// The exchanges that servers and clients live on, when nothing unusual is in the way: a call to a port where a thread waits (or a Linux
/// call whose service waits), and a reply_receive whose caller waits at no deadline and whose port is empty. They do what call(),
/// post_foreign_call() and reply() + receive() do and switch to the partner at once, past queue, run queue and Scheduler::leave.
/// False: nothing was changed, the general path is to be taken.
///
/// While events are recorded every thread counts as disturbed, so that neither is taken: the general path tells them all.
/// Conditions are those under which the general path would come to the same end: words and windows only, no deadlines, nobody
/// more urgent ready, no alert due, nobody suspended.
/// Locks: the kernel lock, held before and after.
class FastPath {
public:
    static bool call(Cpu& cpu, Thread& caller);
    static bool foreign_call(Cpu& cpu, Thread& caller);
    static bool reply_receive(Cpu& cpu, Thread& server);

private:
    static MessageSource* waited_at(const Cpu& cpu, const Thread& caller, Port& port);
    static abi::Registers& hand_over(Thread& caller, Thread::Wait wait, MessageSource& source, Sender& sender);
};

}  // namespace portico::kernel
