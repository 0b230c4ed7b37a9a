#include "kernel/memory/memory.h"

#include <algorithm>

#include "kernel/memory/address_space.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/reclaim.h"
#include "kernel/memory/swap.h"

namespace portico::kernel {
namespace {

PhysicalAddress zero_page;
uint64_t last_memory_id = 0;

}  // namespace

PhysicalAddress zero_page_address() {
    return zero_page;
}

void create_zero_page(Account& payer) {
    const Result<PhysicalAddress> page = frames.allocate(payer);
    ASSERT(page.has_value());
    zero_page = *page;
    frames.frame(zero_page).references = 2;  // shared for ever: never written, never freed
    arch::zero_page(arch::to_virtual(zero_page));
}

Memory::Memory(Account& payer, uint64_t size_bytes, abi::MemoryFlags flags)
    : Object(kType), tree_(payer), size_bytes_(size_bytes), id_(++last_memory_id), flags_(flags) {
    if (payer.kept_free_pages() > 0) reclaimer.add(*this);
}

Memory::Memory(Account& payer, PhysicalAddress base, uint64_t size_bytes)
    : Object(kType), tree_(payer), size_bytes_(size_bytes), id_(++last_memory_id), base_(base), is_device_(true) {}

Result<> Memory::fill_for_devices() {
    const uint64_t count = size_pages();
    base_ = TRY(frames.allocate_neighbours(tree_.payer(), count));
    flags_ = abi::MemoryFlags::DeviceRam;
    Result<> placed;
    for (uint64_t i = 0; i < count; ++i) {
        const PhysicalAddress page{base_.value + i * abi::kPageBytes};
        arch::zero_page(arch::to_virtual(page));
        if (placed) placed = tree_.put(i, page);
        if (!placed) frames.free(page);  // the tree has those before it
    }
    return placed;
}

Memory::~Memory() {
    ASSERT(mappings_ == nullptr);
    if (next_of_clock != nullptr) reclaimer.remove(*this);
    next_of_family_->previous_of_family_ = previous_of_family_;
    previous_of_family_->next_of_family_ = next_of_family_;
    if (swap_space_ != nullptr) heap.destroy(swap_space_, payer());
    if (paging_ != nullptr) heap.destroy(paging_, payer());
}

bool Memory::dismantle(Steps& steps) {
    const Result<bool> done = tree_.discard(0, PageTree::kPagesMax, steps);
    ASSERT(done.has_value());
    return *done;
}

Result<Memory::Page> Memory::page_to_read(uint64_t index) {
    if (index >= size_pages()) return fail(Error::BadAddress);
    if (is_device_) return Page{{base_.value + index * abi::kPageBytes}, true};
    const PageTree::Found found = tree_.find(index);
    if (found.present) return Page{found.page, found.exclusive && (paging_ == nullptr || frames.frame(found.page).may_change_unnoticed())};
    if (found.swapped) [[unlikely]] {
        TRY(bring_in(index));
        return page_to_read(index);
    }
    if (paging_ != nullptr) return miss(index, Access::Read);
    if (source_ && index < source_pages_) return page_of_source(index);
    shows_zero_page_ = true;
    return Page{zero_page, false};
}

Result<PhysicalAddress> Memory::page_to_write(uint64_t index) {
    if (index >= size_pages()) return fail(Error::BadAddress);
    if (is_device_) return PhysicalAddress{base_.value + index * abi::kPageBytes};
    const PageTree::Found found = tree_.find(index);
    if (found.exclusive) {
        if (paging_ != nullptr) frames.frame(found.page).set_dirty();
        return found.page;
    }
    if (found.swapped) [[unlikely]] {
        TRY(bring_in(index));
        return page_to_write(index);
    }
    if (!found.present && paging_ != nullptr) return miss(index, Access::Write);
    if (!found.present && source_ && index < source_pages_) TRY(page_of_source(index));
    // Readers of the old page must see the new one. The old one stays alive until they are shot down: only this
    // object's reference to it goes, and if it was the last, invalidate has run before anyone can be given the frame.
    if (found.present || shows_zero_page_ || source_) invalidate(index, 1);
    const PhysicalAddress page = TRY(tree_.make_writable(index));
    if (paging_ != nullptr) frames.frame(page).set_dirty();
    return page;
}

Result<> Memory::clone_into(Memory& clone, uint64_t first_page, uint64_t page_count) {
    if (is_device_ || is_device_ram() || swap_space_ != nullptr) return fail(Error::InvalidArgument);
    protect_mappings(first_page, page_count);
    if (!is_anonymous()) {
        clone.source_ = paging_ != nullptr ? Ref<Memory>(*this) : source_;
        clone.source_first_ = source_first_ + first_page;
        const uint64_t pages = paging_ != nullptr ? size_pages() : source_pages_;
        clone.source_pages_ = std::min(clone.size_pages(), pages - std::min(pages, first_page));
        clone.flags_ = abi::MemoryFlags::Paged;
    }
    if (first_page == 0 && page_count >= size_pages()) {
        clone.tree_.share(tree_);
        clone.next_of_family_ = next_of_family_;
        clone.previous_of_family_ = this;
        next_of_family_ = next_of_family_->previous_of_family_ = &clone;
        return {};
    }
    const uint64_t end = std::min(first_page + page_count, size_pages());
    for (uint64_t index = tree_.next_present(first_page); index < end; index = tree_.next_present(index + 1))
        TRY(clone.tree_.put_slot(index - first_page, *tree_.run(index, 1).slots));
    return {};
}

/// Frees the pages from one on, and takes them out of all mappings, as far as there are steps; true when none is left.
Result<bool> Memory::drop_behind(uint64_t first_page) {
    constexpr uint64_t kPiece = 128;
    Steps steps;
    for (uint64_t at = first_page;;) {
        uint64_t next = std::min(tree_.next_present(at), PageTree::kPagesMax);
        for (const Mapping* mapping = mappings_; mapping != nullptr; mapping = mapping->next_of_memory) {
            const uint64_t from = std::max(at, mapping->first_page), shown_end = mapping->first_page + mapping->page_count;
            if (from >= std::min(next, shown_end)) continue;
            const auto address_of = [&](uint64_t page) { return mapping->address + (page - mapping->first_page) * abi::kPageBytes; };
            const uint64_t end = address_of(std::min(next, shown_end));
            const uint64_t shown = mapping->space->page_table().next_present(address_of(from), end);
            if (shown < end) next = mapping->first_page + (shown - mapping->address) / abi::kPageBytes;
            steps.take(4);
        }
        if (next >= PageTree::kPagesMax) {
            Steps of_nodes;  // those that have no pages any more
            return tree_.discard(first_page, PageTree::kPagesMax, of_nodes);
        }
        if (steps.spent()) return false;
        invalidate(next, kPiece);
        Steps of_piece = Steps::unlimited();  // no more pages than these
        TRY(tree_.discard(next, next + kPiece, of_piece));
        steps.take(2 * kPiece);
        at = next + kPiece;
    }
}

Result<> Memory::resize(uint64_t size_bytes) {
    if (is_device_ || is_device_ram() || swap_space_ != nullptr || size_bytes > kSizeBytesMax) return fail(Error::InvalidArgument);
    if (size_bytes < size_bytes_) {
        if (has(flags_, abi::MemoryFlags::GrowOnly)) return fail(Error::WrongState);
        const uint64_t keep = (size_bytes + abi::kPageBytes - 1) / abi::kPageBytes;
        const uint64_t tail = size_bytes % abi::kPageBytes;
        const PageTree::Found last = tail != 0 ? tree_.find(keep - 1) : PageTree::Found{};
        if (last.present || last.swapped) {
            const PhysicalAddress page = TRY(page_to_write(keep - 1));
            __builtin_memset(static_cast<uint8_t*>(arch::to_virtual(page)) + tail, 0, abi::kPageBytes - tail);
        }
        if (!TRY(drop_behind(keep))) return fail(Error::WouldBlock);
        source_pages_ = std::min(source_pages_, keep);
    }
    size_bytes_ = size_bytes;
    if (paging_ != nullptr) paging_->conclude(size_pages(), PageTree::kPagesMax, Error::None);  // they find that they are past the end
    return {};
}

void Memory::add_mapping(Mapping& mapping) {
    mapping.next_of_memory = mappings_;
    mapping.previous_of_memory = nullptr;
    if (mappings_ != nullptr) mappings_->previous_of_memory = &mapping;
    mappings_ = &mapping;
}

void Memory::remove_mapping(Mapping& mapping) {
    if (mapping.previous_of_memory != nullptr)
        mapping.previous_of_memory->next_of_memory = mapping.next_of_memory;
    else
        mappings_ = mapping.next_of_memory;
    if (mapping.next_of_memory != nullptr) mapping.next_of_memory->previous_of_memory = mapping.previous_of_memory;
}

bool Memory::discard_unreachable(uint64_t first_page, uint64_t page_count, const AddressSpace* dying, Steps& steps) {
    if (is_device_ || handle_count() != 0) return true;
    bool stays = false;  // without mappings the object itself goes
    for (const Mapping* mapping = mappings_; mapping != nullptr; mapping = mapping->next_of_memory) {
        if (mapping->space == dying) continue;
        stays = true;
        if (mapping->first_page < first_page + page_count && first_page < mapping->first_page + mapping->page_count) return true;
    }
    if (!stays) return true;
    const Result<bool> done = tree_.discard(first_page, first_page + page_count, steps);
    return !done || *done;  // without memory for what is shared it stays
}

uint64_t Memory::mapping_count(uint64_t first_page, uint64_t page_count) const {
    constexpr uint64_t kCountMax = 1024;
    uint64_t count = 0;
    for (const Mapping* mapping = mappings_; mapping != nullptr && count < kCountMax; mapping = mapping->next_of_memory)
        if (mapping->first_page < first_page + page_count && first_page < mapping->first_page + mapping->page_count) ++count;
    return count;
}

bool Memory::has_one_mapping() const {
    return mappings_ != nullptr && mappings_->next_of_memory == nullptr;
}

bool Memory::shows_only_in(const Mapping& own, uint64_t first_page, uint64_t page_count) const {
    if (!is_anonymous() || handle_count() != 0) return false;
    for (const Mapping* mapping = mappings_; mapping != nullptr; mapping = mapping->next_of_memory) {
        if (mapping->space != own.space) return false;
        if (mapping != &own && mapping->first_page < first_page + page_count && first_page < mapping->first_page + mapping->page_count)
            return false;
    }
    return true;
}

/// Calls `visit(table, address, index, page_count)` for each range of addresses that shows some of the pages.
template <class Visit>
static void for_each_shown(Mapping* mappings, uint64_t first_page, uint64_t page_count, Visit visit) {
    for (Mapping* mapping = mappings; mapping != nullptr; mapping = mapping->next_of_memory) {
        const uint64_t from = std::max(first_page, mapping->first_page);
        const uint64_t to = std::min(first_page + page_count, mapping->first_page + mapping->page_count);
        if (from < to)
            visit(mapping->space->page_table(), mapping->address + (from - mapping->first_page) * abi::kPageBytes, from, to - from);
    }
}

void Memory::invalidate(uint64_t first_page, uint64_t page_count) {
    for_each_shown(mappings_, first_page, page_count,
                   [](arch::PageTable& table, uint64_t address, uint64_t, uint64_t count) { unmap_and_shoot_down(table, address, count); });
}

uint64_t Memory::take_accessed(uint64_t first_page, uint64_t page_count) {
    uint64_t bits = 0;
    for_each_shown(mappings_, first_page, page_count, [&](arch::PageTable& table, uint64_t address, uint64_t index, uint64_t count) {
        const uint64_t end = address + count * abi::kPageBytes;
        bool any = false;
        for (uint64_t at = table.next_present(address, end); at < end; at = table.next_present(at + abi::kPageBytes, end)) {
            if (!table.take_accessed(at)) continue;
            bits |= uint64_t{1} << (index - first_page + (at - address) / abi::kPageBytes);
            any = true;
        }
        if (any) shoot_down_range(table, address, count);
    });
    return bits;
}

void Memory::protect_mappings(uint64_t first_page, uint64_t page_count) {
    for_each_shown(mappings_, first_page, page_count, [](arch::PageTable& table, uint64_t address, uint64_t, uint64_t count) {
        if (table.make_read_only(address, count) > 0) arch::shoot_down(table, {});
    });
}

}  // namespace portico::kernel
