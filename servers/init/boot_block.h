#pragma once

#include <span>
#include <string>
#include <vector>

#include "abi/boot_block.h"
#include "runtime/handle.h"

namespace portico::init {

/// Everything a boot block says (abi/boot_block.h). Its handles are values in the new process's table.
struct BootContents {
    abi::BootBlock fixed;  ///< mode, handles, clock; offsets and counts are filled in
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
