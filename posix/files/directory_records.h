#pragma once

#include <cstddef>
#include <span>

namespace portico::posix {

/// Makes of whole entries of getdents64 (the file protocol's DirectoryEntry) those of getdents, which have the type in their last byte and
/// the name where it was: they are as long. Returns how many bytes that are; a damaged entry ends it. Pure.
size_t make_old_entries(std::span<std::byte> entries);

}  // namespace portico::posix
