#include "kernel/ipc/carried_pages.h"

#include "kernel/memory/heap.h"

namespace portico::kernel {

static_assert(sizeof(Account*) + abi::kMessagePagesMax * sizeof(PhysicalAddress) <= Heap::kBlockBytesMax);

Result<> CarriedPages::reserve(AddressSpace& from, const PageRange& source, Passing how, Account& payer) {
    ASSERT(empty());
    const uint32_t page_count = source.bytes / abi::kPageBytes;
    if (source.bytes % abi::kPageBytes != 0 || page_count == 0 || page_count > abi::kMessagePagesMax) return fail(Error::InvalidArgument);
    if (page_count > 1) {
        list_ = static_cast<List*>(TRY(heap.allocate(sizeof(List) + page_count * sizeof(PhysicalAddress), payer)));
        list_->payer = &payer;
    }
    count_ = static_cast<uint16_t>(page_count);
    how_ = how;
    taken_ = false;
    const Result<> listed = from.list_pages(source.address, how, pages());
    if (!listed) free_list();
    return listed;
}

void CarriedPages::take(AddressSpace& from, const PageRange& source) {
    ASSERT(!taken_);
    from.detach_pages(source.address, how_, pages());
    taken_ = true;
}

Result<> CarriedPages::land(AddressSpace& to, const PageRange& landing) {
    ASSERT(taken_);
    if (bytes() > landing.bytes) return fail(Error::TooLarge);
    if (count_ == 1 && how_ == Passing::Move && only_.value != 0 && to.attach_single(landing.address, only_)) {
        count_ = 0;
        return {};
    }
    TRY(to.attach_pages(landing.address, how_, pages()));
    free_list();
    return {};
}

void CarriedPages::drop() {
    if (empty()) return;
    if (taken_)
        release_pages(pages());
    else
        forget_listed_pages(pages());
    free_list();
}

void CarriedPages::free_list() {
    if (count_ > 1) heap.free(list_, *list_->payer);
    count_ = 0;
}

}  // namespace portico::kernel
