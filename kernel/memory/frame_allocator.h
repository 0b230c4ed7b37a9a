#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "kernel/arch/arch.h"
#include "kernel/object/account.h"

namespace portico::kernel {

/// What the kernel knows of one page of RAM.
struct Frame {
    uint32_t references = 0;  ///< slots of page trees and messages that hold it; 0 for kernel pages
    uint32_t next = 0;        ///< of a list it is in: the free frames, the pages of a page table; 0 ends it. Of a page of a memory object:
                              ///< Frame::kDirty, kFresh, …, and its number in the swap space
    Account* payer = nullptr;

    static constexpr uint32_t kDirty = 1, kFresh = 2, kBeingWritten = 4, kOfPager = 8, kSwapUnit = 16;
    bool dirty() const { return (next & kDirty) != 0; }
    void set_dirty() { next = (next & ~kBeingWritten) | kDirty | kOfPager; }
    void set_clean() { next &= ~(kDirty | kBeingWritten); }
    /// Its pager has got it as it is now. Whoever changes it must be noticed first.
    bool being_written() const { return (next & kBeingWritten) != 0; }
    void set_being_written() { next |= kBeingWritten; }
    void forget_being_written() { next &= ~kBeingWritten; }
    bool may_change_unnoticed() const { return (next & (kDirty | kBeingWritten)) == kDirty; }
    /// Just supplied, and maybe not touched yet.
    void set_supplied() { next = kFresh | kOfPager; }
    void set_fresh() { next |= kFresh; }
    /// Of a paged object; true too if that let go of it and others keep it.
    bool of_pager() const { return (next & kOfPager) != 0; }
    bool in_swap() const { return next >= kSwapUnit; }
    uint64_t swap_number() const { return next / kSwapUnit - 1; }
    void enter_swap(uint64_t number, uint32_t state) { next = static_cast<uint32_t>(number + 1) * kSwapUnit | state; }
    bool take_fresh() { return (std::exchange(next, next & ~kFresh) & kFresh) != 0; }
};

/// All RAM, a page at a time. A global, since RAM is: made once by kernel_main.
///
/// Locks: the kernel lock. Bound: what accounts allow; free frames are linked, so allocation is O(1).
class FrameAllocator {
public:
    /// Takes the usable ranges; the frame table itself is cut out of the first range with room for it. `also` is RAM in use
    /// that adopt() may be called for.
    void create(std::span<const MemoryRange> usable, MemoryRange also = {});

    /// A page that `payer` is charged for. Its contents are what they were.
    Result<PhysicalAddress> allocate(Account& payer);
    /// Pages that lie one after the other; told is the first. Only RAM that was never used is looked at. Errors: NoMemory.
    Result<PhysicalAddress> allocate_neighbours(Account& payer, uint64_t count);
    void free(PhysicalAddress page);
    /// Drops a reference; frees the page with the last one.
    void release(PhysicalAddress page) {
        Frame& released = frame(page);
        ASSERT(released.references > 0);
        if (--released.references == 0) free(page);
    }

    /// Takes in a page that was in no usable range (of the boot archive), as if allocated. The account must be able to pay.
    void adopt(PhysicalAddress page, Account& payer);

    Frame& frame(PhysicalAddress page) { return frames_[page.value / abi::kPageBytes - first_]; }
    bool is_ram(PhysicalAddress page) const {
        return page.value / abi::kPageBytes - first_ < count_;  // below it the difference is huge
    }
    bool overlaps_ram(const MemoryRange& range) const {
        return range.base.value < (first_ + count_) * abi::kPageBytes && range.base.value + range.length_bytes > first_ * abi::kPageBytes;
    }
    uint64_t free_pages() const { return free_pages_; }
    /// Whether so many pages may go to an account: it leaves those free that it is to leave to others.
    bool has_for(const Account& payer, uint64_t count = 1) const {
        return free_pages_ >= count && free_pages_ - count >= payer.kept_free_pages();
    }
    /// The last account that was refused a frame since none was to spare for it, if any was since this was last asked; as what it leaves
    /// free. So who got NoMemory knows whether it was for want of frames.
    std::optional<uint64_t> take_refused() { return std::exchange(refused_, std::nullopt); }
    void note_refused(const Account& payer) { refused_ = payer.kept_free_pages(); }
    /// So few that memory objects must give some back.
    bool are_few() const { return free_pages_ < few_; }
    uint64_t few_pages() const { return few_; }
    /// The Reclaimer is told of frames that are freed when so many are free.
    void tell_at(uint64_t free_pages) { tell_at_ = free_pages; }
    static constexpr uint64_t kNever = ~uint64_t{0};
    uint64_t total_pages() const { return total_pages_; }

    /// Hosted tests: the allocation after so many fails, and of those that follow it the one after so many more; heap allocations count
    /// too. Negative: none.
    static inline int64_t fail_after = -1, fail_again_after = -1;
    static bool should_fail() {
#ifdef PORTICO_HOSTED
        if (fail_after >= 0 && fail_after-- == 0) {
            fail_after = std::exchange(fail_again_after, -1);
            return true;
        }
#endif
        return false;
    }

private:
    Frame* frames_ = nullptr;
    uint64_t first_ = 0, count_ = 0;
    uint32_t free_list_ = 0;  ///< frame number relative to first_, plus one
    uint64_t free_pages_ = 0, total_pages_ = 0;
    uint64_t few_ = 0;
    uint64_t tell_at_ = kNever;
    std::optional<uint64_t> refused_;
    std::array<MemoryRange, 32> fresh_{};
    unsigned fresh_count_ = 0, fresh_index_ = 0;
};

extern FrameAllocator frames;

}  // namespace portico::kernel
