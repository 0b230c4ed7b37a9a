#pragma once

#include "servers/file/directory_cache.h"
#include "servers/file/mount_table.h"

namespace portico::file_server {

enum class FinalLink : uint8_t { Follow, Keep };  ///< what to do about a symbolic link at a path's end

/// Where a path leads: the directory and name of its last component, and the node of that name if there is one. For a path of
/// slashes only, `directory` is null and the node is the root. The name may be "." or "..".
struct Found {
    NodeRef directory;
    std::string name;
    NodeRef node;
    bool trailing_slash = false;
};

/// Resolves paths over all mounted file systems, as path_resolution(7) says; permissions are not asked.
class PathWalk {
public:
    static constexpr unsigned kLinksMax = 40;

    PathWalk(const MountTable& mounts, const NodeRef& root, DirectoryCache& cache) : mounts_(mounts), root_(root), cache_(cache) {}

    /// From `start` (for relative paths). A missing last component is no error. Errors: NotFound (also for the empty path),
    /// NotDirectory, NameTooLong, TooManyLinks.
    Result<Found> find(const NodeRef& start, std::string_view path, FinalLink final_link) const;

    /// The directory above, over mount points; the root is above itself.
    Result<NodeRef> parent_of(const NodeRef& directory) const;

private:
    Result<NodeRef> step(const NodeRef& directory, std::string_view name) const;

    const MountTable& mounts_;
    const NodeRef& root_;
    DirectoryCache& cache_;
};

}  // namespace portico::file_server
