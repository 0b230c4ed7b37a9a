#include "kernel/memory/address_space.h"

#include <algorithm>

#include "kernel/sched/cpu.h"

namespace portico::kernel {

static constexpr uint64_t kPage = abi::kPageBytes;

Result<Ref<AddressSpace>> AddressSpace::create(Account& payer) {
    Ref<AddressSpace> space = TRY(create_object<AddressSpace>(payer));
    TRY(space->table_.create(payer));
    space->has_table_ = true;
    return space;
}

AddressSpace::~AddressSpace() {
    while (!mappings_.empty()) remove(*mappings_.begin());
    if (has_table_) table_.destroy();
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
    auto it = mappings_.upper_bound(address, Before{});
    if (it != mappings_.begin()) {
        auto below = it;
        --below;
        if (below->end() > address) return below;
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
    std::array<uint64_t, 32> gone;
    size_t count = 0;
    for (uint64_t at = table_.next_present(mapping.address, mapping.end()); at < mapping.end();
         at = table_.next_present(at + kPage, mapping.end())) {
        table_.unmap(at);
        if (count < gone.size()) gone[count] = at;
        ++count;
    }
    // The pages stay the memory object's until the Ref below goes, so nobody can reuse one before this.
    if (count > 0) arch::shoot_down(table_, {gone.data(), count <= gone.size() ? count : 0});
    mapped_pages_ -= mapping.page_count;
    mapping.memory->remove_mapping(mapping);
    mapping.memory->discard_unreachable(mapping.first_page, mapping.page_count);
    mappings_.erase(mappings_.iterator_to(mapping));
    heap.destroy(&mapping, payer());
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
    if (below.access != access_of(flags) || below.access_max != all || has(below.flags, MapFlags::Shared) ||
        has(below.flags, MapFlags::NoInherit))
        return false;
    Memory& object = *below.memory;
    if (!object.is_anonymous() || object.handle_count() != 0 || !object.has_one_mapping()) return false;
    if (below.first_page + below.page_count != object.size_pages()) return false;
    if (!object.resize((object.size_pages() + page_count) * kPage)) return false;
    below.page_count += page_count;
    mapped_pages_ += page_count;
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
            TRY(unmap(address, page_count));
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

Result<> AddressSpace::unmap(uint64_t address, uint64_t page_count) {
    if (!range_is_valid(address, page_count)) return fail(Error::InvalidArgument);
    const uint64_t end = address + page_count * kPage;
    auto it = first_above(address);
    if (it == mappings_.end() || it->address >= end) return {};
    TRY(split(*it, address));
    it = first_above(address);
    while (it != mappings_.end() && it->address < end) {
        TRY(split(*it, end));
        Mapping& doomed = *it;
        ++it;
        remove(doomed);
    }
    return {};
}

Result<> AddressSpace::protect(uint64_t address, uint64_t page_count, Access access) {
    if (!range_is_valid(address, page_count)) return fail(Error::InvalidArgument);
    const uint64_t end = address + page_count * kPage;
    uint64_t covered = address;
    for (auto it = first_above(address); it != mappings_.end() && it->address < end; ++it) {
        if (it->address > covered) return fail(Error::BadAddress);
        if (!allows(it->access_max, access)) return fail(Error::AccessDenied);
        covered = it->end();
    }
    if (covered < end) return fail(Error::BadAddress);
    for (auto it = first_above(address); it != mappings_.end() && it->address < end; ++it) {
        if (it->access == access) continue;
        TRY(split(*it, end));
        if (it->address < address) {
            TRY(split(*it, address));
            continue;
        }
        it->access = access;
        std::array<uint64_t, 32> changed;
        size_t count = 0;
        for (uint64_t at = table_.next_present(it->address, it->end()); at < it->end(); at = table_.next_present(at + kPage, it->end())) {
            // Only ever take access away here: resolve() gives more page by page, knowing who shares the page.
            const Access now = table_.lookup(at).access & access;
            if (now == Access::None || !allows(now, Access::Read))
                table_.unmap(at);
            else
                table_.protect(at, now);
            if (count < changed.size()) changed[count] = at;
            ++count;
        }
        if (count > 0) arch::shoot_down(table_, {changed.data(), count <= changed.size() ? count : 0});
    }
    return {};
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
    if (changed_page) arch::shoot_down(table_, {&page, 1});
    return found;
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
    uint64_t pages = 0;
    for (const Mapping& mapping : mappings_)
        for (uint64_t at = table_.next_present(mapping.address, mapping.end()); at < mapping.end();
             at = table_.next_present(at + kPage, mapping.end()))
            ++pages;
    return pages * kPage;
}

}  // namespace portico::kernel
