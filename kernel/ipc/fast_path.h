#pragma once

#include "kernel/sched/cpu.h"

namespace portico::kernel {

class MessageSource;
class QueuedMessage;
class Sender;

/// The exchanges that servers and clients live on, when nothing unusual is in the way: a call to a port where a thread waits (or a Linux
/// call whose service waits), and a reply_receive whose caller waits at no deadline and whose port is empty. They do what call(),
/// post_foreign_call() and reply() + receive() do and switch to the partner at once, past queue, run queue and Scheduler::leave.
/// Besides, send() and receive() where the partner is not there (fast_queue.cpp). False, null or No: nothing was changed, the general path
/// is to be taken.
///
/// While events are recorded every thread counts as disturbed, so that none is taken: the general path tells them all.
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

    struct Words {
        uint64_t word[abi::kMessageWords];
    };

    /// The thread that runs now, and takes `head` and the words; its GS base is not loaded yet. Null for false.
    static Thread* call(Cpu& cpu, Thread& caller, Head& head);
    /// The same. A caller whose answer is no message (of a Linux call) has got it: `in_frame`.
    static Thread* reply_receive(Cpu& cpu, Thread& server, Head& head, bool& in_frame);
    static bool foreign_call(Cpu& cpu, Thread& caller);

    /// Queues a message of words alone that nobody waits for.
    static bool send(Thread& sender, const Head& head, const Words& words);
    enum class Received : uint8_t { No, Taken, Waits };
    /// Takes words alone, a call without handles and pages, or a notification from a queue: `head` and `words` are the thread's then. From
    /// an empty one, for ever: the thread waits, and Scheduler::leave must be called.
    static Received receive(Thread& receiver, Head& head, Words& words);

private:
    static constexpr uint64_t kHandlesOrPages = uint64_t{0x7F} << 16 | uint64_t{3} << 29;  ///< in a header

    static MessageSource* waited_at(const Cpu& cpu, const Thread& caller, Port& port);
    /// One store.
    [[gnu::always_inline]] static void set_standing(Thread& thread, Thread::State state, Thread::Wait wait, bool fast_wakeable) {
        thread.state_ = state;
        thread.wait_ = wait;
        thread.fast_wakeable = fast_wakeable;
        thread.disturbed = false;  // else it would not be here
    }
    static void hand_over(Thread& caller, Thread::Wait wait, MessageSource& source, Sender& sender);
    static void run(Cpu& cpu, Thread& from, Thread& thread);
    static void give(const abi::Message& message, Head& head, Words& words);
    static bool take_message(Thread& receiver, Port& port, QueuedMessage& queued, Head& head, Words& words);
    static bool take_call(Thread& receiver, Port& port, Call& call, Head& head, Words& words);
};

}  // namespace portico::kernel
