#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace portico::posix {

enum class DirentFormat : uint8_t { Dirent, Dirent64 };  ///< of getdents and getdents64

struct TranslatedEntries {
    uint64_t input_bytes = 0;  ///< of the records that were translated
    uint64_t output_bytes = 0;
    uint64_t next_cookie = 0;  ///< of the last one; only if there is one
};

/// Translates the file protocol's DirectoryEntry records to Linux's, as many as fit. A damaged record ends it. Pure.
/// A translated record is never longer than its source, so an output as large as the input always suffices.
TranslatedEntries translate_entries(std::span<const std::byte> records, std::span<std::byte> output, DirentFormat format);

}  // namespace portico::posix
