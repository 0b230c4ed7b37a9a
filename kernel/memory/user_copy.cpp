#include <algorithm>

#include "kernel/memory/address_space.h"

/// The kernel's accesses to user memory: page by page through resolve(), never through a user address
/// (docs/decisions/0004-software-user-copy.md).
namespace portico::kernel {

template <class Copy>
static Result<> by_page(uint64_t address, uint64_t bytes, Copy copy) {
    if (address >= abi::kUserAddressMax || bytes > abi::kUserAddressMax - address) return fail(Error::BadAddress);
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t at = address + done;
        const uint64_t length = std::min(bytes - done, abi::kPageBytes - at % abi::kPageBytes);
        TRY(copy(at, done, length));
        done += length;
    }
    return {};
}

/// Like resolve, for the kernel's own accesses: it has no view of device memory.
Result<uint8_t*> AddressSpace::resolve_ram(uint64_t address, Access access) {
    const PhysicalAddress found = TRY(resolve(address, access));
    if (!frames.is_ram(found)) return fail(Error::BadAddress);
    return static_cast<uint8_t*>(arch::to_virtual(found));
}

Result<> AddressSpace::copy_in(void* to, uint64_t from_address, uint64_t bytes) {
    return by_page(from_address, bytes, [&](uint64_t at, uint64_t done, uint64_t length) -> Result<> {
        __builtin_memmove(static_cast<uint8_t*>(to) + done, TRY(resolve_ram(at, Access::Read)), length);
        return {};
    });
}

Result<> AddressSpace::copy_out(uint64_t to_address, const void* from, uint64_t bytes) {
    return by_page(to_address, bytes, [&](uint64_t at, uint64_t done, uint64_t length) -> Result<> {
        __builtin_memmove(TRY(resolve_ram(at, Access::Write)), static_cast<const uint8_t*>(from) + done, length);
        return {};
    });
}

Result<> copy_between(AddressSpace& to, uint64_t to_address, AddressSpace& from, uint64_t from_address, uint64_t bytes) {
    return by_page(to_address, bytes, [&](uint64_t at, uint64_t done, uint64_t length) -> Result<> {
        // Writing first: making the target page writable may copy the very page that is read from.
        return from.copy_in(TRY(to.resolve_ram(at, Access::Write)), from_address + done, length);
    });
}

}  // namespace portico::kernel
