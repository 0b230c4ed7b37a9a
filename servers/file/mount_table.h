#pragma once

#include <vector>

#include "servers/file/node.h"

namespace portico::file_server {

/// Which file system covers which directory. Bound: one entry a mounted file system; they are few, so a list does.
class MountTable {
public:
    struct Mount {
        NodeRef covered;  ///< the directory below
        NodeRef root;     ///< what is seen in its place
    };

    /// Errors: NotDirectory; Busy if the directory is covered already or is what covers another, or the tree is mounted elsewhere.
    Result<> add(const NodeRef& directory, const NodeRef& root) {
        if (!directory->is_directory() || !root->is_directory()) return fail(Error::NotDirectory);
        if (top(directory) != directory || covered_by(directory) != nullptr) return fail(Error::Busy);
        if (covered_by(root) != nullptr) return fail(Error::Busy);
        mounts_.push_back({directory, root});
        return {};
    }

    /// What is seen at `node`: itself or the root that covers it.
    NodeRef top(NodeRef node) const {
        for (const Mount& mount : mounts_)
            if (mount.covered == node) return mount.root;
        return node;
    }

    /// The directory that `root` covers; null if it is no mounted root.
    NodeRef covered_by(const NodeRef& root) const {
        for (const Mount& mount : mounts_)
            if (mount.root == root) return mount.covered;
        return nullptr;
    }

    const std::vector<Mount>& all() const { return mounts_; }

private:
    std::vector<Mount> mounts_;
};

}  // namespace portico::file_server
