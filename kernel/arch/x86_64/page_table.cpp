#include <algorithm>
#include <atomic>

#include "kernel/arch/x86_64/layout.h"
#include "kernel/arch/x86_64/tlb.h"
#include "kernel/debug/log.h"

/// Four levels. The user half belongs to the PageTable; the kernel half is the same everywhere and never changes.
/// Other CPUs set the accessed and dirty bits while we change an entry, so entries of pages change by atomic instructions.
namespace portico::kernel::arch {
namespace {

constexpr unsigned kEntries = 512, kUserEntries = 256;
constexpr uint64_t kTable = entry::kPresent | entry::kWrite | entry::kUser;

uint64_t flags_of(abi::Access access) {
    uint64_t flags = entry::kHeld;
    if (access != abi::Access::None) flags |= entry::kPresent | entry::kUser;
    if (allows(access, abi::Access::Write)) flags |= entry::kWrite;
    if (!allows(access, abi::Access::Execute)) flags |= entry::kNoExecute;
    return flags;
}

PageEntry decode(uint64_t value) {
    if (!(value & entry::kHeld)) return {};
    abi::Access access = abi::Access::None;
    if (value & entry::kPresent) {
        access = abi::Access::Read;
        if (value & entry::kWrite) access = access | abi::Access::Write;
        if (!(value & entry::kNoExecute)) access = access | abi::Access::Execute;
    }
    return {.present = true, .dirty = (value & entry::kDirty) != 0, .access = access, .page = {value & entry::kAddress}};
}

/// The slot of the last level, or null if a table on the way is absent.
uint64_t* find_slot(uint64_t root, uint64_t address) {
    uint64_t* table = table_at(root);
    for (unsigned level = 3; level > 0; --level) {
        const uint64_t value = table[table_index(address, level)];
        if (!(value & entry::kPresent)) return nullptr;
        table = table_at(value);
    }
    return &table[table_index(address, 0)];
}

/// The slot of the last level; makes the tables on the way that are absent.
Result<uint64_t*> make_slot(uint64_t root, uint64_t address, Account& payer) {
    uint64_t* table = table_at(root);
    for (unsigned level = 3; level > 0; --level) {
        uint64_t& value = table[table_index(address, level)];
        if (!(value & entry::kPresent)) [[unlikely]]
            value = TRY(allocate_table_page(payer)).value | kTable;
        table = table_at(value);
    }
    return &table[table_index(address, 0)];
}

/// Calls `act(slots, first, count)` for each last-level table that a range reaches: `count` slots for the range's pages from `first` on.
template <class Act>
void for_each_table(uint64_t root, uint64_t address, uint64_t page_count, Act act) {
    for (uint64_t done = 0; done < page_count;) {
        const uint64_t at = address + done * kPageBytes;
        const uint64_t here = std::min<uint64_t>(page_count - done, kEntries - table_index(at, 0));
        if (uint64_t* slots = find_slot(root, at)) act(slots, done, here);
        done += here;
    }
}

void free_below(uint64_t table, unsigned level, unsigned entries, Account& payer) {
    if (level > 0) {
        for (const uint64_t* slot = table_at(table); slot < table_at(table) + entries; ++slot)
            if (*slot & entry::kPresent) free_below(*slot & entry::kAddress, level - 1, kEntries, payer);
    }
    free_table_page({table & entry::kAddress}, payer);
}

}  // namespace

Result<> PageTable::create(Account& payer) {
    const PhysicalAddress root = TRY(allocate_table_page(payer));
    const uint64_t* kernel = table_at(kernel_root);
    uint64_t* own = table_at(root.value);
    for (unsigned i = kUserEntries; i < kEntries && kernel[i] != 0; ++i) own[i] = kernel[i];  // the direct map
    own[kEntries - 1] = kernel[kEntries - 1];                                                 // image and stacks
    root_ = root.value;
    payer_ = &payer;
    return {};
}

void PageTable::destroy() {
    if (root_ == 0) return;
    ASSERT(!is_active(*this));
    free_below(root_, 3, kUserEntries, *payer_);
    root_ = 0;
    payer_ = nullptr;
}

Result<> PageTable::map(uint64_t address, PhysicalAddress page, abi::Access access, Cache cache) {
    ASSERT(address < abi::kUserAddressMax);
    uint64_t* slot = TRY(make_slot(root_, address, *payer_));
    const uint64_t device = cache == Cache::Device ? entry::kNoCache | entry::kWriteThrough : 0;
    std::atomic_ref(*slot).store(page.value | flags_of(access) | device, std::memory_order_release);
    return {};
}

Result<> PageTable::reserve(uint64_t address, uint64_t page_count) {
    const uint64_t end = address + page_count * kPageBytes;
    ASSERT(end <= abi::kUserAddressMax);
    constexpr uint64_t kTableBytes = kEntries * kPageBytes;
    for (uint64_t at = address & ~(kTableBytes - 1); at < end; at += kTableBytes) TRY(make_slot(root_, at, *payer_));
    return {};
}

uint64_t PageTable::map_range(uint64_t address, std::span<const PhysicalAddress> pages, abi::Access access) {
    const uint64_t flags = flags_of(access);
    uint64_t replaced = 0, reached = 0;
    for_each_table(root_, address, pages.size(), [&](uint64_t* slots, uint64_t first, uint64_t count) {
        reached += count;
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t page = pages[first + i].value;
            replaced += slots[i] != 0;
            std::atomic_ref(slots[i]).store(page == 0 ? 0 : page | flags, std::memory_order_release);
        }
    });
    ASSERT(reached == pages.size());
    return replaced;
}

