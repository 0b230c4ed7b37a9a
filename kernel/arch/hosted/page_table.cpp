#include <atomic>

#include "kernel/arch/hosted/hardware.h"
#include "kernel/debug/log.h"

/// A page table of four levels in simulated RAM, as the hardware's: table pages come from the core and are charged.
/// Entry: page address | accessed | Access << 1 | present. Entries are read without a lock by simulated user accesses.
namespace portico::kernel::arch {
namespace {

constexpr unsigned kEntries = 512;
constexpr uint64_t kPresent = 1;
constexpr unsigned kAccessShift = 1;
constexpr uint64_t kAccessBits = 7u << kAccessShift;
constexpr uint64_t kAccessed = 16;
constexpr uint64_t kAddress = ~uint64_t{0xFFF};

using Entry = std::atomic<uint64_t>;
static_assert(sizeof(Entry) == 8);

Entry* table_at(uint64_t entry) {
    return static_cast<Entry*>(to_virtual({entry & kAddress}));
}
constexpr unsigned index_of(uint64_t address, unsigned level) {
    return (address >> (12 + 9 * level)) & (kEntries - 1);
}
uint64_t entry_of(PhysicalAddress page, abi::Access access) {
    return page.value | (static_cast<uint64_t>(access) << kAccessShift) | kPresent;
}

/// The last-level entry of an address; null if a table on the way is missing.
Entry* find_entry(uint64_t root, uint64_t address) {
    Entry* table = table_at(root);
    for (unsigned level = 3; level > 0; --level) {
        const uint64_t entry = table[index_of(address, level)].load(std::memory_order_acquire);
        if (entry == 0) return nullptr;
        table = table_at(entry);
    }
    return &table[index_of(address, 0)];
}

/// The last-level entry of an address; makes the tables on the way that are missing.
Result<Entry*> make_entry(uint64_t root, uint64_t address, TablePages& pages, Account& payer) {
    Entry* table = table_at(root);
    for (unsigned level = 3; level > 0; --level) {
        Entry& entry = table[index_of(address, level)];
        if (entry.load() == 0) entry.store(TRY(allocate_table_page(pages, payer)).value | kPresent, std::memory_order_release);
        table = table_at(entry.load());
    }
    return &table[index_of(address, 0)];
}

PageEntry decode(uint64_t entry) {
    if ((entry & kPresent) == 0) return {};
    return {.present = true, .access = static_cast<abi::Access>((entry & kAccessBits) >> kAccessShift), .page = {entry & kAddress}};
}

}  // namespace

Result<> PageTable::create(Account& payer) {
    root_ = TRY(allocate_table_page(pages_, payer)).value;
    payer_ = &payer;
    return {};
}

bool PageTable::destroy_some(Steps& steps) {
    for (unsigned i = 0; i < cpu_count(); ++i) ASSERT(hosted::Hardware::get().processors[i].table != this);
    root_ = 0;
    return free_table_pages(pages_, steps);
}

Result<bool> PageTable::map(uint64_t address, PhysicalAddress page, abi::Access access, Cache) {
    ASSERT(address % abi::kPageBytes == 0);
    ASSERT(page.value % abi::kPageBytes == 0);
    ASSERT(address < abi::kUserAddressMax);
    const bool replaced = TRY(make_entry(root_, address, pages_, *payer_))->exchange(entry_of(page, access)) != 0;
    present_pages_ += !replaced;
    hosted::Hardware::get().pause(hosted::Pause::EntryChanged, address);
    return replaced;
}

Result<> PageTable::reserve(uint64_t address, uint64_t page_count) {
    for (uint64_t i = 0; i < page_count; ++i) TRY(make_entry(root_, address + i * abi::kPageBytes, pages_, *payer_));
    return {};
}

uint64_t PageTable::map_range(uint64_t address, std::span<const PhysicalAddress> pages, abi::Access access) {
    uint64_t replaced = 0;
    for (const PhysicalAddress page : pages) {
        Entry* entry = find_entry(root_, address);
        ASSERT(entry != nullptr);
        if (page.value != 0) ++present_pages_;
        if (entry->exchange(page.value == 0 ? 0 : entry_of(page, access)) != 0) ++replaced;
        address += abi::kPageBytes;
    }
    present_pages_ -= replaced;
    return replaced;
}

void PageTable::map_absent(uint64_t address, std::span<const uint64_t> pages, abi::Access access) {
    for (size_t i = 0; i < pages.size(); ++i) {
        Entry* entry = find_entry(root_, address + i * abi::kPageBytes);
        uint64_t none = 0;
        if (entry != nullptr && pages[i] != 0 && (pages[i] & 1) == 0 && entry->compare_exchange_strong(none, entry_of({pages[i]}, access)))
            ++present_pages_;
    }
}

uint64_t PageTable::unmap_range(uint64_t address, uint64_t page_count) {
    const uint64_t end = address + page_count * abi::kPageBytes;
    uint64_t removed = 0;
    for (uint64_t at = next_present(address, end); at < end; at = next_present(at + abi::kPageBytes, end)) removed += unmap(at);
    return removed;
}

uint64_t PageTable::make_read_only(uint64_t address, uint64_t page_count) {
    const uint64_t end = address + page_count * abi::kPageBytes;
    uint64_t changed = 0;
    for (uint64_t at = next_present(address, end); at < end; at = next_present(at + abi::kPageBytes, end)) {
        const PageEntry entry = lookup(at);
        if (!allows(entry.access, abi::Access::Write)) continue;
        protect(at, entry.access & abi::Access::ReadExecute);
        ++changed;
    }
    return changed;
}

bool PageTable::unmap(uint64_t address) {
    Entry* entry = find_entry(root_, address);
    if (entry == nullptr) return false;
    const bool removed = (entry->exchange(0) & kPresent) != 0;
    present_pages_ -= removed;
    hosted::Hardware::get().pause(hosted::Pause::EntryChanged, address);
    return removed;
}

void PageTable::protect(uint64_t address, abi::Access access) {
    Entry* entry = find_entry(root_, address);
    if (entry == nullptr || (entry->load() & kPresent) == 0) return;
    entry->store(entry_of({entry->load() & kAddress}, access), std::memory_order_release);
    hosted::Hardware::get().pause(hosted::Pause::EntryChanged, address);
}

bool PageTable::take_accessed(uint64_t address) {
    Entry* entry = find_entry(root_, address);
    return entry != nullptr && (entry->fetch_and(~kAccessed) & kAccessed) != 0;
}

void note_accessed(const PageTable& table, uint64_t address) {
    Entry* entry = find_entry(table.root(), address);
    if (entry != nullptr && (entry->load() & kPresent) != 0) entry->fetch_or(kAccessed);
}

PageEntry PageTable::lookup(uint64_t address) const {
    const Entry* entry = find_entry(root_, address);
    return entry == nullptr ? PageEntry{} : decode(entry->load(std::memory_order_acquire));
}

PhysicalAddress PageTable::translate(uint64_t address, abi::Access access) const {
    const PageEntry entry = lookup(address);
    return entry.present && allows(entry.access, access) ? entry.page : PhysicalAddress{};
}

uint64_t PageTable::next_present(uint64_t address, uint64_t end) const {
    address &= ~(abi::kPageBytes - 1);
    while (address < end) {
        const Entry* table = table_at(root_);
        unsigned level = 3;
        uint64_t entry = table[index_of(address, level)].load();
        while (level > 0 && entry != 0) {
            table = table_at(entry);
            entry = table[index_of(address, --level)].load();
        }
        if (level == 0 && (entry & kPresent) != 0) return address;
        const uint64_t step = abi::kPageBytes << (9 * level);
        address = (address & ~(step - 1)) + step;
    }
    return end;
}

static void forget(hosted::Processor& cpu, const PageTable& table, std::span<const uint64_t> pages) {
    std::lock_guard guard(cpu.access_mutex);
    if (cpu.table != &table) return;
    if (pages.empty()) cpu.tlb.clear();
    for (const uint64_t page : pages) cpu.tlb.erase(page);
}

void shoot_down(PageTable& table, std::span<const uint64_t> pages) {
    hosted::Hardware& hardware = hosted::Hardware::get();
    hardware.pause(hosted::Pause::ShootDown, pages.empty() ? 0 : pages[0]);
    for (unsigned i = 0; i < cpu_count(); ++i) {
        if (hardware.processors[i].table != &table) continue;
        forget(hardware.processors[i], table, pages);
        hardware.pause(hosted::Pause::Forgotten, i);
    }
}

void activate(CpuFrame& frame, PageTable* table) {
    frame.table = table;
    hosted::Processor& cpu = hosted::Hardware::get().own();
    std::lock_guard guard(cpu.access_mutex);
    if (cpu.table == table) return;
    cpu.table = table;
    cpu.tlb.clear();
}

void* to_virtual(PhysicalAddress address) {
    hosted::Hardware& hardware = hosted::Hardware::get();
    ASSERT(address.value >= hosted::kRamBase);
    ASSERT(address.value < hosted::kRamBase + hardware.ram_bytes);
    return hardware.ram + (address.value - hosted::kRamBase);
}

PhysicalAddress to_physical(const void* pointer) {
    return {static_cast<uint64_t>(static_cast<const uint8_t*>(pointer) - hosted::Hardware::get().ram) + hosted::kRamBase};
}

void zero_page(void* page) {
    __builtin_memset(page, 0, abi::kPageBytes);
}
void copy_page(void* to, const void* from) {
    __builtin_memcpy(to, from, abi::kPageBytes);
    hosted::Hardware::get().pause(hosted::Pause::Copied, 0);
}
void copy(void* to, const void* from, uint64_t bytes) {
    __builtin_memmove(to, from, bytes);
}

}  // namespace portico::kernel::arch
