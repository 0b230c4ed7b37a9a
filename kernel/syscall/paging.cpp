#include "kernel/memory/paging.h"

#include "kernel/syscall/handlers.h"

namespace portico::kernel {
namespace {

constexpr Rights kPagerRights =
    Rights::Duplicate | Rights::Transfer | Rights::Read | Rights::Write | Rights::Execute | Rights::Map | Rights::Control;

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
Result<> on_syscall(Thread& caller, const abi::MemorySupply& call) {
    if (call.error != 0) {
        const PagedRange range = TRY(paged_range(caller, call.memory, call.offset, call.length, PageTree::kPagesMax));
        range.memory.paging()->conclude(range.first_page, range.page_count, Error::IoError);
        return {};
    }
    const PagedRange range = TRY(paged_range(caller, call.memory, call.offset, call.length, Memory::kPagesAtOnceMax));
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
    if (call.keep > 1) return fail(Error::InvalidArgument);
    const Memory::PageBits bits =
        TRY(range.memory.detach(range.first_page, range.page_count, caller.process().space(), call.address, call.keep != 0));
    return abi::MemoryDetach::Reply{.present = bits.present, .dirty = bits.dirty};
}

}  // namespace portico::kernel
