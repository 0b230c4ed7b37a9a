#include "posix/files/directory_records.h"

#include <cstring>

#include "protocols/file.h"

namespace portico::posix {

using protocols::file::DirectoryEntry;

size_t make_old_entries(std::span<std::byte> entries) {
    constexpr size_t kOldNameAt = 18;  // where the type is in a new one
    size_t done = 0;
    while (entries.size() - done >= DirectoryEntry::bytes_of(0)) {
        std::byte* const entry = &entries[done];
        uint16_t entry_bytes = 0;
        std::memcpy(&entry_bytes, entry + offsetof(DirectoryEntry, entry_bytes), sizeof(entry_bytes));
        if (entry_bytes < DirectoryEntry::bytes_of(0) || entry_bytes % 8 != 0 || entry_bytes > entries.size() - done) break;
        const std::byte type = entry[kOldNameAt];
        std::memmove(entry + kOldNameAt, entry + DirectoryEntry::kNameAt, entry_bytes - DirectoryEntry::kNameAt);
        entry[entry_bytes - 1] = type;
        done += entry_bytes;
    }
    return done;
}

}  // namespace portico::posix
