#pragma once

#include <span>

#include "runtime/handle.h"

namespace portico::posix {

/// An address space with the runtime library and a boot block: what a process starts in.
class NextImage {
public:
    /// Errors: NoMemory, NotExecutable if `runtime_image` is no runtime library.
    static Result<NextImage> create(abi::Handle runtime_image, std::span<const std::byte> boot_block);

    /// Goes on in it. Returns only if the kernel refused.
    void enter();

private:
    OwnedHandle space_;
    uint64_t start_ = 0;
};

}  // namespace portico::posix
