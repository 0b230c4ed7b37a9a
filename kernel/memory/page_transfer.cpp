#include <algorithm>

#include "kernel/memory/address_space.h"
#include "kernel/memory/swap.h"

/// Pages on their way between address spaces (docs/ipc.md, pages). Everything here happens within one kernel entry: the order in it
/// matters only to other CPUs' user programs, which must have lost a page before it is given away, and before a replaced one is freed.
namespace portico::kernel {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;

/// The part of a range that one mapping shows.
struct Piece {
    Mapping& mapping;
    uint64_t first_page;  ///< in the memory object
    uint64_t done;        ///< pages of the range before it
    uint64_t count;

    PageTree& tree() const { return mapping.memory->tree(); }
    Result<> demand_private() const { return mapping.demand_private(first_page, count); }
};

/// Calls `visit(run, done)` for neighbouring places of a piece, `done` counting pages of the whole range.
template <class Visit>
Result<> for_each_run(const Piece& piece, Visit visit) {
    for (uint64_t done = 0; done < piece.count;) {
        PageTree::Run run = piece.tree().run(piece.first_page + done, piece.count - done);
        TRY(visit(run, piece.done + done));
        done += run.count;
    }
    return {};
}

/// Makes places for a run that has none, or whose nodes are shared. Errors: NoMemory.
Result<PageTree::Run> own_places(const Piece& piece, const PageTree::Run& run, uint64_t done) {
    const uint64_t index = piece.first_page + (done - piece.done);
    TRY(piece.tree().make_exclusive(index, run.count));
    return piece.tree().run(index, run.count);
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

/// Calls `visit(from, bytes)` for pages that an account other than `to` pays for, neighbours of one account together.
template <class Visit>
Result<> for_each_payer(const Account& to, std::span<const PhysicalAddress> pages, Visit visit) {
    Account* from = nullptr;
    uint64_t bytes = 0;
    for (const PhysicalAddress page : pages) {
        if (is_none(page)) continue;
        Account* payer = frames.frame(page).payer;
        if (payer == &to) continue;
        if (payer != from && bytes > 0) {
            TRY(visit(*from, bytes));
            bytes = 0;
        }
        from = payer;
        bytes += kPage;
    }
    if (bytes > 0) TRY(visit(*from, bytes));
    return {};
}

}  // namespace

/// Calls `visit(piece)` for what each mapping shows of a range. Errors: BadAddress at a hole, and those of visit.
template <class Visit>
Result<> AddressSpace::for_each_piece(uint64_t address, uint64_t page_count, Visit visit) {
    auto it = first_above(address);
    for (uint64_t done = 0; done < page_count; ++it) {
        const uint64_t at = address + done * kPage;
        if (it == mappings_.end() || it->address > at) return fail(Error::BadAddress);
        const uint64_t count = std::min(page_count - done, (it->end() - at) / kPage);
        TRY(visit(Piece{*it, it->first_page + (at - it->address) / kPage, done, count}));
        done += count;
    }
    return {};
}

Result<> AddressSpace::list_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages) {
    if (!range_is_valid(address, pages.size())) return fail(Error::InvalidArgument);
    uint64_t listed = 0;
    const Result<> result = for_each_piece(address, pages.size(), [&](const Piece& piece) -> Result<> {
        TRY(piece.demand_private());
        return for_each_run(piece, [&](PageTree::Run& run, uint64_t done) -> Result<> {
            if (how == Passing::Move && run.slots != nullptr && !run.exclusive) run = TRY(own_places(piece, run, done));
            for (uint64_t i = 0; i < run.count; ++i, ++listed) {
                if (run.slots != nullptr && PageTree::is_swapped(run.slots[i])) [[unlikely]] {
                    const Result<> came = SwapSpace::current->bring_in(run.slots[i], piece.tree().payer());
                    if (!came) return note_absent(came.error());
                }
                const PhysicalAddress page{run.slots == nullptr ? 0 : run.slots[i]};
                const bool to_be_copied = how == Passing::Move && !is_none(page) && frames.frame(page).references > 1;
                pages[listed] = to_be_copied ? TRY(copy_of(page, piece.tree().payer())) : page;
            }
            return {};
        });
    });
    if (!result) forget_listed_pages(pages.first(listed));
    return result;
}

void forget_listed_pages(std::span<PhysicalAddress> pages) {
    for (PhysicalAddress& page : pages) {
        if (!is_none(page) && frames.frame(page).references == 0) frames.free(page);
        page = {};
    }
}

