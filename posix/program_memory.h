#pragma once

#include <cstdint>

#include "abi/types.h"
#include "libs/result.h"
#include "posix/process.h"

/// Changes to the part of the address space that is the program's: everything below the library.
namespace portico::posix {

/// PROT_ bits to Access; x86 can not write or execute without reading.
abi::Access access_of_protection(uint64_t protection);

constexpr uint64_t round_up_to_page(uint64_t bytes) {
    return (bytes + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
}
constexpr bool is_page_aligned(uint64_t address) {
    return address % abi::kPageBytes == 0;
}

/// True if the range lies wholly where programs may map.
constexpr bool is_program_range(uint64_t address, uint64_t length_bytes) {
    return address >= abi::kUserAddressMin && length_bytes <= abi::kRuntimeBase && address <= abi::kRuntimeBase - length_bytes;
}

struct MapRequest {
    uint64_t address = 0;       ///< 0: anywhere
    uint64_t length_bytes = 0;  ///< whole pages
    abi::Access access = abi::Access::None;
    abi::Handle memory;  ///< none: anonymous
    uint64_t offset_bytes = 0;
    abi::MapFlags flags = abi::MapFlags::None;  ///< without the access bits
    uint64_t replaced_bytes = 0;                ///< of a mapping that will go for this one: they count only once
};

/// RLIMIT_AS and RLIMIT_DATA, as Linux counts: all that is mapped for the program; private writable memory but for the stack.
/// Errors: NoMemory.
Result<> demand_within_limits(Process& process, const MapRequest& request) EXCLUDES(process.mutex);

/// Touches each page of a range, which is mapped, so that it is there; stops at the first that cannot be had.
void populate(uint64_t address, uint64_t length_bytes);

/// Maps for the program; without an address below the last mapping, else wherever the kernel finds room.
Result<uint64_t> map_memory(Process& process, const MapRequest& request) EXCLUDES(process.mutex);
Result<> unmap_memory(Process& process, uint64_t address, uint64_t length_bytes) EXCLUDES(process.mutex);

/// The mapping that holds `address`. Errors: NotFound.
Result<abi::MappingInfo> find_mapping(uint64_t address);

/// Calls visit(address, length, mapping) for each mapped part of a range in order; false if there are holes.
/// Stops when visit returns an error.
template <class Visit>
Result<bool> for_each_mapping(uint64_t address, uint64_t length_bytes, Visit&& visit) {
    const uint64_t end = address + length_bytes;
    bool whole = true;
    while (address < end) {
        abi::MappingInfo mapping;
        const auto found = native::call(abi::SpaceQuery{abi::kSelfSpace, address, reinterpret_cast<uint64_t>(&mapping)});
        if (!found || mapping.address >= end) return false;
        if (mapping.address > address) {
            whole = false;
            address = mapping.address;
        }
        const uint64_t mapping_end = mapping.address + mapping.length_bytes;
        const uint64_t part_end = mapping_end < end ? mapping_end : end;
        if (part_end <= address) return fail(Error::BadProtocol);
        TRY(visit(address, part_end - address, mapping));
        address = part_end;
    }
    return whole;
}

}  // namespace portico::posix
