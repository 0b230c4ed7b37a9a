#include <algorithm>
#include <bit>

#include "kernel/memory/address_space.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/reclaim.h"
#include "kernel/memory/swap.h"
#include "kernel/sched/cpu.h"

/// Memory objects whose pages come from a pager, and their clones.
namespace portico::kernel {

Result<Ref<Memory>> Memory::create_paged(Account& payer, uint64_t size_bytes, Ref<Sender> pager, const Process& maker, uint64_t wait_ns) {
    Ref<Memory> memory = TRY(create_object<Memory>(payer, payer, size_bytes, abi::MemoryFlags::Paged));
    if (memory->next_of_clock != nullptr) reclaimer.remove(*memory);
    memory->paging_ = TRY(heap.make<Paging>(payer, *memory, std::move(pager), maker, wait_ns));
    reclaimer.add(*memory);
    return memory;
}

Result<Ref<Memory>> Memory::create_swap(Account& payer, uint64_t size_bytes, Ref<Sender> pager, const Process& maker, uint64_t wait_ns) {
    if (SwapSpace::current != nullptr) return fail(Error::WrongState);
    Ref<Memory> memory = TRY(create_paged(payer, size_bytes, std::move(pager), maker, wait_ns));
    memory->swap_space_ = TRY(heap.make<SwapSpace>(payer, *memory));
    return memory;
}

std::unexpected<Error> Memory::miss(uint64_t index, Access access) {
    arch::this_cpu().absent = {.memory = this, .index = index, .access = access, .space = nullptr};
    return fail(kPageAbsent);
}

/// Shares a page with the object that this one is a clone of, from now on whatever becomes of it there.
Result<Memory::Page> Memory::page_of_source(uint64_t index) {
    const uint64_t there = source_first_ + index;
    if (there >= source_->size_pages()) return Page{zero_page_address(), false};
    const Page page = TRY(source_->page_to_read(there));
    TRY(tree_.put(index, page.address));
    if (page.may_write) source_->protect_mappings(there, 1);
    return Page{page.address, false};
}

uint64_t Memory::absent_run(uint64_t index) {
    constexpr uint64_t kRunMax = 32;
    const uint64_t end = std::min(index + kRunMax, std::max(size_pages(), index + 1));
    const uint64_t run = std::min(end, std::max(tree_.next_present(index), index + 1)) - index;
    return swap_space_ != nullptr ? swap_space_->used_run(index, run) : run;
}

Result<> Memory::prepare_supply(uint64_t first_page, std::span<const PhysicalAddress> pages) {
    TRY(tree_.make_exclusive(first_page, pages.size()));
    Account& to = tree_.payer();
    for (size_t i = 0; i < pages.size(); ++i) {
        if (pages[i].value == 0) continue;
        Account& from = *frames.frame(pages[i]).payer;
        if (const Result<> paid = to.charge_below(Account::first_common(to, from), abi::kPageBytes); !paid) {
            for (const PhysicalAddress page : pages.first(i))
                if (page.value != 0) to.refund_below(Account::first_common(to, *frames.frame(page).payer), abi::kPageBytes);
            return paid;
        }
    }
    return {};
}

void Memory::supply(uint64_t first_page, std::span<PhysicalAddress> pages) {
    Account& to = tree_.payer();
    for (size_t done = 0; done < pages.size();) {
        const PageTree::Run run = tree_.run(first_page + done, pages.size() - done);
        ASSERT(run.exclusive);
        for (uint64_t i = 0; i < run.count; ++i) {
            PhysicalAddress& page = pages[done + i];
            if (page.value != 0) {
                Frame& frame = frames.frame(page);
                ASSERT(frame.references == 1);
                Account& from = *std::exchange(frame.payer, &to);
                frame.set_supplied();
                from.refund_below(Account::first_common(from, to), abi::kPageBytes);
            }
            if (run.slots[i] != 0) continue;
            if (swap_space_ != nullptr && !swap_space_->receive(first_page + done + i, page)) continue;
            if (page.value == 0) ++frames.frame(page = zero_page_address()).references;
            run.slots[i] = std::exchange(page, {}).value;
        }
        done += run.count;
    }
    paging_->conclude(first_page, pages.size(), Error::None);
    if (swap_space_ != nullptr) reclaimer.look_again();
}

Memory::PageBits Memory::look_at(uint64_t first_page, uint64_t page_count) {
    PageBits bits;
    for (uint64_t i = 0; i < page_count; ++i) {
        const PageTree::Found found = tree_.find(first_page + i);
        if (!found.present) continue;
        bits.present |= uint64_t{1} << i;
        if (frames.frame(found.page).dirty()) bits.dirty |= uint64_t{1} << i;
    }
    return bits;
}

static constexpr bool is_set(uint64_t word, uint64_t i) {
    return (word >> i & 1) != 0;
}

Result<Memory::PageBits> Memory::detach(uint64_t first_page, uint64_t page_count, AddressSpace& to, uint64_t address,
                                        abi::DetachMode mode) {
    const bool drop = mode == abi::DetachMode::Drop;
    // Who goes on writing must be noticed, before it is known what is dirty.
    if (drop)
        invalidate(first_page, page_count);
    else
        protect_mappings(first_page, page_count);
    const PageBits bits = look_at(first_page, page_count);
    if (bits.present == 0 && address == 0) return bits;
    if (drop && bits.present != 0) TRY(tree_.make_exclusive(first_page, page_count));
    std::array<PhysicalAddress, kPagesAtOnceMax> pages{};
    if (address != 0) {
        for (uint64_t i = 0; i < page_count; ++i)
            if (is_set(bits.dirty, i)) ++frames.frame(pages[i] = tree_.find(first_page + i).page).references;
        const std::span<PhysicalAddress> range{pages.data(), page_count};
        if (const Result<> landed = to.attach_pages(address, Passing::Copy, range); !landed) {
            release_pages(range);
            return fail(landed.error());
        }
    }
    for (uint64_t i = 0; i < page_count; ++i) {
        if (!is_set(bits.present, i) || (address == 0 && is_set(bits.dirty, i))) continue;
        const PageTree::Found found = tree_.find(first_page + i);
        if (!found.present) continue;  // a swap page whose only user lay where the others landed
        Frame& frame = frames.frame(found.page);
        if (mode != abi::DetachMode::Copy) {
            if (swap_space_ != nullptr) swap_space_->page_is_clean(frame);
            frame.set_clean();
        }
        if (mode == abi::DetachMode::Copy && frame.dirty()) {
            if (swap_space_ != nullptr && !frame.being_written()) swap_space_->page_is_being_written();
            frame.set_being_written();
            some_being_written_ = true;
        }
        if (drop) let_go(first_page + i);
    }
    if (swap_space_ != nullptr && bits.dirty != 0) swap_space_->ask_to_write();
    if (swap_space_ != nullptr && bits.dirty == 0) reclaimer.go_on();
    return bits;
}

Result<Memory::PageBits> Memory::detach_written(uint64_t first_page, uint64_t page_count, AddressSpace& to, uint64_t address) {
    PageBits bits;
    for (uint64_t i = 0; i < page_count; ++i) {
        const PageTree::Found found = tree_.find(first_page + i);
        if (!found.present) continue;
        bits.present |= uint64_t{1} << i;
        if (frames.frame(found.page).being_written()) bits.dirty |= uint64_t{1} << i;
    }
    if (bits.dirty != 0) TRY(tree_.make_exclusive(first_page, page_count));
    std::array<PhysicalAddress, kPagesAtOnceMax> none{};
    if (address != 0) TRY(to.attach_pages(address, Passing::Copy, {none.data(), page_count}));
    if (bits.dirty != 0) invalidate(first_page, page_count);
    for (uint64_t i = 0; i < page_count; ++i) {
        if (!is_set(bits.dirty, i)) continue;
        const PageTree::Found found = tree_.find(first_page + i);
        if (!found.present) continue;  // as above
        Frame& frame = frames.frame(found.page);
        if (swap_space_ != nullptr) swap_space_->page_is_clean(frame);
        frame.set_clean();
        if (frame.references == 1) let_go(first_page + i);  // else nothing would be gained
    }
    if (swap_space_ != nullptr) {
        swap_space_->pages_out += static_cast<uint64_t>(std::popcount(bits.dirty));
        reclaimer.go_on();
    }
    return bits;
}

void Memory::let_go(uint64_t index) {
    if (swap_space_ != nullptr) swap_space_->page_leaves(frames.frame(tree_.find(index).page));
    tree_.remove(index);
}

void Memory::forget_being_written() {
    if (!std::exchange(some_being_written_, false)) return;
    for (uint64_t index = tree_.next_present(0); index < size_pages(); index = tree_.next_present(index + 1))
        frames.frame(tree_.find(index).page).forget_being_written();
    if (swap_space_ != nullptr) swap_space_->nothing_is_being_written();
}

void Memory::evict_clean(uint64_t first, uint64_t count) {
    const uint64_t accessed = take_accessed(first, count);
    uint64_t wanted_first = 0, wanted_end = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const PageTree::Found found = tree_.find(first + i);
        if (!found.exclusive || frames.frame(found.page).take_fresh() || is_set(accessed, i)) continue;
        if (frames.frame(found.page).being_written()) continue;
        if (frames.frame(found.page).dirty()) {
            if (wanted_end == 0) wanted_first = first + i;
            wanted_end = first + i + 1;
            continue;
        }
        invalidate(first + i, 1);
        let_go(first + i);
    }
    if (wanted_end > 0) paging_->want_back(wanted_first, wanted_end - wanted_first);
}

}  // namespace portico::kernel
