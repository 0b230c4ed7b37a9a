#include <algorithm>

#include "kernel/memory/address_space.h"

/// Pages on their way between address spaces (docs/ipc.md, pages). Everything here happens within one kernel entry: the order in it
/// matters only to other CPUs' user programs, which must have lost a page before it is given away, and before a replaced one is freed.
namespace portico::kernel {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;

/// Whether only this space, and it by this mapping alone, can see or change these pages.
Result<> demand_private(const Mapping& mapping, uint64_t first_page, uint64_t page_count) {
    if (!allows(mapping.access, Access::ReadWrite) || has(mapping.flags, MapFlags::Shared)) return fail(Error::InvalidArgument);
    if (!mapping.memory->shows_only_in(mapping, first_page, page_count)) return fail(Error::InvalidArgument);
    if (first_page + page_count > mapping.memory->size_pages()) return fail(Error::BadAddress);
    return {};
}

/// A copy that no one refers to yet. Errors: NoMemory.
Result<PhysicalAddress> copy_of(PhysicalAddress page, Account& payer) {
    const PhysicalAddress copy = TRY(frames.allocate(payer));
    arch::copy_page(arch::to_virtual(copy), arch::to_virtual(page));
    return copy;
}

bool is_none(PhysicalAddress page) {
    return page.value == 0;
}
bool has_any(std::span<const PhysicalAddress> pages) {
    return !std::all_of(pages.begin(), pages.end(), is_none);
}

void shoot_down_range(arch::PageTable& table, uint64_t address, uint64_t page_count) {
    constexpr uint64_t kOneByOneMax = 32;  // more are one flush of the whole table
    std::array<uint64_t, kOneByOneMax> pages;
    const uint64_t listed = page_count <= kOneByOneMax ? page_count : 0;
    for (uint64_t i = 0; i < listed; ++i) pages[i] = address + i * kPage;
    arch::shoot_down(table, {pages.data(), listed});
}

/// Calls `visit(to, from, common, bytes)` for pages that land in a tree for which another account pays than for them, neighbours of
/// one account together; `common` is the first account that both use.
template <class Visit>
Result<> for_each_payment(const PagePlan& plan, std::span<const PhysicalAddress> pages, Visit visit) {
    for (const PagePlan::Run& run : plan.runs()) {
        Account& to = run.tree->payer();
        for (uint32_t i = 0; i < run.count;) {
            const PhysicalAddress page = pages[run.first + i];
            Account* from = is_none(page) ? &to : frames.frame(page).payer;
            uint32_t same = 1;
            while (from != &to && i + same < run.count) {
                const PhysicalAddress next = pages[run.first + i + same];
                if (is_none(next) || frames.frame(next).payer != from) break;
                ++same;
            }
            if (from != &to) TRY(visit(to, *from, Account::first_common(to, *from), same * kPage));
            i += same;
        }
    }
    return {};
}

void refund_charges(const PagePlan& plan, std::span<const PhysicalAddress> pages, uint32_t payments) {
    (void)for_each_payment(plan, pages, [&](Account& to, Account&, const Account* common, uint64_t bytes) -> Result<> {
        if (payments-- == 0) return fail(Error::NoMemory);  // this one was refused
        to.refund_below(common, bytes);
        return {};
    });
}

/// Charges those that will pay; returns how many payments that are. Errors: NoMemory, then nobody is charged.
Result<uint32_t> charge_for_landing(const PagePlan& plan, std::span<const PhysicalAddress> pages) {
    uint32_t payments = 0;
    const Result<> charged = for_each_payment(plan, pages, [&](Account& to, Account&, const Account* common, uint64_t bytes) -> Result<> {
        TRY(to.charge_below(common, bytes));
        ++payments;
        return {};
    });
    if (charged) return payments;
    refund_charges(plan, pages, payments);
    return fail(charged.error());
}

/// Refunds those that have paid until now. May end an account that nothing else keeps.
void refund_payers(const PagePlan& plan, std::span<const PhysicalAddress> pages) {
    (void)for_each_payment(plan, pages, [](Account&, Account& from, const Account* common, uint64_t bytes) -> Result<> {
        from.refund_below(common, bytes);
        return {};
    });
}

/// Changes the pages in a run for others; those of before are in `pages` then.
void exchange(const PagePlan::Run& run, Passing how, std::span<PhysicalAddress> pages) {
    if (run.slots == nullptr) return;
    Account& payer = run.tree->payer();
    for (uint32_t i = 0; i < run.count; ++i) {
        PhysicalAddress& page = pages[run.first + i];
        if (how == Passing::Move && !is_none(page)) {
            Frame& frame = frames.frame(page);
            ASSERT(frame.references == 1);
            frame.payer = &payer;
        }
        std::swap(run.slots[i], page.value);
    }
}

}  // namespace

