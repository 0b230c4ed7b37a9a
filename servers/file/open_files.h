#pragma once

#include <array>
#include <deque>
#include <vector>

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

/// All open objects, by badge. A badge tells the place of its object, and which of those that were there one after the other.
///
/// Bound: kOpenMax at once, one for each object that some process holds a handle to; kNotifySendersGone ends it.
class OpenFiles {
public:
    static constexpr unsigned kPlaceBits = 20;
    static constexpr uint64_t kOpenMax = uint64_t{1} << kPlaceBits;
    static_assert(file::kFirstObjectBadge <= kOpenMax);

    Result<OpenFile*> find(uint64_t badge) {
        if (badge < file::kFirstObjectBadge)
            return of_the_server_[badge].node ? Result<OpenFile*>(&of_the_server_[badge]) : fail(Error::BadHandle);
        const uint64_t place = badge % kOpenMax;
        if (place >= places_.size() || places_[place].badge != badge || !places_[place].open.node) return fail(Error::BadHandle);
        return &places_[place].open;
    }
    /// The badge of a new one. Errors: NoSpace.
    Result<uint64_t> add(OpenFile&& open) {
        if (free_.empty()) {
            if (places_.size() == kOpenMax) return fail(Error::NoSpace);
            free_.push_back(static_cast<uint32_t>(places_.size()));
            places_.push_back({.badge = places_.size(), .open = {}});
        }
        Place& place = places_[free_.back()];
        free_.pop_back();
        place.badge += kOpenMax;  // never used again
        place.open = std::move(open);
        return place.badge;
    }
    /// An object with a badge of the server's own.
    void set(uint64_t badge, OpenFile&& open) { of_the_server_[badge] = std::move(open); }
    void forget(uint64_t badge) {
        if (badge < file::kFirstObjectBadge || !find(badge)) return;
        places_[badge % kOpenMax].open = {};
        free_.push_back(static_cast<uint32_t>(badge % kOpenMax));
    }

private:
    struct Place {
        uint64_t badge = 0;  // of its object, or of the last one
        OpenFile open;       // without a node: there is none
    };
    std::array<OpenFile, file::kFirstObjectBadge> of_the_server_;
    std::deque<Place> places_;  // references stay valid when it grows
    std::vector<uint32_t> free_;
};

}  // namespace portico::file_server
