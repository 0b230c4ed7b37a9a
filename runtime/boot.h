#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "abi/boot_block.h"

/// What this process was started with: its boot block, which stays mapped for the life of the process.
namespace portico::boot {

inline const abi::BootBlock& block() {
    return *reinterpret_cast<const abi::BootBlock*>(abi::kBootBlockAddress);
}

/// The zero-terminated string at an offset of a block; empty if the offset is outside.
inline std::string_view string_at(const abi::BootBlock& from, uint64_t offset) {
    if (offset >= from.block_bytes) return {};
    const std::string_view rest(reinterpret_cast<const char*>(&from) + offset, from.block_bytes - offset);
    return rest.substr(0, rest.find('\0'));
}

/// The string number `index` of a list of strings that stand one behind the other.
inline std::optional<std::string_view> listed(const abi::BootBlock& from, uint64_t offset, uint32_t count, uint32_t index) {
    if (index >= count) return std::nullopt;
    for (uint32_t i = 0; i < index; ++i) offset += string_at(from, offset).size() + 1;
    return string_at(from, offset);
}

inline std::optional<std::string_view> argument(uint32_t index) {
    return listed(block(), block().arguments, block().argument_count, index);
}

inline std::span<const abi::Grant> grants(const abi::BootBlock& from = block()) {
    return {reinterpret_cast<const abi::Grant*>(reinterpret_cast<const char*>(&from) + from.grants), from.grant_count};
}

/// The handle granted under a name; kNoHandle if there is none.
inline abi::Handle grant(std::string_view name, const abi::BootBlock& from = block()) {
    for (const abi::Grant& candidate : grants(from)) {
        const std::string_view padded(candidate.name, sizeof candidate.name);
        if (padded.substr(0, padded.find('\0')) == name) return candidate.handle;
    }
    return abi::kNoHandle;
}

}  // namespace portico::boot
