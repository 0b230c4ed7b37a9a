#include <bit>

#include "kernel/memory/address_space.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/swap.h"

/// How pages of anonymous memory go to the swap space and come back.
namespace portico::kernel {

uint64_t Memory::give_second_chance(uint64_t first_page) {
    const uint64_t first = tree_.next_present(first_page);
    if (first >= size_pages()) return PageTree::kPagesMax;
    const uint64_t count = std::min(PageTree::kSlots - first % PageTree::kSlots, size_pages() - first);
    if (paging_ != nullptr)
        evict_clean(first, count);
    else
        swap_out(first, count);
    return first + count;
}

/// Visits the members of the family whose trees have the same node there: what is changed in it changes for all of them.
template <class Visit>
void Memory::for_each_sharer(const uint64_t* slots, uint64_t first_page, Visit visit) {
    Memory* member = this;
    do {
        if (member->tree_.run(first_page, 1).slots == slots) visit(*member);
        member = member->next_of_family_;
    } while (member != this);
}

/// Servers do not wait for pages of their own, nor for those that others let them map.
bool Memory::may_swap_out(const uint64_t* slots, uint64_t first_page, uint64_t page_count) {
    bool may = true;
    for_each_sharer(slots, first_page, [&](const Memory& member) {
        may = may && member.paging_ == nullptr && !member.is_device_ram() && member.tree_.payer().kept_free_pages() > 0;
        for (const Mapping* mapping = member.mappings_; mapping != nullptr && may; mapping = mapping->next_of_memory)
            if (mapping->first_page < first_page + page_count && first_page < mapping->first_page + mapping->page_count)
                may = mapping->space->payer().kept_free_pages() > 0;
    });
    return may;
}

/// Whether it does any good to move a page: not if a server keeps it, or a pager, who knows whether it is dirty.
static bool is_worth_moving(Frame& frame) {
    if (frame.references == 1) {
        frame.next = 0;  // what a paged object noted that has let go of it
        return true;
    }
    return frame.in_swap() || (!frame.of_pager() && frame.payer->kept_free_pages() > 0);
}

void Memory::swap_out(uint64_t first_page, uint64_t page_count) {
    if (reference_count() == 0) return;  // its pages go anyway
    SwapSpace& space = *SwapSpace::current;
    const PageTree::Run run = tree_.run(first_page, page_count);
    if (!may_swap_out(run.slots, first_page, run.count)) return;
    uint64_t accessed = 0, chosen = 0;
    for_each_sharer(run.slots, first_page, [&](Memory& member) { accessed |= member.take_accessed(first_page, run.count); });
    uint64_t room = space.room();
    for (uint64_t i = 0; i < run.count; ++i) {
        if (run.slots[i] == 0 || PageTree::is_swapped(run.slots[i])) continue;
        Frame& frame = frames.frame({run.slots[i]});
        if (frame.take_fresh() || (accessed >> i & 1) != 0 || !is_worth_moving(frame)) continue;
        if (!frame.in_swap() && room == 0) continue;
        chosen |= uint64_t{1} << i;
        room -= frame.in_swap() ? 0 : 1;
    }
    while (chosen != 0) {
        const auto from = static_cast<unsigned>(std::countr_zero(chosen));
        const auto length = static_cast<unsigned>(std::countr_one(chosen >> from));
        for_each_sharer(run.slots, first_page, [&](Memory& member) { member.invalidate(first_page + from, length); });
        for (unsigned i = from; i < from + length; ++i) {
            if (!space.take(run.slots[i])) return space.ask_to_write();
            chosen &= ~(uint64_t{1} << i);
        }
    }
    space.ask_to_write();
}

__attribute__((noinline, cold)) Result<> Memory::bring_in(uint64_t index) {
    return SwapSpace::current->bring_in(*tree_.run(index, 1).slots, tree_.payer());
}

}  // namespace portico::kernel