template <class Needs>
Result<> AddressSpace::plan_pages(uint64_t address, uint64_t page_count, PagePlan& plan, Needs needs_places) {
    if (!range_is_valid(address, page_count)) return fail(Error::InvalidArgument);
    Mapping* mapping = mapping_at(address);
    for (uint64_t done = 0;;) {
        const uint64_t at = address + done * kPage;
        if (mapping == nullptr || mapping->address > at) return fail(Error::BadAddress);
        const uint64_t first_page = mapping->first_page + (at - mapping->address) / kPage;
        const uint64_t count = std::min(page_count - done, (mapping->end() - at) / kPage);
        TRY(demand_private(*mapping, first_page, count));
        TRY(plan.add(*mapping, mapping->memory->tree(), first_page, static_cast<uint32_t>(count), needs_places));
        done += count;
        if (done == page_count) return {};
        mapping = mapping_above(address + done * kPage);
    }
}

Result<> AddressSpace::list_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages, PagePlan& plan) {
    const bool moves = how == Passing::Move;
    TRY(plan_pages(address, pages.size(), plan,
                   [&](const PageTree::Run& run, uint32_t) { return moves && run.slots != nullptr && !run.exclusive; }));
    for (const PagePlan::Run& run : plan.runs()) {
        for (uint32_t i = 0; i < run.count; ++i) {
            PhysicalAddress page{run.slots == nullptr ? 0 : run.slots[i]};
            if (moves && !is_none(page) && frames.frame(page).references > 1) [[unlikely]] {
                const Result<PhysicalAddress> copy = copy_of(page, run.tree->payer());
                if (!copy) {
                    forget_listed_pages(pages.first(run.first + i));
                    return fail(copy.error());
                }
                page = *copy;
            }
            pages[run.first + i] = page;
        }
    }
    return {};
}

void forget_listed_pages(std::span<PhysicalAddress> pages) {
    for (PhysicalAddress& page : pages) {
        if (!is_none(page) && frames.frame(page).references == 0) frames.free(page);
        page = {};
    }
}

void release_pages(std::span<PhysicalAddress> pages) {
    for (PhysicalAddress& page : pages) {
        if (!is_none(page)) frames.release(page);
        page = {};
    }
}

void AddressSpace::detach_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages, const PagePlan& plan) {
    const bool moves = how == Passing::Move;
    const uint64_t changed = moves ? table_.unmap_range(address, pages.size()) : table_.make_read_only(address, pages.size());
    if (changed > 0) shoot_down_range(table_, address, pages.size());
    if (!moves) {
        for (const PhysicalAddress page : pages)
            if (!is_none(page)) ++frames.frame(page).references;
        return;
    }
    for (const PagePlan::Run& run : plan.runs()) {
        for (uint32_t i = 0; run.slots != nullptr && i < run.count; ++i) {
            const PhysicalAddress was{std::exchange(run.slots[i], 0)}, page = pages[run.first + i];
            if (was == page) [[likely]]
                continue;  // the reference goes over
            frames.frame(page).references = 1;
            frames.release(was);
        }
    }
}

/// Enters pages where they land; returns how many entries they replace. Errors: NoMemory, then no entry has changed.
Result<uint64_t> AddressSpace::map_landing(uint64_t address, Passing how, std::span<const PhysicalAddress> pages, const PagePlan& plan) {
    if (plan.pieces().size() > 1) TRY(table_.reserve(address, pages.size()));
    uint64_t replaced = 0;
    for (const PagePlan::Piece& piece : plan.pieces()) {
        const Access access = how == Passing::Move ? piece.mapping->access : piece.mapping->access & Access::ReadExecute;
        replaced += TRY(table_.map_range(address + piece.first * kPage, pages.subspan(piece.first, piece.count), access));
    }
    return replaced;
}

Result<> AddressSpace::attach_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages) {
    PagePlan plan;
    TRY(plan_pages(address, pages.size(), plan, [&](const PageTree::Run& run, uint32_t first) {
        return run.slots == nullptr ? has_any(pages.subspan(first, run.count)) : !run.exclusive;
    }));
    const uint32_t payments = how == Passing::Move ? TRY(charge_for_landing(plan, pages)) : 0;
    const Result<uint64_t> replaced = map_landing(address, how, pages, plan);
    if (!replaced) {
        refund_charges(plan, pages, payments);
        return fail(replaced.error());
    }
    if (payments > 0) refund_payers(plan, pages);
    for (const PagePlan::Run& run : plan.runs()) exchange(run, how, pages);
    if (*replaced > 0) shoot_down_range(table_, address, pages.size());
    release_pages(pages);
    return {};
}

}  // namespace portico::kernel
