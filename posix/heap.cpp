#include "posix/heap.h"

#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "posix/mutex.h"

namespace portico::posix::heap {

namespace {

/// Every page run starts with this; blocks lie behind it, so a block's page tells how it was made.
struct PageHeader {
    uint64_t class_bytes;  ///< of small blocks; 0: the run is one block
    uint64_t run_bytes;
    uint64_t zero[6];
};
static_assert(sizeof(PageHeader) == 64);

struct FreeBlock {
    FreeBlock* next;
};

constexpr size_t kSmallMin = 32, kSmallMax = 1024;
constexpr unsigned kClassCount = std::bit_width(kSmallMax) - std::bit_width(kSmallMin) + 1;
constexpr uint64_t kRegionBegin = abi::kRuntimeBase + 0x1'0000'0000;

constinit Mutex mutex;
constinit FreeBlock* free_blocks[kClassCount] GUARDED_BY(mutex){};
/// Large blocks that were given back, to be given out again: what each exec or vfork needs for a moment is not mapped and faulted in anew.
constexpr uint64_t kKeptRunBytesMax = 64 << 10;
constinit PageHeader* kept_runs[4] GUARDED_BY(mutex){};

/// The same for one page: a vfork child's descriptors.
constinit std::atomic<void*> kept_page = nullptr;

/// Where the next run goes. Addresses are only used again if the highest run goes first: there are 24 GiB of them.
constinit std::atomic<uint64_t> region_end{kRegionBegin};

unsigned class_of(size_t length_bytes) {
    const size_t rounded = std::bit_ceil(length_bytes < kSmallMin ? kSmallMin : length_bytes);
    return static_cast<unsigned>(std::bit_width(rounded) - std::bit_width(kSmallMin));
}

uint64_t round_to_pages(uint64_t length_bytes) {
    return (length_bytes + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
}

bool refill_locked(unsigned size_class) REQUIRES(mutex) {
    auto* page = static_cast<std::byte*>(allocate_pages(abi::kPageBytes));
    if (page == nullptr) return false;
    const size_t class_bytes = kSmallMin << size_class;
    ::new (page) PageHeader{.class_bytes = class_bytes, .run_bytes = abi::kPageBytes};
    for (size_t offset = sizeof(PageHeader); offset + class_bytes <= abi::kPageBytes; offset += class_bytes)
        free_blocks[size_class] = ::new (page + offset) FreeBlock{free_blocks[size_class]};
    return true;
}

PageHeader* take_kept_run(uint64_t run_bytes) {
    const MutexGuard guard(mutex);
    for (PageHeader*& kept : kept_runs)
        if (kept != nullptr && kept->run_bytes == run_bytes) return std::exchange(kept, nullptr);
    return nullptr;
}

bool keep_run(PageHeader* run) {
    if (run->run_bytes > kKeptRunBytesMax) return false;
    const MutexGuard guard(mutex);
    for (PageHeader*& kept : kept_runs) {
        if (kept != nullptr) continue;
        kept = run;
        return true;
    }
    return false;
}

}  // namespace

void* allocate_pages(size_t length_bytes) {
    const uint64_t run_bytes = round_to_pages(length_bytes);
    if (run_bytes == abi::kPageBytes) {
        if (void* const kept = kept_page.exchange(nullptr); kept != nullptr) return std::memset(kept, 0, abi::kPageBytes);
    }
    if (run_bytes == 0 || run_bytes > abi::kBootBlockAddress - kRegionBegin) return nullptr;
    const uint64_t address = region_end.fetch_add(run_bytes);
    if (address + run_bytes > abi::kBootBlockAddress) return nullptr;
    const auto flags = abi::MapFlags::Fixed | abi::MapFlags::NoReplace | abi::Access::ReadWrite;
    const auto mapped = native::call(abi::SpaceMap{abi::kSelfSpace, {}, 0, address, run_bytes, static_cast<uint64_t>(flags)});
    return mapped ? reinterpret_cast<void*>(mapped->address) : nullptr;
}

void release_pages(void* pages, size_t length_bytes) {
    const uint64_t run_bytes = round_to_pages(length_bytes);
    if (void* none = nullptr; run_bytes == abi::kPageBytes && kept_page.compare_exchange_strong(none, pages)) return;
    const auto address = reinterpret_cast<uint64_t>(pages);
    (void)native::call(abi::SpaceUnmap{abi::kSelfSpace, address, run_bytes});
    uint64_t end = address + run_bytes;
    region_end.compare_exchange_strong(end, address);
}

void* allocate(size_t length_bytes) {
    if (length_bytes > kSmallMax) {
        if (length_bytes > abi::kRuntimeEnd - abi::kRuntimeBase) return nullptr;
        const uint64_t run_bytes = round_to_pages(length_bytes + sizeof(PageHeader));
        auto* run = reinterpret_cast<std::byte*>(take_kept_run(run_bytes));
        if (run == nullptr) run = static_cast<std::byte*>(allocate_pages(run_bytes));
        if (run == nullptr) return nullptr;
        ::new (run) PageHeader{.class_bytes = 0, .run_bytes = run_bytes};
        return run + sizeof(PageHeader);
    }
    const unsigned size_class = class_of(length_bytes);
    const MutexGuard guard(mutex);
    if (free_blocks[size_class] == nullptr && !refill_locked(size_class)) return nullptr;
    FreeBlock* block = free_blocks[size_class];
    free_blocks[size_class] = block->next;
    return block;
}

void release(void* block) {
    if (block == nullptr) return;
    auto* header = reinterpret_cast<PageHeader*>(reinterpret_cast<uint64_t>(block) & ~(abi::kPageBytes - 1));
    if (header->class_bytes == 0) {
        if (!keep_run(header)) release_pages(header, header->run_bytes);
        return;
    }
    const unsigned size_class = class_of(header->class_bytes);
    const MutexGuard guard(mutex);
    free_blocks[size_class] = ::new (block) FreeBlock{free_blocks[size_class]};
}

void lock_for_fork() NO_THREAD_SAFETY_ANALYSIS {
    mutex.lock();
}
void unlock_after_fork() NO_THREAD_SAFETY_ANALYSIS {
    mutex.unlock();
}

}  // namespace portico::posix::heap
