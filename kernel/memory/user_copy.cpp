#include <algorithm>

#include "kernel/memory/address_space.h"

/// The kernel's accesses to user memory: page by page through resolve(), never through a user address
/// (docs/decisions/0004-software-user-copy.md).
namespace portico::kernel {

static void move_bytes(void* to, const void* from, uint64_t length) {
    constexpr uint64_t kLong = 512;
    if (length < kLong) [[likely]]
        __builtin_memmove(to, from, length);
    else
        arch::copy(to, from, length);
}

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
        move_bytes(static_cast<uint8_t*>(to) + done, TRY(resolve_ram(at, Access::Read)), length);
        return {};
    });
}

Result<> AddressSpace::copy_out(uint64_t to_address, const void* from, uint64_t bytes) {
    return by_page(to_address, bytes, [&](uint64_t at, uint64_t done, uint64_t length) -> Result<> {
        move_bytes(TRY(resolve_ram(at, Access::Write)), static_cast<const uint8_t*>(from) + done, length);
        return {};
    });
}

/// Ranges that each lie in one page need no steps.
static bool within_page(uint64_t address, uint64_t bytes) {
    return bytes - 1 < abi::kPageBytes - address % abi::kPageBytes;
}

// What is written to is resolved first: making it writable may copy the very page that is read from.

static bool is_user_range(uint64_t address, uint64_t bytes) {
    return address < abi::kUserAddressMax && bytes <= abi::kUserAddressMax - address;
}

__attribute__((noinline)) Result<> AddressSpace::copy_pages(uint64_t to_address, AddressSpace& from, uint64_t from_address,
                                                            uint64_t bytes) {
    if (!is_user_range(to_address, bytes) || !is_user_range(from_address, bytes)) return fail(Error::BadAddress);
    // Each page is looked up once. Only if one must be brought in or made writable the other is looked up again, as that may move it.
    const auto present = [] [[gnu::always_inline]] (const AddressSpace& space, uint64_t address, Access access) -> uint8_t* {
        const PhysicalAddress found = space.table_.translate(address, access);
        if (found == PhysicalAddress{} || !frames.is_ram(found)) [[unlikely]]
            return nullptr;
        return static_cast<uint8_t*>(arch::to_virtual(found)) + address % abi::kPageBytes;
    };
    uint8_t* target = nullptr;
    const uint8_t* source = nullptr;
    while (bytes > 0) {
        if (target == nullptr) {
            target = present(*this, to_address, Access::Write);
            if (target == nullptr) [[unlikely]] {
                target = TRY(resolve_ram(to_address, Access::Write));
                source = nullptr;
            }
        }
        if (source == nullptr) {
            source = present(from, from_address, Access::Read);
            if (source == nullptr) [[unlikely]] {
                TRY(from.resolve_ram(from_address, Access::Read));
                target = TRY(resolve_ram(to_address, Access::Write));
                source = TRY(from.resolve_ram(from_address, Access::Read));
            }
        }
        const uint64_t target_left = abi::kPageBytes - to_address % abi::kPageBytes;
        const uint64_t source_left = abi::kPageBytes - from_address % abi::kPageBytes;
        const uint64_t length = std::min({bytes, target_left, source_left});
        move_bytes(target, source, length);
        target = length == target_left ? nullptr : target + length;
        source = length == source_left ? nullptr : source + length;
        to_address += length;
        from_address += length;
        bytes -= length;
    }
    return {};
}

Result<> copy_between(AddressSpace& to, uint64_t to_address, AddressSpace& from, uint64_t from_address, uint64_t bytes) {
    if (within_page(to_address, bytes) && within_page(from_address, bytes)) [[likely]] {
        uint8_t* target = TRY(to.resolve_ram(to_address, Access::Write));
        move_bytes(target, TRY(from.resolve_ram(from_address, Access::Read)), bytes);
        return {};
    }
    return to.copy_pages(to_address, from, from_address, bytes);
}

}  // namespace portico::kernel
