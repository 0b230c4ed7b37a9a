#pragma once

#include "kernel/ipc/sender.h"
#include "kernel/memory/memory.h"
#include "kernel/sched/thread.h"

namespace portico::kernel {

/// What a paged memory object has besides its pages: the way to its pager, and the threads that wait for pages.
///
///     misses a page ──▶ unasked ──the pager receives PageIn──▶ asked ──supplied, refused, late, pager gone──▶ goes on
///
/// Ownership: its memory object's. Each thread that waits keeps a reference to that.
/// Bound:     waiting takes no memory: the threads are linked, and one node in the port's queue stands for all that the pager is to
///            hear.
///            What happens to a page takes time with the number of threads that wait for pages of this object.
/// Invariant: the node is in the port's queue exactly as long as has_more(). The pager's port is open as long as any wait.
class Paging final : public QueueNode {
public:
    static constexpr uint64_t kWaitNsDefault = 20'000'000'000, kWaitNsMax = 3'600'000'000'000;
    /// The longest wait of a thread for a page of somebody else's memory that it copies: a window lent to a server.
    static constexpr uint64_t kOthersWaitNs = 1'000'000'000;

    /// `maker` counts as the pager until another process receives a PageIn, supplies or detaches.
    Paging(Memory& memory, Ref<Sender> pager, const Process& maker, uint64_t wait_ns);
    ~Paging();

    /// The thread, which runs, waits for the page that it just missed. If that is in vain it goes on at once as if it had waited.
    static void wait(Thread& thread, const AbsentPage& page, uint64_t fault_address, Thread::MissingPage::Then then);
    /// Its wait is over and it is still linked: None: it tries again; Interrupted: so too, for it will end; else the page is lost.
    static void end_wait(Thread& thread, Error error);

    /// The pages are there now, or cannot be had.
    void conclude(uint64_t first_page, uint64_t page_count, Error error);

    /// A process does what the pager is for. If it is another than before, it is to do what that one was asked for and did not do.
    void serve(const Process& process);

    /// For the port: the node was taken out of its queue; asks for the page that was missed first, or for dirty ones back.
    Message take(const Process& receiver);
    bool has_more() const { return !unasked_.empty() || wanted_pages_ > 0; }
    abi::MessageKind next_kind() const { return wanted_pages_ > 0 ? abi::MessageKind::PageOut : abi::MessageKind::PageIn; }

    Memory& memory() const { return memory_; }
    /// The kernel would have these pages back, which are dirty; unless the pager is yet to hear of others.
    void want_back(uint64_t first_page, uint64_t page_count);
    bool wants_back() const { return wanted_pages_ > 0; }
    /// Threads that wait for pages; whether any waits for this one.
    uint64_t waiting() const { return waiting_; }
    bool awaits(uint64_t index) const;
    /// Who waits for this page is to look again.
    void try_again(uint64_t index);
    bool is_open() const { return !pager_->port().closed(); }
    uint64_t wait_ns() const { return wait_ns_; }
    void port_closed();
    void dropped() { queued_ = false; }

    Paging* next_of_port = nullptr;
    Paging* previous_of_port = nullptr;

private:
    Error prospect(const Thread& thread, bool is_others) const;
    void queue();
    Message take_back();
    void unlink(Thread& thread);
    template <class Matches>
    void end_waits(Matches matches, Error error);

    Memory& memory_;
    Ref<Sender> pager_;
    uint64_t pager_process_;  ///< its id
    uint64_t wait_ns_;
    ThreadList unasked_, asked_;
    uint64_t waiting_ = 0;                          ///< threads in both
    uint64_t wanted_first_ = 0, wanted_pages_ = 0;  ///< to be asked back
    bool queued_ = false;
    bool mute_ = false;  ///< a wait ended by its deadline, and nothing was heard of the pager since
};

}  // namespace portico::kernel
