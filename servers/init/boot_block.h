#pragma once

#include <span>
#include <string>
#include <vector>

#include "abi/boot_block.h"
#include "runtime/handle.h"

namespace portico::init {

/// What init says in a boot block (abi/boot_block.h). Handles are values in the new process's table.
struct BootContents {
    abi::RuntimeMode mode = abi::RuntimeMode::Bare;
    abi::Handle program_image;
    uint64_t program_bytes = 0;
    uint64_t realtime_offset_ns = 0;
    std::string program_path;
    std::span<const std::string> arguments;
    std::span<const std::string> environment;
    std::span<const abi::Grant> grants;
    std::span<const abi::BootDescriptor> descriptors;
};

/// The block's bytes, whole pages, with fresh random bytes. Errors: TooLarge beyond kBootBlockBytesMax.
Result<std::vector<std::byte>> lay_out(const BootContents& contents);

/// A memory object with these bytes.
Result<OwnedHandle> memory_of(std::span<const std::byte> bytes);

}  // namespace portico::init
