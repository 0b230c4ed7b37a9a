#pragma once

#include <cstring>
#include <vector>

#include "servers/file/node.h"

namespace portico::file_server {

/// Entries of a directory as ReadDirectory tells them, up to a number of bytes.
class DirectoryRecords {
public:
    static constexpr uint64_t kBytesMax = 64 << 10;

    explicit DirectoryRecords(uint64_t bytes_max) : bytes_max_(bytes_max) {}

    bool add(const ListedEntry& entry) {
        const file::DirectoryEntry record{.inode = entry.inode,
                                          .next_cookie = entry.cookie,
                                          .kind = static_cast<uint32_t>(entry.kind),
                                          .name_bytes = static_cast<uint32_t>(entry.name.size())};
        const size_t start = bytes_.size();
        const size_t end = start + sizeof record + ((entry.name.size() + 7) & ~size_t{7});
        if (end > bytes_max_) {
            refused_ = true;
            return false;
        }
        bytes_.resize(end);
        std::memcpy(&bytes_[start], &record, sizeof record);
        std::memcpy(&bytes_[start] + sizeof record, entry.name.data(), entry.name.size());
        last_cookie_ = entry.cookie;
        return true;
    }

    std::span<const std::byte> bytes() const { return bytes_; }
    bool refused() const { return refused_; }  ///< some entry did not fit
    uint64_t last_cookie() const { return last_cookie_; }

private:
    uint64_t bytes_max_;
    std::vector<std::byte> bytes_;
    uint64_t last_cookie_ = 0;
    bool refused_ = false;
};

}  // namespace portico::file_server
