#include "posix/program_memory.h"

#include "posix/user_copy.h"

namespace portico::posix {

abi::Access access_of_protection(uint64_t protection) {
    constexpr uint64_t kRead = 1, kWrite = 2, kExecute = 4;
    abi::Access access = abi::Access::None;
    if ((protection & (kRead | kWrite | kExecute)) != 0) access = access | abi::Access::Read;
    if ((protection & kWrite) != 0) access = access | abi::Access::Write;
    if ((protection & kExecute) != 0) access = access | abi::Access::Execute;
    return access;
}

namespace {

struct Usage {
    uint64_t mapped_bytes = 0, data_bytes = 0;

    void add(uint64_t bytes, abi::Access access, bool shared, bool stack) {
        mapped_bytes += bytes;
        if (!shared && !stack && allows(access, abi::Access::Write)) data_bytes += bytes;
    }
};

/// What the program has mapped but for a range.
Usage usage_outside(uint64_t start, uint64_t end) {
    Usage usage;
    (void)for_each_mapping(abi::kUserAddressMin, abi::kRuntimeBase - abi::kUserAddressMin,
                           [&](uint64_t part, uint64_t part_bytes, const abi::MappingInfo& mapping) -> Result<> {
                               const uint64_t low = part > start ? part : start;
                               const uint64_t high = part + part_bytes < end ? part + part_bytes : end;
                               const auto flags = static_cast<abi::MapFlags>(mapping.flags);
                               usage.add(part_bytes - (low < high ? high - low : 0), static_cast<abi::Access>(mapping.access),
                                         mapping.shared != 0, has(flags, abi::MapFlags::Stack));
                               return {};
                           });
    return usage;
}

}  // namespace

Result<> demand_within_limits(Process& process, const MapRequest& request) {
    uint64_t mapped_bytes_max = 0, data_bytes_max = 0;
    {
        const MutexGuard guard(process.mutex);
        mapped_bytes_max = process.limits[kLimitAddressSpace].soft;
        data_bytes_max = process.limits[kLimitData].soft;
    }
    if (mapped_bytes_max == kLimitInfinity && data_bytes_max == kLimitInfinity) return {};
    const bool replaces = has(request.flags, abi::MapFlags::Fixed);
    Usage usage = usage_outside(request.address, replaces ? request.address + request.length_bytes : request.address);
    const uint64_t growth_bytes = request.length_bytes - request.replaced_bytes;
    const uint64_t data_before = usage.data_bytes;
    usage.add(growth_bytes, request.access, has(request.flags, abi::MapFlags::Shared), has(request.flags, abi::MapFlags::Stack));
    const bool is_data = usage.data_bytes != data_before;
    if (usage.mapped_bytes > mapped_bytes_max || (is_data && usage.data_bytes > data_bytes_max)) return fail(Error::NoMemory);
    return {};
}

void populate(uint64_t address, uint64_t length_bytes) {
    (void)for_each_mapping(address, length_bytes, [](uint64_t part, uint64_t part_bytes, const abi::MappingInfo& mapping) -> Result<> {
        const auto access = static_cast<abi::Access>(mapping.access);
        if (!allows(access, abi::Access::Read)) return {};
        const bool writes = mapping.shared == 0 && allows(access, abi::Access::Write);
        for (uint64_t page = part; page < part + part_bytes; page += abi::kPageBytes) {
            uint32_t word = TRY(load_user_32(page));
            // Changes nothing, whatever other threads do there.
            if (writes && portico_user_exchange_32(reinterpret_cast<void*>(page), &word, word) != 0) return fail(Error::BadAddress);
        }
        return {};
    });
}

Result<uint64_t> map_memory(Process& process, const MapRequest& request) {
    TRY(demand_within_limits(process, request));
    const bool anywhere = request.address == 0 && !has(request.flags, abi::MapFlags::Fixed);
    uint64_t address = request.address;
    if (anywhere) {
        const MutexGuard guard(process.mutex);
        if (process.map_hint > request.length_bytes + abi::kUserAddressMin) address = process.map_hint - request.length_bytes;
    }
    const auto flags = request.flags | request.access;
    const auto reply = TRY(native::call(
        abi::SpaceMap{abi::kSelfSpace, request.memory, request.offset_bytes, address, request.length_bytes, static_cast<uint64_t>(flags)}));
    if (anywhere && reply.address == address) {
        const MutexGuard guard(process.mutex);
        if (process.map_hint == address + request.length_bytes) process.map_hint = address;
    }
    return reply.address;
}

Result<> unmap_memory(Process& process, uint64_t address, uint64_t length_bytes) {
    TRY(native::call(abi::SpaceUnmap{abi::kSelfSpace, address, length_bytes}));
    const MutexGuard guard(process.mutex);
    if (process.map_hint == address) process.map_hint = address + length_bytes;  // so that map and unmap in turn do not wander
    return {};
}

Result<abi::MappingInfo> find_mapping(uint64_t address) {
    abi::MappingInfo mapping;
    TRY(native::call(abi::SpaceQuery{abi::kSelfSpace, address, reinterpret_cast<uint64_t>(&mapping)}));
    if (mapping.address > address) return fail(Error::NotFound);
    return mapping;
}

}  // namespace portico::posix
