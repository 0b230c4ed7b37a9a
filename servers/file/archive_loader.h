#pragma once

#include <unordered_map>

#include "libs/cpio.h"
#include "servers/file/tmp_file_system.h"

namespace portico::file_server {

/// Fills a tmpfs with the entries of a cpio archive whose names begin with a prefix. Directories that are missing on the way
/// are made; an entry that cannot be placed is skipped and counted. The archive must stay mapped as long as the tmpfs lives.
class ArchiveLoader {
public:
    explicit ArchiveLoader(TmpFileSystem& to) : to_(to) {}

    struct Count {
        uint64_t loaded = 0, skipped = 0;
    };
    Count load(std::span<const uint8_t> archive, std::string_view prefix);

private:
    Result<> place(const cpio::Entry& entry, std::string_view path);
    Result<NodeRef> directory_for(std::string_view path);

    TmpFileSystem& to_;
    // Names of one file share its inode number in the archive; only the last of them carries the data. A number is forgotten
    // after its last name: a joined archive may use it again.
    struct Linked {
        NodeRef node;
        uint32_t names_left = 0;
    };
    std::unordered_map<uint64_t, Linked> linked_;
};

}  // namespace portico::file_server