void release_pages(std::span<PhysicalAddress> pages) {
    for (PhysicalAddress& page : pages) {
        if (!is_none(page)) PageTree::release_page(page.value);
        page = {};
    }
}

void AddressSpace::detach_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages) {
    const bool moves = how == Passing::Move;
    const uint64_t changed = moves ? table_.unmap_range(address, pages.size()) : table_.make_read_only(address, pages.size());
    if (changed > 0) shoot_down_range(table_, address, pages.size());
    if (!moves) {
        for (const PhysicalAddress page : pages)
            if (!is_none(page)) ++frames.frame(page).references;
        return;
    }
    const Result<> result = for_each_piece(address, pages.size(), [&](const Piece& piece) {
        return for_each_run(piece, [&](const PageTree::Run& run, uint64_t done) -> Result<> {
            for (uint64_t i = 0; run.slots != nullptr && i < run.count; ++i) {
                const PhysicalAddress was{std::exchange(run.slots[i], 0)};
                if (was == pages[done + i]) continue;  // the reference goes over
                frames.frame(pages[done + i]).references = 1;
                frames.release(was);
            }
            return {};
        });
    });
    ASSERT(result.has_value());
}

/// The part of attach_pages that needs memory for itself, and all its checks.
Result<> AddressSpace::prepare_places(uint64_t address, std::span<const PhysicalAddress> pages) {
    TRY(for_each_piece(address, pages.size(), [&](const Piece& piece) -> Result<> {
        TRY(piece.demand_private());
        return for_each_run(piece, [&](PageTree::Run& run, uint64_t done) -> Result<> {
            const bool needs_places = run.slots == nullptr ? has_any(pages.subspan(done, run.count)) : !run.exclusive;
            if (needs_places) run = TRY(own_places(piece, run, done));
            return {};
        });
    }));
    return table_.reserve(address, pages.size());
}

/// All charges first: they can fail. Refunds cannot, and may end an account that nothing else keeps.
Result<> AddressSpace::take_over_payment(uint64_t address, std::span<const PhysicalAddress> pages) {
    const auto for_each_payment = [&](auto visit) {
        return for_each_piece(address, pages.size(), [&](const Piece& piece) {
            Account& to = piece.tree().payer();
            return for_each_payer(to, pages.subspan(piece.done, piece.count), [&](Account& from, uint64_t bytes) -> Result<> {
                return visit(to, from, Account::first_common(to, from), bytes);
            });
        });
    };
    uint64_t charged = 0;
    const Result<> result = for_each_payment([&](Account& to, Account&, const Account* common, uint64_t bytes) -> Result<> {
        TRY(to.charge_below(common, bytes));
        ++charged;
        return {};
    });
    if (charged == 0) return result;
    (void)for_each_payment([&](Account& to, Account& from, const Account* common, uint64_t bytes) -> Result<> {
        if (charged-- == 0) return fail(Error::NoMemory);  // this one was refused
        (result ? from : to).refund_below(common, bytes);
        return {};
    });
    return result;
}

Result<> AddressSpace::attach_pages(uint64_t address, Passing how, std::span<PhysicalAddress> pages) {
    if (!range_is_valid(address, pages.size())) return fail(Error::InvalidArgument);
    const bool moves = how == Passing::Move;
    TRY(prepare_places(address, pages));
    if (moves) TRY(take_over_payment(address, pages));
    uint64_t replaced = 0;
    const Result<> result = for_each_piece(address, pages.size(), [&](const Piece& piece) {
        const Access access = moves ? piece.mapping.access : piece.mapping.access & Access::ReadExecute;
        replaced += table_.map_range(address + piece.done * kPage, pages.subspan(piece.done, piece.count), access);
        return for_each_run(piece, [&](const PageTree::Run& run, uint64_t done) -> Result<> {
            for (uint64_t i = 0; run.slots != nullptr && i < run.count; ++i) {
                PhysicalAddress& page = pages[done + i];
                if (moves && !is_none(page)) {
                    Frame& frame = frames.frame(page);
                    ASSERT(frame.references == 1);
                    frame.payer = &piece.tree().payer();
                }
                std::swap(run.slots[i], page.value);
            }
            return {};
        });
    });
    ASSERT(result.has_value());
    if (replaced > 0) shoot_down_range(table_, address, pages.size());
    release_pages(pages);  // those that were there before
    return {};
}

}  // namespace portico::kernel
