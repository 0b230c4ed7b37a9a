#include "kernel/irq/interrupt.h"
#include "kernel/syscall/handlers.h"

namespace portico::kernel {
namespace {

constexpr Rights kMemoryRights = Rights::Duplicate | Rights::Transfer | Rights::Read | Rights::Write | Rights::Execute | Rights::Map;

Access access_allowed(Rights rights) {
    Access access = Access::None;
    if (has(rights, Rights::Read)) access = access | Access::Read;
    if (has(rights, Rights::Write)) access = access | Access::Write;
    if (has(rights, Rights::Execute)) access = access | Access::Execute;
    return access;
}

/// Visits the pages of a range of a memory object: page index, offset in it, bytes done so far, length.
template <class Visit>
Result<> for_each_page(uint64_t offset, uint64_t bytes, Visit visit) {
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t at = offset + done;
        const uint64_t length = std::min(bytes - done, abi::kPageBytes - at % abi::kPageBytes);
        TRY(visit(at / abi::kPageBytes, at % abi::kPageBytes, done, length));
        done += length;
    }
    return {};
}

/// For calls with address in rsi and length in rdx that did a part of their pages: the rest is another system call.
Result<> in_steps(Thread& caller, uint64_t page_count, uint64_t done) {
    if (done >= page_count) return {};
    caller.frame.registers.rsi += done * abi::kPageBytes;
    caller.frame.registers.rdx -= done * abi::kPageBytes;
    make_again(caller);
    return {};
}

Result<> check_range(const Memory& memory, uint64_t offset, uint64_t length) {
    if (memory.is_device() || offset > memory.size_bytes() || length > memory.size_bytes() - offset) return fail(Error::InvalidArgument);
    return {};
}

}  // namespace

template <>
Result<abi::MemoryCreate::Reply> on_syscall(Thread& caller, const abi::MemoryCreate& call) {
    if (call.size > Memory::kSizeBytesMax || call.flags > static_cast<uint64_t>(abi::MemoryFlags::GrowOnly))
        return fail(Error::InvalidArgument);
    Account& payer = caller.process().account();
    Ref<Memory> memory = TRY(create_object<Memory>(payer, payer, call.size, static_cast<abi::MemoryFlags>(call.flags)));
    return abi::MemoryCreate::Reply{TRY(give_handle(caller, *memory, kMemoryRights))};
}

template <>
Result<abi::MemoryClone::Reply> on_syscall(Thread& caller, const abi::MemoryClone& call) {
    Memory* memory = TRY(find_object<Memory>(caller, call.memory, Rights::Read));
    if ((call.offset & kPageMask) != 0 || call.size > Memory::kSizeBytesMax || call.offset > Memory::kSizeBytesMax)
        return fail(Error::InvalidArgument);
    Account& payer = caller.process().account();
    Ref<Memory> clone = TRY(create_object<Memory>(payer, payer, call.size));
    clone->note_origin(*memory, call.offset / abi::kPageBytes);
    TRY(memory->clone_into(*clone, call.offset / abi::kPageBytes, pages_for(call.size)));
    return abi::MemoryClone::Reply{TRY(give_handle(caller, *clone, kMemoryRights))};
}

template <>
Result<abi::MemoryPhysical::Reply> on_syscall(Thread& caller, const abi::MemoryPhysical& call) {
    TRY(find_object<Resource>(caller, call.resource, Rights::Control));
    constexpr uint64_t kPhysicalMax = uint64_t{1} << 46;
    Account& payer = caller.process().account();
    if (call.physical == abi::kAnyRam) {
        if ((call.size & kPageMask) != 0 || call.size == 0 || call.size > abi::kDeviceRamBytesMax) return fail(Error::InvalidArgument);
        Ref<Memory> memory = TRY(create_object<Memory>(payer, payer, call.size));
        TRY(memory->fill_for_devices());
        return abi::MemoryPhysical::Reply{TRY(give_handle(caller, *memory, kMemoryRights & ~Rights::Execute))};
    }
    if ((call.physical & kPageMask) != 0 || (call.size & kPageMask) != 0 || call.size == 0) return fail(Error::InvalidArgument);
    if (call.physical >= kPhysicalMax || call.size > kPhysicalMax - call.physical) return fail(Error::InvalidArgument);
    if (frames.overlaps_ram({{call.physical}, call.size})) return fail(Error::InvalidArgument);
    Ref<Memory> memory = TRY(create_object<Memory>(payer, payer, PhysicalAddress{call.physical}, call.size));
    return abi::MemoryPhysical::Reply{TRY(give_handle(caller, *memory, kMemoryRights & ~Rights::Execute))};
}

template <>
Result<> on_syscall(Thread& caller, const abi::MemoryResize& call) {
    Memory* memory = TRY(find_object<Memory>(caller, call.memory, Rights::Write));
    if (memory->paging() != nullptr) TRY(find_object<Memory>(caller, call.memory, Rights::Control));
    const Result<> resized = memory->resize(call.size);
    if (resized || resized.error() != Error::WouldBlock) return resized;
    make_again(caller);
    return {};
}

