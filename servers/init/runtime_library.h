#pragma once

#include "runtime/handle.h"

namespace portico::init {

/// The runtime library's image, which every address space starts with.
///
/// Ownership: borrows the memory object. Locks: none.
class RuntimeLibrary {
public:
    /// Reads and checks the header. Errors: NotExecutable.
    static Result<RuntimeLibrary> open(abi::Handle image);

    /// A new address space that holds the library and, at kBootBlockAddress, `boot_block`.
    Result<OwnedHandle> make_space(abi::Handle boot_block, uint64_t boot_block_bytes, abi::Handle account) const;

    abi::Handle image() const { return image_; }
    /// What the first thread of a process in such a space starts with.
    abi::ThreadStart first_thread() const { return {.instruction = header_.start, .argument = abi::kBootBlockAddress}; }

private:
    RuntimeLibrary(abi::Handle image, const abi::RuntimeHeader& header) : image_(image), header_(header) {}

    abi::Handle image_;
    abi::RuntimeHeader header_;
};

}  // namespace portico::init
