#include "kernel/ipc/carried_pages.h"

#include "kernel/memory/heap.h"

namespace portico::kernel {

static_assert(sizeof(Account*) + abi::kMessagePagesMax * sizeof(PhysicalAddress) <= Heap::kBlockBytesMax);

Result<> CarriedPages::reserve(AddressSpace& from, uint64_t address, uint32_t page_count, Passing how, Account& payer) {
    ASSERT(empty());
    if (page_count == 0 || page_count > abi::kMessagePagesMax) return fail(Error::InvalidArgument);
    if (page_count > 1) {
        list_ = static_cast<List*>(TRY(heap.allocate(sizeof(List) + page_count * sizeof(PhysicalAddress), payer)));
        list_->payer = &payer;
    }
    count_ = static_cast<uint16_t>(page_count);
    how_ = how;
    taken_ = false;
    const Result<> listed = from.list_pages(address, how, pages());
    if (!listed) free_list();
    return listed;
}

void CarriedPages::take(AddressSpace& from, uint64_t address) {
    ASSERT(!taken_);
    from.detach_pages(address, how_, pages());
    taken_ = true;
}

Result<> CarriedPages::land(AddressSpace& to, uint64_t address) {
    ASSERT(taken_);
    TRY(to.attach_pages(address, how_, pages()));
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
    list_ = nullptr;
    count_ = 0;
}

}  // namespace portico::kernel
