#pragma once

#include <span>

#include "libs/cpio.h"
#include "runtime/handle.h"

namespace portico::init {

/// The boot archive, mapped for init to read.
///
/// Ownership: borrows the memory object, which stays mapped for the life of init. Locks: none. Bound: the archive's size.
class BootArchive {
public:
    static Result<BootArchive> map(abi::Handle memory);

    std::optional<cpio::Entry> find(std::string_view name) const { return cpio::find(bytes_, name); }

    /// A memory object of its own with a file's bytes: a copy-on-write piece of the archive if the file starts on a page.
    Result<OwnedHandle> copy_of(const cpio::Entry& entry) const;

    abi::Handle memory() const { return memory_; }

private:
    BootArchive(abi::Handle memory, std::span<const uint8_t> bytes) : memory_(memory), bytes_(bytes) {}

    abi::Handle memory_;
    std::span<const uint8_t> bytes_;
};

}  // namespace portico::init
