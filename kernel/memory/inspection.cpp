#include <algorithm>

#include "kernel/memory/address_space.h"
#include "kernel/memory/swap.h"

/// What those who look on are told of mappings and their pages.
namespace portico::kernel {

abi::MappingInfo Mapping::describe() const {
    constexpr MapFlags told = MapFlags::AccessMask | MapFlags::Shared | MapFlags::NoInherit | MapFlags::Heap | MapFlags::Stack;
    const Memory::Origin& origin = memory->origin();
    return {.address = address,
            .length_bytes = end() - address,
            .offset_bytes = first_page * abi::kPageBytes,
            .memory_id = memory->id(),
            .access = static_cast<uint32_t>(access),
            .shared = has(flags, MapFlags::Shared) ? 1u : 0u,
            .flags = static_cast<uint64_t>(flags & told),
            .origin_id = origin.id,
            .origin_offset_bytes = origin.id != 0 ? (origin.first_page + first_page) * abi::kPageBytes : 0};
}

namespace {

/// Counts one page that a page table shows.
void count_page(const Mapping& mapping, uint64_t mappings, const arch::PageEntry& entry, uint64_t index, abi::MappingUsage& usage) {
    Memory& memory = *mapping.memory;
    const uint64_t users = mappings - 1 + (memory.is_device() ? 1 : memory.tree().users(index));
    bool dirty = false;
    if (memory.paging() != nullptr)
        dirty = frames.frame(entry.page).dirty();
    else if (!memory.is_device())
        dirty = memory.origin().id == 0 ? allows(mapping.access_max, Access::Write) : users == mappings;
    uint64_t& kind = users > 1 ? (dirty ? usage.shared_dirty : usage.shared_clean) : (dirty ? usage.private_dirty : usage.private_clean);
    ++kind;
    usage.proportional_bytes += abi::kPageBytes / std::max<uint64_t>(users, 1);
}

}  // namespace

Result<abi::MappingUsage> AddressSpace::inspect(uint64_t address) {
    const Mapping* mapping = mapping_above(address);
    if (mapping == nullptr) return fail(Error::NotFound);
    Steps steps;
    const uint64_t mappings = mapping->memory->mapping_count(mapping->first_page, mapping->page_count);
    steps.take(mappings / 8);
    abi::MappingUsage usage{.mapping = mapping->describe()};
    uint64_t at = usage.counted_from = std::max(address & ~(abi::kPageBytes - 1), mapping->address);
    while (at < mapping->end() && !steps.spent()) {
        const uint64_t next = table_.next_present(at, std::min(mapping->end(), at + 512 * abi::kPageBytes));
        steps.take(8);
        const auto index_of = [&](uint64_t address_of) { return mapping->first_page + (address_of - mapping->address) / abi::kPageBytes; };
        if (SwapSpace::current != nullptr) usage.swapped += mapping->memory->tree().swapped_pages(index_of(at), index_of(next), steps);
        const arch::PageEntry entry = next < mapping->end() ? table_.lookup(next) : arch::PageEntry{};
        at = next;
        if (!entry.present) continue;  // at most 512 pages further
        if (entry.page != zero_page_address()) {
            const uint64_t index = (at - usage.counted_from) / abi::kPageBytes;
            if (index < 64) usage.present_bits |= uint64_t{1} << index;
            count_page(*mapping, mappings, entry, mapping->first_page + (at - mapping->address) / abi::kPageBytes, usage);
        }
        at += abi::kPageBytes;
    }
    usage.counted_to = at;
    return usage;
}

}  // namespace portico::kernel
