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

[[gnu::always_inline]] Result<uint8_t*> AddressSpace::resolve_ram(uint64_t address, Access access) {
    if (address >= abi::kUserAddressMax) return fail(Error::BadAddress);
    const uint64_t offset = address % abi::kPageBytes;
    PhysicalAddress found;
    [[clang::always_inline]] found = table_.translate(address, access);
    if (found == PhysicalAddress{}) [[unlikely]]
        found = TRY(find_page(address - offset, access));
    if (!frames.is_ram(found)) return fail(Error::BadAddress);
    return static_cast<uint8_t*>(arch::to_virtual(found)) + offset;
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

/// Ranges that each lie in one page need no steps.
static bool within_page(uint64_t address, uint64_t bytes) {
    return bytes - 1 < abi::kPageBytes - address % abi::kPageBytes;
}

// What is written to is resolved first: making it writable may copy the very page that is read from.

static __attribute__((noinline)) Result<> copy_pages(AddressSpace& to, uint64_t to_address, AddressSpace& from, uint64_t from_address,
                                                     uint64_t bytes) {
    return by_page(to_address, bytes, [&](uint64_t at, uint64_t done, uint64_t length) -> Result<> {
        return from.copy_in(TRY(to.resolve_ram(at, Access::Write)), from_address + done, length);
    });
}

Result<> copy_between(AddressSpace& to, uint64_t to_address, AddressSpace& from, uint64_t from_address, uint64_t bytes) {
    if (within_page(to_address, bytes) && within_page(from_address, bytes)) [[likely]] {
        uint8_t* target = TRY(to.resolve_ram(to_address, Access::Write));
        __builtin_memmove(target, TRY(from.resolve_ram(from_address, Access::Read)), bytes);
        return {};
    }
    return copy_pages(to, to_address, from, from_address, bytes);
}

}  // namespace portico::kernel
