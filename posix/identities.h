#pragma once

#include <atomic>

#include "posix/process.h"
#include "protocols/process.h"

/// What the process server publishes of every process, mapped for reading when it is first needed. A fork's child has the mapping
/// from its parent; a new image maps it again.
namespace portico::posix {

inline constexpr uint64_t kIdentitiesAddress = abi::kRuntimeBase + 0x8000'0000;  ///< behind the library, before its heap

/// Set once the mapping is there, for all that share this address space.
extern std::atomic<bool> identities_mapped;
/// Errors: NoMemory and others; then the process server is to be asked instead.
Result<> map_identities(Process& process);

/// Null if that cannot be had; then the process server is to be asked.
inline const protocols::process::Identity* identity_of(Process& process) {
    if (!identities_mapped.load(std::memory_order_acquire)) [[unlikely]]
        if (!map_identities(process)) return nullptr;
    return reinterpret_cast<const protocols::process::Identity*>(kIdentitiesAddress) + process.pid;
}

}  // namespace portico::posix
