#include "kernel/memory/address_space.h"

#include <algorithm>

#include "kernel/sched/cpu.h"

namespace portico::kernel {

static constexpr uint64_t kPage = abi::kPageBytes;

void unmap_and_shoot_down(arch::PageTable& table, uint64_t address, uint64_t page_count) {
    if (table.unmap_range(address, page_count) > 0) shoot_down_range(table, address, page_count);
}

void shoot_down_range(arch::PageTable& table, uint64_t address, uint64_t page_count) {
    constexpr uint64_t kOneByOneMax = 32;  // more are one flush of the whole table
    std::array<uint64_t, kOneByOneMax> pages;
    const uint64_t listed = page_count <= kOneByOneMax ? page_count : 0;
    for (uint64_t i = 0; i < listed; ++i) pages[i] = address + i * kPage;
    arch::shoot_down(table, {pages.data(), listed});
}

Result<Ref<AddressSpace>> AddressSpace::create(Account& payer) {
    Ref<AddressSpace> space = TRY(create_object<AddressSpace>(payer));
    TRY(space->table_.create(payer));
    space->has_table_ = true;
    return space;
}

AddressSpace::~AddressSpace() {
    Steps steps = Steps::unlimited();
    (void)dismantle(steps);
}

bool AddressSpace::dismantle(Steps& steps) {
    // No CPU uses the table any more, so it goes first, and nothing has to be taken out of it.
    if (has_table_) has_table_ = !table_.destroy_some(steps);
    while (!steps.spent() && !mappings_.empty() && forget(*mappings_.begin(), this, steps)) {
    }
    return !has_table_ && mappings_.empty();
}

void AddressSpace::doom() {
    for (unsigned i = 0; i < arch::cpu_count(); ++i) {
        Cpu& cpu = cpu_at(i);
        if (cpu.frame.table != &table_) continue;
        if (&cpu != &arch::this_cpu()) {
            cpu.kept_space = Ref<AddressSpace>(*this);
            return;
        }
        arch::activate(cpu.frame, nullptr);
    }
    Object::doom();
}

AddressSpace::Mappings::iterator AddressSpace::first_above(uint64_t address) {
    // The mapping at or below `address` may reach over it; else the first one behind it.
    struct Before {
        bool operator()(uint64_t key, const Mapping& mapping) const { return key < mapping.address; }
        bool operator()(const Mapping& mapping, uint64_t key) const { return mapping.address < key; }
    };
    if (recent_ != nullptr && recent_->address <= address && address < recent_->end()) return mappings_.iterator_to(*recent_);
    auto it = mappings_.upper_bound(address, Before{});
    if (it != mappings_.begin()) {
        auto below = it;
        --below;
        if (below->end() > address) {
            recent_ = &*below;
            return below;
        }
    }
    return it;
}

Mapping* AddressSpace::mapping_above(uint64_t address) {
    auto it = first_above(address);
    return it == mappings_.end() ? nullptr : &*it;
}

Result<Mapping*> AddressSpace::insert(Ref<Memory> memory, uint64_t first_page, uint64_t address, uint64_t page_count, MapFlags flags,
                                      Access access, Access access_max) {
    Mapping* mapping = TRY(heap.make<Mapping>(payer()));
    mapping->address = address;
    mapping->page_count = page_count;
    mapping->first_page = first_page;
    mapping->access = access;
    mapping->access_max = access_max;
    mapping->flags = flags;
    mapping->memory = std::move(memory);
    mapping->space = this;
    mappings_.insert(*mapping);
    mapping->memory->add_mapping(*mapping);
    mapped_pages_ += page_count;
    return mapping;
}

void AddressSpace::remove(Mapping& mapping) {
    // The pages stay the memory object's until its Ref goes, so nobody can reuse one before this.
    unmap_and_shoot_down(table_, mapping.address, mapping.page_count);
    Steps steps = Steps::unlimited();
    (void)forget(mapping, nullptr, steps);
}

/// The rest of removing a mapping, when no page table shows its pages. `dying`: this space, if it ends. False if steps ran out before.
bool AddressSpace::forget(Mapping& mapping, const AddressSpace* dying, Steps& steps) {
    Memory& memory = *mapping.memory;
    memory.remove_mapping(mapping);
    if (!memory.discard_unreachable(mapping.first_page, mapping.page_count, dying, steps)) {
        memory.add_mapping(mapping);
        return false;
    }
    steps.take(4);
    mapped_pages_ -= mapping.page_count;
    mappings_.erase(mappings_.iterator_to(mapping));
    if (recent_ == &mapping) recent_ = nullptr;
    heap.destroy(&mapping, payer());
    return true;
}

/// Cuts a mapping in two at an address inside it.
Result<> AddressSpace::split(Mapping& mapping, uint64_t address) {
    if (address <= mapping.address || address >= mapping.end()) return {};
    const uint64_t keep = (address - mapping.address) / kPage;
    Mapping* upper = TRY(heap.make<Mapping>(payer()));
    upper->address = address;
    upper->page_count = mapping.page_count - keep;
    upper->first_page = mapping.first_page + keep;
    upper->access = mapping.access;
    upper->access_max = mapping.access_max;
    upper->flags = mapping.flags;
    upper->memory = mapping.memory;
    upper->space = this;
    mapping.page_count = keep;
    mappings_.insert(*upper);
    upper->memory->add_mapping(*upper);
    return {};
}

Result<uint64_t> AddressSpace::find_gap(uint64_t hint, uint64_t page_count) {
    const uint64_t bytes = page_count * kPage;
    if (hint != 0 && range_is_valid(hint, page_count) && hint + bytes <= abi::kMapAnywhereMax) {
        auto it = first_above(hint);
        if (it == mappings_.end() || it->address >= hint + bytes) return hint;
    }
    // Top-down first fit, as Linux lays out mmap: each gap is between a mapping and the one above it.
    uint64_t top = abi::kMapAnywhereMax;
    auto it = first_above(top);
    if (it != mappings_.end()) top = std::min(top, it->address);
    while (it != mappings_.begin()) {
        auto below = it;
        --below;
        if (below->end() <= top && top - below->end() >= bytes) return top - bytes;
        top = std::min(top, below->address);
        it = below;
    }
    if (top >= abi::kUserAddressMin + bytes) return top - bytes;
    return fail(Error::NoSpace);
}

/// Anonymous memory right above a like mapping of a whole object of its own: let both grow (brk, stacks of mmap calls).
bool AddressSpace::extend_below(const Ref<Memory>& memory, uint64_t address, uint64_t page_count, MapFlags flags) {
    if (memory || has(flags, MapFlags::Shared) || has(flags, MapFlags::NoInherit)) return false;
    auto it = first_above(address - 1);
    if (it == mappings_.end() || it->end() != address) return false;
    Mapping& below = *it;
    const Access all = Access::All;
    constexpr MapFlags purpose = MapFlags::Heap | MapFlags::Stack;
    if (below.access != access_of(flags) || below.access_max != all || (below.flags & purpose) != (flags & purpose) ||
        has(below.flags, MapFlags::Shared) || has(below.flags, MapFlags::NoInherit))
        return false;
    Memory& object = *below.memory;
    if (!object.is_anonymous() || object.handle_count() != 0 || !object.has_one_mapping()) return false;
    if (below.first_page + below.page_count != object.size_pages()) return false;
    if (!object.resize((object.size_pages() + page_count) * kPage)) return false;
    below.page_count += page_count;
    mapped_pages_ += page_count;
    return true;
}

/// Fresh memory in the place of a part of like memory that nobody else shows (MADV_DONTNEED): the pages go, the mapping stays. False if it
/// is not such a part. Errors: WouldBlock, NoMemory, as map.
Result<bool> AddressSpace::clear_in_place(const Mapping& mapping, uint64_t address, uint64_t page_count, MapFlags flags) {
    constexpr uint64_t kPagesMax = 2048;  // the entries are looked at in one step
    const uint64_t first_page = mapping.first_page + (address - mapping.address) / kPage;
    if (page_count > kPagesMax || mapping.address > address || mapping.end() < address + page_count * kPage) return false;
    if (mapping.access != access_of(flags) || mapping.access_max != Access::All || has(mapping.flags | flags, MapFlags::Shared) ||
        has(mapping.flags | flags, MapFlags::NoInherit) || !mapping.memory->shows_only_in(mapping, first_page, page_count))
        return false;
    unmap_and_shoot_down(table_, address, page_count);
    Steps steps;
    if (!TRY(mapping.memory->tree().discard(first_page, first_page + page_count, steps))) return fail(Error::WouldBlock);
    return true;
}

Result<uint64_t> AddressSpace::map(Ref<Memory> memory, uint64_t first_page, uint64_t address, uint64_t page_count, MapFlags flags,
                                   Access access_max) {
    const Access access = access_of(flags);
    if (!allows(access_max, access)) return fail(Error::AccessDenied);
    if (page_count == 0 || page_count > abi::kUserAddressMax / kPage) return fail(Error::InvalidArgument);
    if (memory && (first_page > PageTree::kPagesMax || page_count > PageTree::kPagesMax - first_page)) return fail(Error::InvalidArgument);
    if (has(flags, MapFlags::Fixed)) {
        if (!range_is_valid(address, page_count)) return fail(Error::InvalidArgument);
        auto taken = first_above(address);
        if (taken != mappings_.end() && taken->address < address + page_count * kPage) {
            if (has(flags, MapFlags::NoReplace)) return fail(Error::Overlap);
            if (!memory && TRY(clear_in_place(*taken, address, page_count, flags))) return address;
            if (TRY(unmap_some(address, page_count)) < page_count) return fail(Error::WouldBlock);
        }
    } else {
        address = TRY(find_gap(address & ~(kPage - 1), page_count));
    }
    if (extend_below(memory, address, page_count, flags)) return address;
    if (!memory) {
        memory = TRY(create_object<Memory>(payer(), payer(), page_count * kPage));
        first_page = 0;
    }
    TRY(insert(std::move(memory), first_page, address, page_count, flags, access, access_max));
    return address;
}

/// Where to stop unmapping what a mapping shows from its start on, so as not to take more steps than there are.
uint64_t AddressSpace::reach(const Mapping& mapping, uint64_t end, Steps& steps) const {
    constexpr uint64_t kTablePages = 512, kTableBytes = kTablePages * kPage;  // a last-level page table's
    uint64_t at = mapping.address;
    if (const uint64_t count = (end - at) / kPage; count <= kTablePages) {
        steps.take(2 * count);
        return end;
    }
    while (at < end && !steps.spent()) {
        const uint64_t next_page = mapping.memory->tree().next_present(mapping.first_page + (at - mapping.address) / kPage);
        const uint64_t next_there = next_page - mapping.first_page < mapping.page_count
                                        ? mapping.address + (next_page - mapping.first_page) * kPage
                                        : mapping.end();
        const uint64_t start = std::min({table_.next_present(at, end), next_there, end});
        at = std::min((start & ~(kTableBytes - 1)) + kTableBytes, end);
        steps.take(2 * (at - std::min(start, at)) / kPage + 16);  // as many as to free the pages
    }
    return at;
}

Result<uint64_t> AddressSpace::unmap_some(uint64_t address, uint64_t page_count) {
    if (!range_is_valid(address, page_count)) return fail(Error::InvalidArgument);
    const uint64_t end = address + page_count * kPage;
    auto it = first_above(address);
    if (it == mappings_.end() || it->address >= end) return page_count;
    TRY(split(*it, address));
    it = first_above(address);
    Steps steps;
    while (it != mappings_.end() && it->address < end) {
        if (steps.spent()) return (it->address - address) / kPage;
        const uint64_t stop = reach(*it, std::min(end, it->end()), steps);
        TRY(split(*it, stop));
        Mapping& doomed = *it;
        ++it;
        remove(doomed);
    }
    return page_count;
}

Result<> AddressSpace::unmap(uint64_t address, uint64_t page_count) {
    for (uint64_t done = 0; done < page_count;) done += TRY(unmap_some(address + done * kPage, page_count - done));
    return {};
}

/// Takes what `access` does not allow out of the entries of a mapping that so far allowed more. Only ever takes away: resolve() gives more
/// page by page, knowing who shares the page. Returns how far it came.
uint64_t AddressSpace::weaken(const Mapping& mapping, Access access, Steps& steps) {
    const auto taken = static_cast<Access>(static_cast<unsigned>(mapping.access) & ~static_cast<unsigned>(access));
    const uint64_t end = mapping.end();
    if (taken == Access::None) return end;
    if (taken == Access::Write && access != Access::None) {
        if (table_.make_read_only(mapping.address, mapping.page_count) > 0) shoot_down_range(table_, mapping.address, mapping.page_count);
        return end;
    }
    uint64_t at = table_.next_present(mapping.address, end);
    const uint64_t first = at;
    for (; at < end && !steps.spent(); at = table_.next_present(at + kPage, end)) {
        const Access now = table_.lookup(at).access & access;
        if (!allows(now, Access::Read))
            table_.unmap(at);
        else
            table_.protect(at, now);
        steps.take(2);
    }
    if (first < at) shoot_down_range(table_, first, (at - first) / kPage);
    return at;
}

Result<uint64_t> AddressSpace::protect_some(uint64_t address, uint64_t page_count, Access access) {
    if (!range_is_valid(address, page_count)) return fail(Error::InvalidArgument);
    const uint64_t end = address + page_count * kPage;
    uint64_t covered = address;
    for (auto it = first_above(address); it != mappings_.end() && it->address < end; ++it) {
        if (it->address > covered) return fail(Error::BadAddress);
        if (!allows(it->access_max, access)) return fail(Error::AccessDenied);
        covered = it->end();
    }
    if (covered < end) return fail(Error::BadAddress);
    Steps steps;
    for (auto it = first_above(address); it != mappings_.end() && it->address < end; ++it) {
        if (it->access == access) continue;
        TRY(split(*it, end));
        if (it->address < address) {
            TRY(split(*it, address));
            continue;
        }
        const uint64_t reached = weaken(*it, access, steps);
        if (reached < it->end()) TRY(split(*it, reached));
        it->access = access;
        if (steps.spent()) return (it->end() - address) / kPage;
    }
    return page_count;
}

/// Whose memory it is that misses a page.
std::unexpected<Error> AddressSpace::note_absent(Error error) {
    if (error == kPageAbsent) arch::this_cpu().absent.space = this;
    return fail(error);
}

Result<PhysicalAddress> AddressSpace::resolve(uint64_t address, Access access) {
    if (address >= abi::kUserAddressMax) return fail(Error::BadAddress);
    const uint64_t offset = address % kPage;
    if (const PhysicalAddress seen = table_.translate(address, access); seen != PhysicalAddress{}) [[likely]]
        return PhysicalAddress{seen.value + offset};
    return PhysicalAddress{TRY(find_page(address - offset, access)).value + offset};
}

Result<PhysicalAddress> AddressSpace::find_page(uint64_t page, Access access) {
    const arch::PageEntry entry = table_.lookup(page);
    auto it = first_above(page);
    if (it == mappings_.end() || it->address > page) return fail(Error::BadAddress);
    Mapping& mapping = *it;
    if (!allows(mapping.access, access)) return fail(Error::BadAddress);
    Memory& memory = *mapping.memory;
    const uint64_t index = mapping.first_page + (page - mapping.address) / kPage;
    const auto cache = memory.is_device() ? arch::Cache::Device : arch::Cache::Normal;
    Access granted = mapping.access;
    PhysicalAddress found;
    if (allows(access, Access::Write)) {
        const Result<PhysicalAddress> writable = memory.page_to_write(index);
        if (!writable) return note_absent(writable.error());
        found = *writable;
    } else {
        const Result<Memory::Page> readable = memory.page_to_read(index);
        if (!readable) return note_absent(readable.error());
        found = readable->address;
        if (!readable->may_write) granted = granted & (Access::Read | Access::Execute);
    }
    const bool changed_page = entry.present && entry.page != found;
    TRY(table_.map(page, found, granted, cache));
    if (!allows(access, Access::Write) && !memory.is_device() && found != zero_page_address()) map_around(mapping, page);
    if (changed_page) arch::shoot_down(table_, {&page, 1});
    return found;
}

/// Who reads a page of a file, or runs it, is likely to go on to those beside it: enters the ones that are there.
void AddressSpace::map_around(const Mapping& mapping, uint64_t page) {
    constexpr uint64_t kAround = 16, kAroundBytes = kAround * kPage;
    const uint64_t start = std::max(page & ~(kAroundBytes - 1), mapping.address);
    const uint64_t end = std::min((page & ~(kAroundBytes - 1)) + kAroundBytes, mapping.end());
    for (uint64_t at = start; at < end;) {
        const PageTree::Run run = mapping.memory->tree().run(mapping.first_page + (at - mapping.address) / kPage, (end - at) / kPage);
        if (run.slots != nullptr) table_.map_absent(at, {run.slots, run.count}, mapping.access & Access::ReadExecute);
        at += run.count * kPage;
    }
}

Result<> AddressSpace::clone_into(AddressSpace& clone) {
    Result<> result{};
    for (Mapping& mapping : mappings_) {
        if (has(mapping.flags, MapFlags::NoInherit)) continue;
        Ref<Memory> memory = mapping.memory;
        const bool may_be_written = allows(mapping.access_max, Access::Write);
        if (!has(mapping.flags, MapFlags::Shared) && may_be_written && !memory->is_device() && !memory->is_device_ram()) {
            if (!mapping.memory->clone_of_round) {
                auto made = create_object<Memory>(clone.payer(), clone.payer(), memory->size_bytes());
                if (!made) {
                    result = fail(made.error());
                    break;
                }
                result = memory->clone_into(**made, 0, memory->size_pages());
                if (!result) break;
                (*made)->inherit_origin(*memory);
                mapping.memory->clone_of_round = std::move(*made);
            }
            memory = mapping.memory->clone_of_round;
        }
        auto inserted = clone.insert(std::move(memory), mapping.first_page, mapping.address, mapping.page_count, mapping.flags,
                                     mapping.access, mapping.access_max);
        if (!inserted) {
            result = fail(inserted.error());
            break;
        }
    }
    for (Mapping& mapping : mappings_) mapping.memory->clone_of_round = nullptr;
    return result;
}

uint64_t AddressSpace::resident_bytes() const {
    return table_.present_pages() * kPage;
}

}  // namespace portico::kernel
