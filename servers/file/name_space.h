#pragma once

#include "servers/file/change_watches.h"
#include "servers/file/path_walk.h"

namespace portico::file_server {

/// The one tree of names: every operation that takes a path. The start nodes are what relative paths begin at.
/// All callers act as root: permission bits are stored and told, not enforced.
class NameSpace {
public:
    explicit NameSpace(FileSystem& root_file_system) : root_(root_file_system.root()) {}

    const NodeRef& root() const { return root_; }
    const MountTable& mounts() const { return mounts_; }
    ChangeWatches& changes() { return changes_; }  ///< told of names that come, go and move

    /// Puts a file system over the directory at an absolute path.
    Result<> mount(std::string_view path, FileSystem& file_system);

    Result<NodeRef> find(const NodeRef& start, std::string_view path, FinalLink final_link) const;

    struct Opened {
        NodeRef node;
        bool created = false;
    };
    /// What open(2) does to names: flags are O_ values. Truncation is left to the caller.
    Result<Opened> open(const NodeRef& start, std::string_view path, uint32_t flags, uint32_t mode);

    /// open(2)'s checks of an existing node against the flags.
    static Result<> check_open(const Node& node, uint32_t flags);

    Result<> make(const NodeRef& start, std::string_view path, const NewNode& node);
    Result<> remove(const NodeRef& start, std::string_view path, bool directory);
    Result<> rename(const NodeRef& old_start, std::string_view old_path, const NodeRef& new_start, std::string_view new_path,
                    uint64_t flags);
    Result<> link(const NodeRef& old_start, std::string_view old_path, const NodeRef& new_start, std::string_view new_path,
                  FinalLink final_link);

    /// The absolute path. Errors: NotFound if the node was removed; NameTooLong.
    Result<std::string> path_of(const NodeRef& node) const;

private:
    void tell_move(const Found& from, const Found& to);
    void end_if_nameless(const NodeRef& node);  ///< the watches of one that was removed
    PathWalk walk() const { return {mounts_, root_, cache_}; }
    void before_change(const Node& node);  ///< its name goes or moves: what is remembered of paths that may lead through it is forgotten
    bool is_mount_root(const NodeRef& node) const { return node == root_ || mounts_.covered_by(node) != nullptr; }

    NodeRef root_;
    MountTable mounts_;
    mutable DirectoryCache cache_;
    ChangeWatches changes_;
};

}  // namespace portico::file_server