template <>
Result<> on_syscall(Thread& caller, const abi::MemoryQuery& call) {
    const Memory* memory = TRY(find_object<Memory>(caller, call.memory, Rights::Read));
    const abi::MemoryInfo info{.size_bytes = memory->size_bytes(),
                               .resident_bytes = memory->resident_bytes(),
                               .id = memory->id(),
                               .flags = memory->flags(),
                               .physical = memory->is_device_ram() ? memory->base().value : 0,
                               .references = memory->reference_count()};
    return caller.process().space().write(call.info, info);
}

template <>
Result<> on_syscall(Thread& caller, const abi::MemoryRead& request) {
    Memory* memory = TRY(find_object<Memory>(caller, request.memory, Rights::Read));
    TRY(check_range(*memory, request.offset, request.length));
    return copy_in_steps(caller, request.length, [&](uint64_t step) {
        return for_each_page(request.offset, step, [&](uint64_t index, uint64_t start, uint64_t done, uint64_t length) -> Result<> {
            const Memory::Page page = TRY(memory->page_to_read(index));
            return caller.process().space().copy_out(request.address + done, static_cast<uint8_t*>(arch::to_virtual(page.address)) + start,
                                                     length);
        });
    });
}

template <>
Result<> on_syscall(Thread& caller, const abi::MemoryWrite& request) {
    Memory* memory = TRY(find_object<Memory>(caller, request.memory, Rights::Write));
    TRY(check_range(*memory, request.offset, request.length));
    return copy_in_steps(caller, request.length, [&](uint64_t step) {
        return for_each_page(request.offset, step, [&](uint64_t index, uint64_t start, uint64_t done, uint64_t length) -> Result<> {
            const PhysicalAddress page = TRY(memory->page_to_write(index));
            return caller.process().space().copy_in(static_cast<uint8_t*>(arch::to_virtual(page)) + start, request.address + done, length);
        });
    });
}

template <>
Result<abi::SpaceCreate::Reply> on_syscall(Thread& caller, const abi::SpaceCreate& call) {
    Account& payer = call.account ? *TRY(find_object<Account>(caller, call.account, Rights::Control)) : caller.process().account();
    Ref<AddressSpace> space = TRY(AddressSpace::create(payer));
    return abi::SpaceCreate::Reply{TRY(give_handle(caller, *space, Rights::Duplicate | Rights::Transfer | Rights::Map | Rights::Read))};
}

template <>
Result<abi::SpaceMap::Reply> on_syscall(Thread& caller, const abi::SpaceMap& call) {
    AddressSpace* space = TRY(find_object<AddressSpace>(caller, call.space, Rights::Map));
    if ((call.offset & kPageMask) != 0 || call.length == 0 || call.length > abi::kUserAddressMax) return fail(Error::InvalidArgument);
    if (call.flags >= uint64_t{1} << 9) return fail(Error::InvalidArgument);
    Ref<Memory> memory;
    Access access_max = Access::All;
    if (call.memory) {
        memory = Ref<Memory>(*TRY(find_object<Memory>(caller, call.memory, Rights::Map)));
        access_max = access_allowed((*caller.process().handles().find(call.memory))->rights());
    }
    const Result<uint64_t> address = space->map(std::move(memory), call.offset / abi::kPageBytes, call.address, pages_for(call.length),
                                                static_cast<MapFlags>(call.flags), access_max);
    if (!address && address.error() == Error::WouldBlock) {
        make_again(caller);
        return abi::SpaceMap::Reply{};
    }
    return abi::SpaceMap::Reply{TRY(address)};
}

template <>
Result<> on_syscall(Thread& caller, const abi::SpaceUnmap& call) {
    AddressSpace* space = TRY(find_object<AddressSpace>(caller, call.space, Rights::Map));
    return in_steps(caller, pages_for(call.length), TRY(space->unmap_some(call.address, pages_for(call.length))));
}

template <>
Result<> on_syscall(Thread& caller, const abi::SpaceProtect& call) {
    AddressSpace* space = TRY(find_object<AddressSpace>(caller, call.space, Rights::Map));
    if (call.access > static_cast<uint64_t>(Access::All)) return fail(Error::InvalidArgument);
    return in_steps(caller, pages_for(call.length),
                    TRY(space->protect_some(call.address, pages_for(call.length), static_cast<Access>(call.access))));
}

template <>
Result<> on_syscall(Thread& caller, const abi::SpaceQuery& call) {
    AddressSpace* space = TRY(find_object<AddressSpace>(caller, call.space, Rights::Read));
    const Mapping* mapping = space->mapping_above(call.address);
    if (mapping == nullptr) return fail(Error::NotFound);
    return caller.process().space().write(call.info, mapping->describe());
}

}  // namespace portico::kernel
