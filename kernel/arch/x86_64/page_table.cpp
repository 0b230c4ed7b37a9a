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

/// The slot of the last level, or null if a table on the way is absent or lacks one of these bits.
uint64_t* find_slot(uint64_t root, uint64_t address, uint64_t wanted = entry::kPresent) {
    uint64_t* table = table_at(root);
    for (unsigned level = 3; level > 0; --level) {
        const uint64_t value = table[table_index(address, level)];
        if ((value & wanted) != wanted) return nullptr;
        table = table_at(value);
    }
    return &table[table_index(address, 0)];
}

/// A table whose pages have all been made read-only lacks Write itself. Before one of them may be written, the entries say so in its place.
void give_write_to(uint64_t& table) {
    if (table & entry::kWrite) [[likely]]
        return;
    for (uint64_t* slot = table_at(table); slot < table_at(table) + kEntries; ++slot)
        if (*slot & entry::kWrite) std::atomic_ref(*slot).fetch_and(~entry::kWrite);
    std::atomic_ref(table).fetch_or(entry::kWrite);
}

/// The slot of the last level; makes the tables on the way that are absent.
Result<uint64_t*> make_slot(uint64_t root, uint64_t address, TablePages& pages, Account& payer) {
    uint64_t* table = table_at(root);
    for (unsigned level = 3; level > 0; --level) {
        uint64_t& value = table[table_index(address, level)];
        if (!(value & entry::kPresent)) [[unlikely]]
            value = TRY(allocate_table_page(pages, payer)).value | kTable;
        if (level == 1) give_write_to(value);
        table = table_at(value);
    }
    return &table[table_index(address, 0)];
}

/// Calls `act(table, slots, first, count)` for each last-level table that a range reaches: `table` is the entry that points to it, `count`
/// slots are for the range's pages from `first` on. Skips absent tables at once.
template <class Act>
void for_each_table(uint64_t root, uint64_t address, uint64_t page_count, Act act) {
    const uint64_t end = address + page_count * kPageBytes;
    for (uint64_t at = address; at < end;) {
        uint64_t* table = table_at(root);
        unsigned level = 3;
        while (level > 1 && (table[table_index(at, level)] & entry::kPresent)) table = table_at(table[table_index(at, level--)]);
        uint64_t& value = table[table_index(at, level)];
        const uint64_t step = kPageBytes << (9 * level);
        const uint64_t next = std::min((at & ~(step - 1)) + step, end);
        if (level == 1 && (value & entry::kPresent))
            act(value, table_at(value) + table_index(at, 0), (at - address) / kPageBytes, (next - at) / kPageBytes);
        at = next;
    }
}

}  // namespace

Result<> PageTable::create(Account& payer) {
    const PhysicalAddress root = TRY(allocate_table_page(pages_, payer));
    const uint64_t* kernel = table_at(kernel_root);
    uint64_t* own = table_at(root.value);
    for (unsigned i = kUserEntries; i < kEntries && kernel[i] != 0; ++i) own[i] = kernel[i];  // the direct map
    own[kEntries - 1] = kernel[kEntries - 1];                                                 // image and stacks
    root_ = root.value;
    payer_ = &payer;
    return {};
}

bool PageTable::destroy_some(Steps& steps) {
    ASSERT(!is_active(*this));
    root_ = 0;
    return free_table_pages(pages_, steps);
}

Result<bool> PageTable::map(uint64_t address, PhysicalAddress page, abi::Access access, Cache cache) {
    ASSERT(address < abi::kUserAddressMax);
    uint64_t* slot = find_slot(root_, address, kTable);
    if (slot == nullptr) [[unlikely]]
        slot = TRY(make_slot(root_, address, pages_, *payer_));
    const uint64_t device = cache == Cache::Device ? entry::kNoCache | entry::kWriteThrough : 0;
    const bool replaced = *slot != 0;
    present_pages_ += !replaced;
    std::atomic_ref(*slot).store(page.value | flags_of(access) | device, std::memory_order_release);
    return replaced;
}

Result<> PageTable::reserve(uint64_t address, uint64_t page_count) {
    const uint64_t end = address + page_count * kPageBytes;
    ASSERT(end <= abi::kUserAddressMax);
    constexpr uint64_t kTableBytes = kEntries * kPageBytes;
    for (uint64_t at = address & ~(kTableBytes - 1); at < end; at += kTableBytes) TRY(make_slot(root_, at, pages_, *payer_));
    return {};
}

