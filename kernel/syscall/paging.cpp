#include "kernel/memory/paging.h"

#include "kernel/irq/interrupt.h"
#include "kernel/memory/reclaim.h"
#include "kernel/memory/swap.h"

#include "kernel/syscall/handlers.h"

namespace portico::kernel {
namespace {

constexpr Rights kPagerRights =
    Rights::Duplicate | Rights::Transfer | Rights::Read | Rights::Write | Rights::Execute | Rights::Map | Rights::Control;
/// Nobody reads or writes the pages but by supplying and detaching them.
constexpr Rights kSwapRights = Rights::Duplicate | Rights::Transfer | Rights::Control;

/// A paged object of which the caller is the pager, and pages of it. Errors: InvalidArgument, and of the handle.
struct PagedRange {
    Memory& memory;
    uint64_t first_page;
    uint64_t page_count;
};
Result<PagedRange> paged_range(Thread& caller, abi::Handle handle, uint64_t offset, uint64_t length, uint64_t pages_max) {
    Memory* memory = TRY(find_object<Memory>(caller, handle, Rights::Control));
    if (memory->paging() == nullptr || ((offset | length) & kPageMask) != 0 || length == 0) return fail(Error::InvalidArgument);
    const PagedRange range{*memory, offset / abi::kPageBytes, length / abi::kPageBytes};
    if (range.page_count > pages_max || range.first_page >= memory->size_pages() ||
        range.page_count > memory->size_pages() - range.first_page)
        return fail(Error::InvalidArgument);
    return range;
}

}  // namespace

template <>
Result<abi::MemoryCreatePaged::Reply> on_syscall(Thread& caller, const abi::MemoryCreatePaged& call) {
    Sender* pager = TRY(find_object<Sender>(caller, call.sender, Rights::Send));
    if (call.size > Memory::kSizeBytesMax || call.wait > Paging::kWaitNsMax) return fail(Error::InvalidArgument);
    if (pager->port().closed()) return fail(Error::PeerClosed);
    Process& process = caller.process();
    Ref<Memory> memory = TRY(Memory::create_paged(process.account(), call.size, Ref<Sender>(*pager), process,
                                                  call.wait == 0 ? Paging::kWaitNsDefault : call.wait));
    return abi::MemoryCreatePaged::Reply{TRY(give_handle(caller, *memory, kPagerRights))};
}

template <>
Result<abi::MemoryCreateSwap::Reply> on_syscall(Thread& caller, const abi::MemoryCreateSwap& call) {
    TRY(find_object<Resource>(caller, call.resource, Rights::Control));
    Sender* pager = TRY(find_object<Sender>(caller, call.sender, Rights::Send));
    if (call.size == 0 || (call.size & kPageMask) != 0 || call.size > SwapSpace::kPagesMax * abi::kPageBytes ||
        call.wait > Paging::kWaitNsMax)
        return fail(Error::InvalidArgument);
    if (pager->port().closed()) return fail(Error::PeerClosed);
    Process& process = caller.process();
    Ref<Memory> memory = TRY(Memory::create_swap(process.account(), call.size, Ref<Sender>(*pager), process,
                                                 call.wait == 0 ? Paging::kWaitNsDefault : call.wait));
    return abi::MemoryCreateSwap::Reply{TRY(give_handle(caller, *memory, kSwapRights))};
}

template <>
Result<> on_syscall(Thread& caller, const abi::MemorySupply& call) {
    if (call.error != 0) {
        const PagedRange range = TRY(paged_range(caller, call.memory, call.offset, call.length, PageTree::kPagesMax));
        range.memory.paging()->serve(caller.process());
        range.memory.paging()->conclude(range.first_page, range.page_count, Error::IoError);
        if (range.memory.swap_space() != nullptr) reclaimer.look_again();
        return {};
    }
    const PagedRange range = TRY(paged_range(caller, call.memory, call.offset, call.length, Memory::kPagesAtOnceMax));
    range.memory.paging()->serve(caller.process());
    AddressSpace& space = caller.process().space();
    std::array<PhysicalAddress, Memory::kPagesAtOnceMax> list{};
    const std::span<PhysicalAddress> pages{list.data(), range.page_count};
    if (call.address != 0) TRY(space.list_pages(call.address, Passing::Move, pages));
    if (const Result<> prepared = range.memory.prepare_supply(range.first_page, pages); !prepared) {
        forget_listed_pages(pages);
        return prepared;
    }
    if (call.address != 0) space.detach_pages(call.address, Passing::Move, pages);
    range.memory.supply(range.first_page, pages);
    release_pages(pages);
    return {};
}

template <>
Result<abi::MemoryDetach::Reply> on_syscall(Thread& caller, const abi::MemoryDetach& call) {
    const PagedRange range = TRY(paged_range(caller, call.memory, call.offset, call.length, Memory::kPagesAtOnceMax));
    const auto mode = static_cast<abi::DetachMode>(call.mode);
    if (mode > abi::DetachMode::Written || (mode == abi::DetachMode::Copy && call.address == 0)) return fail(Error::InvalidArgument);
    range.memory.paging()->serve(caller.process());
    AddressSpace& space = caller.process().space();
    const Memory::PageBits bits = mode == abi::DetachMode::Written
                                      ? TRY(range.memory.detach_written(range.first_page, range.page_count, space, call.address))
                                      : TRY(range.memory.detach(range.first_page, range.page_count, space, call.address, mode));
    return abi::MemoryDetach::Reply{.present = bits.present, .dirty = bits.dirty};
}

}  // namespace portico::kernel
