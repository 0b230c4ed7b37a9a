#include "posix/program_memory.h"

namespace portico::posix {

abi::Access access_of_protection(uint64_t protection) {
    constexpr uint64_t kRead = 1, kWrite = 2, kExecute = 4;
    abi::Access access = abi::Access::None;
    if ((protection & (kRead | kWrite | kExecute)) != 0) access = access | abi::Access::Read;
    if ((protection & kWrite) != 0) access = access | abi::Access::Write;
    if ((protection & kExecute) != 0) access = access | abi::Access::Execute;
    return access;
}

Result<uint64_t> map_memory(Process& process, const MapRequest& request) {
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