uint64_t PageTable::map_range(uint64_t address, std::span<const PhysicalAddress> pages, abi::Access access) {
    const uint64_t flags = flags_of(access);
    uint64_t replaced = 0, present = 0, reached = 0;
    for_each_table(root_, address, pages.size(), [&](uint64_t& table, uint64_t* slots, uint64_t first, uint64_t count) {
        give_write_to(table);
        reached += count;
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t page = pages[first + i].value;
            replaced += slots[i] != 0;
            present += page != 0;
            std::atomic_ref(slots[i]).store(page == 0 ? 0 : page | flags, std::memory_order_release);
        }
    });
    ASSERT(reached == pages.size());
    present_pages_ += present - replaced;
    return replaced;
}

void PageTable::map_absent(uint64_t address, std::span<const uint64_t> pages, abi::Access access) {
    const uint64_t flags = flags_of(access);
    for_each_table(root_, address, pages.size(), [&](uint64_t&, uint64_t* slots, uint64_t first, uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) {
            if (slots[i] != 0 || pages[first + i] == 0 || (pages[first + i] & 1) != 0) continue;
            std::atomic_ref(slots[i]).store(pages[first + i] | flags, std::memory_order_release);
            ++present_pages_;
        }
    });
}

uint64_t PageTable::unmap_range(uint64_t address, uint64_t page_count) {
    uint64_t removed = 0;
    for_each_table(root_, address, page_count, [&](uint64_t&, uint64_t* slots, uint64_t, uint64_t count) {
        for (uint64_t i = 0; i < count;) {
            constexpr uint64_t kFour = 4;
            if (count - i >= kFour && (slots[i] | slots[i + 1] | slots[i + 2] | slots[i + 3]) == 0) {
                i += kFour;
                continue;
            }
            if (slots[i] != 0) {
                std::atomic_ref(slots[i]).exchange(0);
                ++removed;
            }
            ++i;
        }
    });
    present_pages_ -= removed;
    return removed;
}

uint64_t PageTable::make_read_only(uint64_t address, uint64_t page_count) {
    uint64_t changed = 0;
    for_each_table(root_, address, page_count, [&](uint64_t& table, uint64_t* slots, uint64_t, uint64_t count) {
        if (!(table & entry::kWrite)) return;
        if (count == kEntries) {
            std::atomic_ref(table).fetch_and(~entry::kWrite);
            changed += count;  // perhaps fewer
            return;
        }
        for (uint64_t* slot = slots; slot < slots + count; ++slot) {
            if (!(*slot & entry::kWrite)) continue;
            std::atomic_ref(*slot).fetch_and(~entry::kWrite);
            ++changed;
        }
    });
    return changed;
}

bool PageTable::unmap(uint64_t address) {
    uint64_t* slot = find_slot(root_, address);
    if (!slot || *slot == 0) return false;
    --present_pages_;
    std::atomic_ref(*slot).store(0, std::memory_order_release);
    return true;
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
    const uint64_t* table = table_at(root_);
    uint64_t value = 0;
    for (unsigned level = 3; level > 0; --level) {
        value = table[table_index(address, level)];
        if (!(value & entry::kPresent)) return {};
        table = table_at(value);
    }
    // Of the tables above only the last one may lack Write, see give_write_to.
    return decode(table[table_index(address, 0)] & (value | ~entry::kWrite));
}

PhysicalAddress PageTable::translate(uint64_t address, abi::Access access) const {
    const uint64_t* table = table_at(root_);
    uint64_t above = 0;
    for (unsigned level = 3; level > 0; --level) {
        above = table[table_index(address, level)];
        if (!(above & entry::kPresent)) [[unlikely]]
            return {};
        table = table_at(above);
    }
    // Bits that must be as they are wanted: no-execute is the one that must be clear. Write may be lacking above, as in lookup.
    const uint64_t wanted = entry::kPresent | (allows(access, abi::Access::Write) ? entry::kWrite : 0);
    const uint64_t looked_at = wanted | (allows(access, abi::Access::Execute) ? entry::kNoExecute : 0);
    const uint64_t value = table[table_index(address, 0)] & (above | ~entry::kWrite);
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
