#include "kernel/memory/address_space.h"

/// One page that moves: the most frequent message with pages, in few instructions. Does what page_transfer.cpp does, in the simplest case.
namespace portico::kernel {

/// A page's place in nodes that are its tree's alone, shown by a mapping that alone shows its object.
struct AddressSpace::SinglePlace {
    const Mapping* mapping;
    uint64_t* slot;  ///< null: it is not so simple
};

AddressSpace::SinglePlace AddressSpace::find_single(uint64_t address) {
    const Mapping* mapping = mapping_at(address);
    if (mapping == nullptr || address % abi::kPageBytes != 0) return {};
    if (!allows(mapping->access, Access::ReadWrite) || has(mapping->flags, MapFlags::Shared)) return {};
    Memory& memory = *mapping->memory;
    const uint64_t index = mapping->first_page + (address - mapping->address) / abi::kPageBytes;
    if (!memory.is_private() || index >= memory.size_pages()) return {};
    const PageTree::Run run = memory.tree().run(index, 1);
    return {mapping, run.exclusive ? run.slots : nullptr};
}

PhysicalAddress AddressSpace::detach_single(uint64_t address) {
    const SinglePlace place = find_single(address);
    if (place.slot == nullptr || *place.slot == 0) return {};
    const PhysicalAddress page{*place.slot};
    if (frames.frame(page).references > 1) return {};
    if (table_.unmap(address).present) arch::shoot_down(table_, {&address, 1});
    *place.slot = 0;
    return page;
}

bool AddressSpace::attach_single(uint64_t address, PhysicalAddress page) {
    const SinglePlace place = find_single(address);
    Frame& frame = frames.frame(page);
    ASSERT(frame.references == 1);
    if (place.slot == nullptr || frame.payer != &place.mapping->memory->tree().payer()) return false;
    const Result<uint64_t> replaced = table_.map_range(address, {&page, 1}, place.mapping->access);
    if (!replaced) return false;
    if (*replaced > 0) arch::shoot_down(table_, {&address, 1});
    const PhysicalAddress old{std::exchange(*place.slot, page.value)};
    if (old.value != 0) frames.release(old);
    return true;
}

}  // namespace portico::kernel
