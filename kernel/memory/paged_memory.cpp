#include <algorithm>

#include "kernel/memory/address_space.h"
#include "kernel/memory/paging.h"
#include "kernel/sched/cpu.h"

/// Memory objects whose pages come from a pager, and their clones.
namespace portico::kernel {

Result<Ref<Memory>> Memory::create_paged(Account& payer, uint64_t size_bytes, Ref<Sender> pager, const Process& maker, uint64_t wait_ns) {
    Ref<Memory> memory = TRY(create_object<Memory>(payer, payer, size_bytes, abi::MemoryFlags::Paged));
    memory->paging_ = TRY(heap.make<Paging>(payer, *memory, std::move(pager), maker, wait_ns));
    return memory;
}

std::unexpected<Error> Memory::absent(uint64_t index, Access access) {
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
    return std::min(end, std::max(tree_.next_present(index), index + 1)) - index;
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
                frame.set_fresh();
                from.refund_below(Account::first_common(from, to), abi::kPageBytes);
            }
            if (run.slots[i] != 0) continue;
            if (page.value == 0) ++frames.frame(page = zero_page_address()).references;
            run.slots[i] = std::exchange(page, {}).value;
        }
        done += run.count;
    }
    paging_->conclude(first_page, pages.size(), Error::None);
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

Result<Memory::PageBits> Memory::detach(uint64_t first_page, uint64_t page_count, AddressSpace& to, uint64_t address, bool keep) {
    // Who goes on writing must be noticed, before it is known what is dirty.
    if (keep)
        protect_mappings(first_page, page_count);
    else
        invalidate(first_page, page_count);
    const PageBits bits = look_at(first_page, page_count);
    if (bits.present == 0 && address == 0) return bits;
    if (!keep && bits.present != 0) TRY(tree_.make_exclusive(first_page, page_count));
    std::array<PhysicalAddress, kPagesAtOnceMax> pages{};
    const auto is_set = [](uint64_t word, uint64_t i) { return (word >> i & 1) != 0; };
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
        const PhysicalAddress page = tree_.find(first_page + i).page;
        frames.frame(page).set_clean();
        Steps steps;
        if (!keep) (void)tree_.discard(first_page + i, first_page + i + 1, steps);
    }
    return bits;
}

uint64_t Memory::give_second_chance(uint64_t first_page) {
    const uint64_t first = tree_.next_present(first_page);
    if (first >= size_pages()) return PageTree::kPagesMax;
    const uint64_t count = std::min(PageTree::kSlots - first % PageTree::kSlots, size_pages() - first);
    const uint64_t accessed = take_accessed(first, count);
    uint64_t wanted_first = 0, wanted_end = 0;
    for (uint64_t i = 0; i < count; ++i) {
        const PageTree::Found found = tree_.find(first + i);
        if (!found.exclusive || frames.frame(found.page).take_fresh() || (accessed >> i & 1) != 0) continue;
        if (frames.frame(found.page).dirty()) {
            if (wanted_end == 0) wanted_first = first + i;
            wanted_end = first + i + 1;
            continue;
        }
        invalidate(first + i, 1);
        Steps steps;
        (void)tree_.discard(first + i, first + i + 1, steps);
    }
    if (wanted_end > 0) paging_->want_back(wanted_first, wanted_end - wanted_first);
    return first + count;
}

}  // namespace portico::kernel
