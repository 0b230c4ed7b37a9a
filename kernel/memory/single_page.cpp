#include "kernel/memory/address_space.h"

/// A single page that moves with a message, when it has a place of its own on both sides and nobody shares it. What else there may be is
/// for page_transfer.cpp, whose order this keeps.
namespace portico::kernel {

/// The place of one page; no slot: it takes the general way.
struct AddressSpace::SinglePlace {
    Mapping* mapping = nullptr;
    uint64_t* slot = nullptr;
};

[[gnu::always_inline]] inline AddressSpace::SinglePlace AddressSpace::find_single(uint64_t address) {
    if (!range_is_valid(address, 1)) return {};
    auto found = first_above(address);
    if (found == mappings_.end() || found->address > address) return {};
    Mapping& mapping = *found;
    const uint64_t index = mapping.first_page + (address - mapping.address) / abi::kPageBytes;
    if (!mapping.demand_private(index, 1)) return {};
    const PageTree::Run run = mapping.memory->tree().run(index, 1);
    if (!run.exclusive) return {};
    return {&mapping, run.slots};
}

PhysicalAddress AddressSpace::detach_single(uint64_t address) {
    const auto [mapping, slot] = find_single(address);
    if (slot == nullptr || *slot == 0 || PageTree::is_swapped(*slot)) return {};
    const PhysicalAddress page{*slot};
    if (frames.frame(page).references != 1) return {};
    if (table_.unmap(address)) arch::shoot_down(table_, {&address, 1});
    *slot = 0;
    return page;
}

bool AddressSpace::attach_single(uint64_t address, PhysicalAddress page) {
    const auto [mapping, slot] = find_single(address);
    if (slot == nullptr) return false;
    Frame& frame = frames.frame(page);
    Account &from = *frame.payer, &to = mapping->memory->tree().payer();
    const Account* common = &from == &to ? &to : Account::first_common(to, from);
    if (&from != &to && !to.charge_below(common, abi::kPageBytes)) return false;
    const Result<bool> replaced = table_.map(address, page, mapping->access);
    if (!replaced) {
        if (&from != &to) to.refund_below(common, abi::kPageBytes);
        return false;
    }
    if (*replaced) arch::shoot_down(table_, {&address, 1});
    frame.payer = &to;
    if (const uint64_t was = std::exchange(*slot, page.value); was != 0) PageTree::release_page(was);
    if (&from != &to) from.refund_below(common, abi::kPageBytes);  // may end an account that nothing else keeps
    return true;
}

}  // namespace portico::kernel
