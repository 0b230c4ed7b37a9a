#pragma once

#include <unordered_map>

#include "servers/file/node.h"

namespace portico::file_server {

/// One open object (POSIX: open file description): what all handles with one badge share.
struct OpenFile {
    NodeRef node;
    std::shared_ptr<Content> content;  ///< null: a directory, or opened with kPathOnly
    uint32_t flags = 0;                ///< O_ values
    uint64_t offset = 0;               ///< of a directory: the cookie of the last entry read

    bool path_only() const { return (flags & file::kPathOnly) != 0; }
    bool readable() const { return !path_only() && (flags & file::kAccessMode) != file::kWriteOnly; }
    bool writable() const { return !path_only() && (flags & file::kAccessMode) != file::kReadOnly; }

    /// The content, for an operation on it. Errors: BadHandle, IsDirectory.
    Result<Content*> io() const {
        if (path_only()) return fail(Error::BadHandle);
        if (!content) return fail(node->is_directory() ? Error::IsDirectory : Error::BadHandle);
        return content.get();
    }
};

/// All open objects, by badge.
///
/// Bound: one entry an object that some process holds a handle to; kNotifySendersGone ends it.
class OpenFiles {
public:
    Result<OpenFile*> find(uint64_t badge) {
        const auto found = by_badge_.find(badge);
        if (found == by_badge_.end()) return fail(Error::BadHandle);
        return &found->second;
    }
    uint64_t add(OpenFile&& open) {
        const uint64_t badge = next_badge_++;
        by_badge_.emplace(badge, std::move(open));
        return badge;
    }
    void set(uint64_t badge, OpenFile&& open) { by_badge_.insert_or_assign(badge, std::move(open)); }
    void forget(uint64_t badge) { by_badge_.erase(badge); }
    size_t count() const { return by_badge_.size(); }

private:
    std::unordered_map<uint64_t, OpenFile> by_badge_;  // references stay valid when it grows
    uint64_t next_badge_ = file::kFirstObjectBadge;    // never used again
};

}  // namespace portico::file_server
