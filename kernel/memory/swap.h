#pragma once

#include "kernel/memory/memory.h"

namespace portico::kernel {

/// Where pages of programs go when frames are few: a paged memory object, whose pager is the swap server. A page gets a number, which is
/// its index there and takes its place in the page tree; from then on it is like any other dirty page of a paged object.
///
///     in its place ──take──▶ here, dirty ──written──▶ the pager's ──supplied──▶ here, clean
///          ▲────────────bring_in────┴────────────────────────────────────────────┘
///
/// Ownership: its memory object's, which lives as long as numbers are used. The numbers are counted, as frames are.
/// Bound:     the numbers' counts take 4 bytes each, in pages paid by the object's account and freed when all of them are 0. Only a
///            small part of RAM is here and dirty.
/// Invariant: a page that is here has a number that is used; its frame says which.
class SwapSpace {
public:
    static constexpr uint64_t kPagesMax = (uint64_t{1} << 28) - 1;  ///< what a Frame can say: 1 TiB
    inline static SwapSpace* current = nullptr;                     ///< there is one, or none

    explicit SwapSpace(Memory& object);
    ~SwapSpace();

    // For page trees.

    void share(uint64_t number) { ++count_of(number); }
    void release(uint64_t number);

    /// Moves a page out of its place, which no mapping shows, or shares it with the swap space if other places keep it. False: there is no
    /// number, or no memory to note it; then nothing has changed.
    bool take(uint64_t& slot);
    /// Puts a page back into its place; if other places have its number it is shared with them. Errors: kPageAbsent, NoMemory; then
    /// nothing has changed.
    Result<> bring_in(uint64_t& slot, Account& payer);
    /// How many pages may be taken now.
    uint64_t room() const;
    /// Wants dirty pages written, if none are wanted yet.
    void ask_to_write();
    /// Whether frames will become free without anybody's doing.
    bool is_writing() const { return dirty_ > 0 && can_be_written(); }
    /// How many frames must be there for who is to get one: programs leave those that threads which wait for pages will need.
    uint64_t needed_by(uint64_t kept_free_pages) const;
    uint64_t wait_ns() const;

    // For the object.

    /// Whether it wants this page, or none, for a number; then it is its own from now on.
    bool receive(uint64_t number, PhysicalAddress page);
    /// How many of the numbers from one on are used, at least that one.
    uint64_t used_run(uint64_t number, uint64_t count_max) const;
    void page_is_being_written() { ++being_written_; }
    void nothing_is_being_written() { being_written_ = 0; }
    void page_is_clean(const Frame& frame) {
        dirty_ -= frame.dirty() ? 1 : 0;
        being_written_ -= frame.being_written() ? 1 : 0;
    }
    void page_leaves(Frame& frame);

    uint64_t total_pages() const { return object_.size_pages(); }
    uint64_t free_pages() const { return total_pages() - used_; }
    uint64_t pages_in = 0, pages_out = 0;  ///< so far: supplied, and written

private:
    static constexpr uint64_t kCounts = abi::kPageBytes / sizeof(uint32_t);  ///< in a page

    bool can_be_written() const;
    bool is_used(uint64_t number) const;
    static uint32_t& count_in(PhysicalAddress counts, uint64_t number);
    uint32_t& count_of(uint64_t number);
    Result<uint64_t> next_free() const;

    Memory& object_;
    PageTree counts_;             ///< of the numbers; each page's frame counts those that are used
    uint64_t used_ = 0;           ///< numbers
    uint64_t next_ = 0;           ///< the number to try first: neighbours in time are neighbours there
    uint64_t dirty_ = 0;          ///< pages here that are not written yet
    uint64_t being_written_ = 0;  ///< those of them that the pager has got
    uint64_t asked_end_ = 0;      ///< what was wanted written last ends there
};

}  // namespace portico::kernel
