#pragma once

#include <cstdint>

#include "kernel/sched/thread.h"

namespace portico::kernel {

class Memory;

/// The clock algorithm over the pages of memory objects: a page that was used since the hand last came by stays.
///
/// Ownership: none: objects are in the circle as long as they exist.
/// Bound:     a step looks at the pages of one node of one object.
class Clock {
public:
    void add(Memory& memory);
    void remove(Memory& memory);
    void step();
    /// Whether the hand went round a few times since the last progress.
    bool is_fruitless() const { return hand_ == nullptr || passed_ > 3 * objects_; }
    void progress() { passed_ = 0; }

private:
    Memory* hand_ = nullptr;  ///< of a circle
    uint64_t page_ = 0;       ///< where it points
    uint64_t objects_ = 0, passed_ = 0;
};

/// Takes pages back when frames get few: of paged objects clean ones go, and for dirty ones the pager is asked to detach them; those of
/// programs go to the swap space, if there is one. And the threads that wait for frames, of which they are the first to hear.
///
/// Bound:     waiting takes no memory: the threads are linked.
/// Invariant: while any wait, pages are being written or somebody is about to look for some to write.
class Reclaimer {
public:
    void add(Memory& memory);
    void remove(Memory& memory);
    /// Of each of the two clocks.
    void step();

    enum class Room : uint8_t {
        Made,    ///< there is a frame, or it is worth another try
        Coming,  ///< there will be: the thread may wait
        None     ///< there is nothing to be had
    };
    /// Who leaves so many pages free was refused a frame: steps until there is one, for a bounded time.
    Room make_room(uint64_t kept_free_pages);
    /// The thread, which runs, waits for a frame besides those that are left free, then tries again: its access to an address, or its
    /// system call.
    void wait(Thread& thread, uint64_t kept_free_pages, abi::Access access, uint64_t address, Thread::MissingPage::Then then);
    void end_wait(Thread& thread, Error error);
    bool anyone_waits() const { return !waiting_.empty(); }
    void frame_freed();
    /// Less frames are spoken for, or less pages are being written: who waits may have to do something.
    void look_again();
    /// Pages have been written: moves others to the swap space in their stead.
    void go_on();
    void progress() { of_programs_.progress(); }

private:
    Clock& clock_of(const Memory& memory);
    void watch_frames();

    Clock paged_, of_programs_;
    ThreadList waiting_;
};
extern Reclaimer reclaimer;

}  // namespace portico::kernel