uint64_t PageTable::unmap_range(uint64_t address, uint64_t page_count) {
    uint64_t removed = 0;
    for_each_table(root_, address, page_count, [&](uint64_t* slots, uint64_t, uint64_t count) {
        for (uint64_t* slot = slots; slot < slots + count; ++slot) {
            if (*slot == 0) continue;
            std::atomic_ref(*slot).exchange(0);
            ++removed;
        }
    });
    return removed;
}

uint64_t PageTable::make_read_only(uint64_t address, uint64_t page_count) {
    uint64_t changed = 0;
    for_each_table(root_, address, page_count, [&](uint64_t* slots, uint64_t, uint64_t count) {
        for (uint64_t* slot = slots; slot < slots + count; ++slot) {
            if (!(*slot & entry::kWrite)) continue;
            std::atomic_ref(*slot).fetch_and(~entry::kWrite);
            ++changed;
        }
    });
    return changed;
}

PageEntry PageTable::unmap(uint64_t address) {
    uint64_t* slot = find_slot(root_, address);
    if (!slot || *slot == 0) return {};
    return decode(std::atomic_ref(*slot).exchange(0));
}

bool PageTable::take_accessed(uint64_t address) {
    uint64_t* slot = find_slot(root_, address);
    if (!slot || !(*slot & entry::kAccessed)) return false;
    std::atomic_ref(*slot).fetch_and(~entry::kAccessed);
    return true;
}

void PageTable::protect(uint64_t address, abi::Access access) {
    constexpr uint64_t kChanged = entry::kHeld | entry::kPresent | entry::kUser | entry::kWrite | entry::kNoExecute;
    uint64_t* slot = find_slot(root_, address);
    if (!slot || !(*slot & entry::kHeld)) return;
    uint64_t value = *slot;
    while (!std::atomic_ref(*slot).compare_exchange_weak(value, (value & ~kChanged) | flags_of(access))) {
    }
}

PageEntry PageTable::lookup(uint64_t address) const {
    const uint64_t* slot = find_slot(root_, address);
    return slot ? decode(*slot) : PageEntry{};
}

PhysicalAddress PageTable::translate(uint64_t address, abi::Access access) const {
    const uint64_t* table = table_at(root_);
    for (unsigned level = 3; level > 0; --level) {
        const uint64_t value = table[table_index(address, level)];
        if (!(value & entry::kPresent)) [[unlikely]]
            return {};
        table = table_at(value);
    }
    // Bits that must be as they are wanted: no-execute is the one that must be clear.
    const uint64_t wanted = entry::kPresent | (allows(access, abi::Access::Write) ? entry::kWrite : 0);
    const uint64_t looked_at = wanted | (allows(access, abi::Access::Execute) ? entry::kNoExecute : 0);
    const uint64_t value = table[table_index(address, 0)];
    if ((value & looked_at) != wanted) [[unlikely]]
        return {};
    return {value & entry::kAddress};
}

uint64_t PageTable::next_present(uint64_t address, uint64_t end) const {
    address &= ~(kPageBytes - 1);
    while (address < end) {
        const uint64_t* table = table_at(root_);
        unsigned level = 3;
        while (level > 0 && (table[table_index(address, level)] & entry::kPresent)) table = table_at(table[table_index(address, level--)]);
        // Along the entries of this table: absent tables above the last level, pages not held in it.
        const uint64_t step = kPageBytes << (9 * level);
        const uint64_t wanted = level == 0 ? entry::kHeld : entry::kPresent;
        for (unsigned i = table_index(address, level); i < kEntries; ++i) {
            if (address >= end) return end;
            if (table[i] & wanted) {
                if (level == 0) return address;
                break;
            }
            address = (address & ~(step - 1)) + step;
        }
    }
    return end;
}

void* to_virtual(PhysicalAddress address) {
    return reinterpret_cast<void*>(kDirectBase + address.value);
}

PhysicalAddress to_physical(const void* pointer) {
    const uint64_t address = reinterpret_cast<uint64_t>(pointer);
    if (address >= kKernelBase) return {address - kKernelBase};
    ASSERT(address >= kDirectBase);
    ASSERT(address < kDirectBase + kDirectBytesMax);
    return {address - kDirectBase};
}

}  // namespace portico::kernel::arch
