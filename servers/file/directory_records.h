#pragma once

#include <span>

#include "servers/file/node.h"

namespace portico::file_server {

/// Entries of a directory as ReadDirectory tells them, in a buffer of the caller's.
class DirectoryRecords {
public:
    static constexpr uint64_t kBytesMax = 64 << 10;

    explicit DirectoryRecords(std::span<std::byte> buffer) : buffer_(buffer) {}

    bool add(const ListedEntry& entry) {
        if (file::DirectoryEntry::bytes_of(entry.name.size()) > buffer_.size() - used_bytes_) {
            refused_ = true;
            return false;
        }
        used_bytes_ += file::DirectoryEntry::write(&buffer_[used_bytes_], entry.inode, entry.cookie, entry.kind, entry.name);
        last_cookie_ = entry.cookie;
        return true;
    }

    std::span<const std::byte> bytes() const { return buffer_.first(used_bytes_); }
    bool refused() const { return refused_; }  ///< some entry did not fit
    uint64_t last_cookie() const { return last_cookie_; }

private:
    std::span<std::byte> buffer_;
    uint64_t used_bytes_ = 0;
    uint64_t last_cookie_ = 0;
    bool refused_ = false;
};

}  // namespace portico::file_server
