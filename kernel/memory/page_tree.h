#pragma once

#include <cstdint>

#include "kernel/memory/frame_allocator.h"
#include "kernel/memory/heap.h"
#include "kernel/object/steps.h"

namespace portico::kernel {

/// The pages of a memory object: a radix tree of 64-way nodes whose nodes and pages are counted, so that a clone of the whole
/// tree only shares the root. A node or page with more than one reference is copied before it is changed
/// (path copying as in persistent trees: Driscoll, Sarnak, Sleator, Tarjan 1989).
///
/// A place of a page holds its address, or, if it is in the swap space (swap.h), its number there.
///
/// Ownership: slots hold references to nodes, frames and numbers in the swap space; the tree holds its root's.
/// Bound: height grows with the highest page used: 64, 4096, … pages.
class PageTree {
public:
    static constexpr unsigned kSlotBits = 6, kSlots = 1u << kSlotBits;
    static constexpr uint64_t kPagesMax = uint64_t{1} << 36;

    explicit PageTree(Account& payer) : payer_(payer) {}
    PageTree(const PageTree&) = delete;
    PageTree& operator=(const PageTree&) = delete;
    ~PageTree() { clear(); }

    struct Found {
        PhysicalAddress page{};
        bool present = false;
        bool exclusive = false;  ///< nobody shares it: it may be written
        bool swapped = false;    ///< it is in the swap space, and not present
    };
    Found find(uint64_t index) const;

    /// A page that may be written: the one there, a copy if it is shared, or a zeroed new one. Errors: NoMemory.
    Result<PhysicalAddress> make_writable(uint64_t index);

    /// Puts a frame (whose reference count it raises) at an empty or full place. Errors: NoMemory.
    Result<> put(uint64_t index, PhysicalAddress page) { return put_slot(index, page.value); }
    /// The same for whatever is at a place of another tree.
    Result<> put_slot(uint64_t index, uint64_t page);

    static constexpr bool is_swapped(uint64_t slot) { return (slot & 1) != 0; }
    static constexpr uint64_t swapped_slot(uint64_t number) { return number << 1 | 1; }
    static constexpr uint64_t swap_number(uint64_t slot) { return slot >> 1; }
    /// Drops a reference that the place of a page held, which is not empty.
    static void release_page(uint64_t slot) {
        if (is_swapped(slot)) [[unlikely]]
            release_swapped(slot);
        else
            frames.release({slot});
    }

    /// Neighbouring places, for work on many pages at once. Valid until the tree changes otherwise.
    struct Run {
        uint64_t* slots = nullptr;  ///< see above, 0: absent. Null: no page has been near, so there are no places yet
        uint64_t count = 0;         ///< at least 1
        bool exclusive = false;     ///< the nodes are ours alone: pages may be taken out, and put in with a reference each
    };
    /// The places from `index` on, at most `count_max` and not more than are in one node.
    Run run(uint64_t index, uint64_t count_max);
    /// Sees to it that there are places for these pages, and that their nodes are ours alone. Errors: NoMemory, then for some.
    Result<> make_exclusive(uint64_t index, uint64_t count);

    Account& payer() const { return payer_; }

    /// Shares all pages of `other`; this tree must be empty.
    void share(const PageTree& other);

    /// Frees the pages of a range, or as many as there are steps for; true when none are left. A shared path to some of them is copied
    /// first. Errors: NoMemory, then some are left; never if the range is the whole tree.
    Result<bool> discard(uint64_t first, uint64_t end, Steps& steps);
    /// Frees a page that is there, and the nodes above it that are empty then. They are this tree's alone.
    void remove(uint64_t index);
    void clear();

    uint64_t resident_pages() const;
    /// By how many trees a page that is there can be reached, by what is seen on the way: too few if others share it in turn.
    uint64_t users(uint64_t index) const;
    /// The first page at or above `index` that is present or swapped, or kPagesMax.
    uint64_t next_present(uint64_t index) const;
    /// Of a range, as far as there are steps.
    uint64_t swapped_pages(uint64_t first, uint64_t end, Steps& steps);

private:
    struct Node;
    static constexpr uint64_t capacity(unsigned height) { return uint64_t{1} << (kSlotBits * height); }

    Result<Node*> make_node(unsigned height);
    Result<Node*> copy_node(const Node& node);
    Result<uint64_t*> path(uint64_t index);
    Result<> grow(uint64_t index);
    Result<bool> discard_in(uint64_t& slot, unsigned height, uint64_t base, uint64_t first, uint64_t end, Steps& steps);
    static bool release_some(uint64_t& slot, unsigned height, Steps& steps);
    static void release(uint64_t slot, unsigned height);
    static void release_swapped(uint64_t slot);
    static void free_node(Node& node);
    static void share_slot(uint64_t slot, unsigned height);
    static uint64_t count(uint64_t slot, unsigned height);
    static uint64_t next_in(uint64_t slot, unsigned height, uint64_t base, uint64_t from);

    Account& payer_;
    uint64_t root_ = 0;    ///< height 0: a page's address; else a Node's; 0: empty
    unsigned height_ = 0;  ///< levels of nodes
};

}  // namespace portico::kernel
