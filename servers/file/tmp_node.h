#pragma once

#include "servers/file/extended_attributes.h"
#include "servers/file/file_memory.h"
#include "servers/file/node.h"

namespace portico::file_server {

class TmpFileSystem;
class TmpDirectory;

/// What all nodes of a tmpfs have: attributes, and the place where they were last named. Devices, fifos and sockets are
/// nothing more than this.
///
/// Ownership: directories own their entries; the way up is weak.
class TmpNode : public Node {
public:
    TmpNode(TmpFileSystem& file_system, const NewNode& node);

    Attributes attributes() override { return attributes_; }
    Result<> change(const AttributeChange& change) override;
    Result<Location> location() override;
    Result<NodeRef> parent() override;
    ExtendedAttributes* extended_attributes() override;

    /// A name was added, or replaces the one known: `location` tells the latest.
    void named(const std::shared_ptr<TmpDirectory>& parent, std::string_view name);

    /// A name was removed. The last place is kept for "..", but no longer told.
    void unnamed(const TmpDirectory& parent, std::string_view name);

    void add_links(int64_t count) {
        attributes_.links += static_cast<uint64_t>(count);
        attributes_.change_ns = realtime_ns();
    }
    void inherit_group(uint32_t gid) {
        attributes_.gid = gid;
        if (is_directory()) attributes_.mode |= 02000;
    }
    bool removed() const { return removed_; }
    uint64_t inode() const { return attributes_.inode; }

protected:
    friend class ArchiveLoader;  // sets owners and times as archived
    void touch_modified() { attributes_.modify_ns = attributes_.change_ns = realtime_ns(); }

    Attributes attributes_;

private:
    std::unique_ptr<ExtendedAttributes> extended_;  // made when first asked for
    std::weak_ptr<TmpDirectory> parent_;
    std::string name_;
    bool has_place_ = false;  // name_ in parent_ is this node
    bool removed_ = false;    // it has no name at all
};

class TmpLink final : public TmpNode {
public:
    TmpLink(TmpFileSystem& file_system, const NewNode& node) : TmpNode(file_system, node), target_(node.target) {
        attributes_.size_bytes = target_.size();
        attributes_.mode |= 0777;
    }
    Result<std::string> target() override { return target_; }

private:
    std::string target_;
};

}  // namespace portico::file_server
