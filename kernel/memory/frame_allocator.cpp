#include "kernel/memory/frame_allocator.h"

#include <algorithm>

#include "kernel/memory/poison.h"
#include "kernel/memory/reclaim.h"

namespace portico::kernel {

FrameAllocator frames;

namespace {

constexpr uint64_t page_up(uint64_t value) {
    return (value + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
}
constexpr uint64_t page_down(uint64_t value) {
    return value & ~(abi::kPageBytes - 1);
}

}  // namespace

void FrameAllocator::create(std::span<const MemoryRange> usable, MemoryRange also) {
    uint64_t lowest = ~uint64_t{0}, highest = 0;
    const auto include = [&](const MemoryRange& range) {
        if (range.length_bytes == 0) return;
        lowest = std::min(lowest, page_down(range.base.value));
        highest = std::max(highest, page_up(range.base.value + range.length_bytes));
    };
    for (const MemoryRange& range : usable) include(range);
    include(also);
    first_ = lowest / abi::kPageBytes;
    count_ = highest / abi::kPageBytes - first_;
    const uint64_t table_bytes = page_up(count_ * sizeof(Frame));
    for (MemoryRange range : usable) {
        uint64_t base = page_up(range.base.value);
        const uint64_t end = page_down(range.base.value + range.length_bytes);
        if (base >= end) continue;
        if (frames_ == nullptr && end - base >= table_bytes + abi::kPageBytes) {
            frames_ = static_cast<Frame*>(arch::to_virtual({base}));
            for (uint64_t i = 0; i < table_bytes; i += abi::kPageBytes) arch::zero_page(reinterpret_cast<uint8_t*>(frames_) + i);
            base += table_bytes;
        }
        fresh_[fresh_count_++] = {{base}, end - base};
        free_pages_ += (end - base) / abi::kPageBytes;
    }
    total_pages_ = free_pages_;
    few_ = total_pages_ / 32;
    ASSERT(frames_ != nullptr);
}

Result<PhysicalAddress> FrameAllocator::allocate(Account& payer) {
    if (should_fail()) return fail(Error::NoMemory);
    if (!has_for(payer)) [[unlikely]] {
        note_refused(payer);
        return fail(Error::NoMemory);
    }
    TRY(payer.charge(abi::kPageBytes));
    PhysicalAddress page;
    if (free_list_ != 0) {
        const uint64_t index = free_list_ - 1;
        free_list_ = frames_[index].next;
        page = {(first_ + index) * abi::kPageBytes};
    } else {
        while (fresh_[fresh_index_].length_bytes == 0) ++fresh_index_;
        MemoryRange& range = fresh_[fresh_index_];
        page = range.base;
        range.base.value += abi::kPageBytes;
        range.length_bytes -= abi::kPageBytes;
    }
    --free_pages_;
    unpoison(arch::to_virtual(page), abi::kPageBytes);
    frame(page) = {.references = 0, .next = 0, .payer = &payer};
    return page;
}

Result<PhysicalAddress> FrameAllocator::allocate_neighbours(Account& payer, uint64_t count) {
    const uint64_t bytes = count * abi::kPageBytes;
    if (!has_for(payer, count) || should_fail()) return fail(Error::NoMemory);
    for (unsigned i = fresh_index_; i < fresh_count_; ++i) {
        MemoryRange& range = fresh_[i];
        if (range.length_bytes < bytes) continue;
        TRY(payer.charge(bytes));
        range.length_bytes -= bytes;
        free_pages_ -= count;
        const PhysicalAddress first{range.base.value + range.length_bytes};
        unpoison(arch::to_virtual(first), bytes);
        for (uint64_t done = 0; done < bytes; done += abi::kPageBytes)
            frame({first.value + done}) = {.references = 0, .next = 0, .payer = &payer};
        return first;
    }
    return fail(Error::NoMemory);
}

void FrameAllocator::adopt(PhysicalAddress page, Account& payer) {
    ASSERT(is_ram(page));
    const Result<> paid = payer.charge(abi::kPageBytes);
    ASSERT(paid.has_value());
    frame(page) = {.references = 0, .next = 0, .payer = &payer};
    ++total_pages_;
}

void FrameAllocator::free(PhysicalAddress page) {
    Frame& freed = frame(page);
    ASSERT(freed.references == 0);
    ASSERT(freed.payer != nullptr);
    Account& payer = *freed.payer;
    freed.payer = nullptr;
    freed.next = free_list_;
    free_list_ = static_cast<uint32_t>(page.value / abi::kPageBytes - first_ + 1);
    ++free_pages_;
    poison(arch::to_virtual(page), abi::kPageBytes);
    payer.refund(abi::kPageBytes);
    if (free_pages_ >= tell_at_) [[unlikely]]
        reclaimer.frame_freed();
}

}  // namespace portico::kernel
