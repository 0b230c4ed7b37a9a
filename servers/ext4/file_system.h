#pragma once

#include <unordered_set>

#include "servers/ext4/node.h"
#include "servers/file/kept_nodes.h"
#include "servers/file/pages.h"

namespace portico::ext4 {

class File;

/// The tree of an ext4 volume, for the name space.
///
/// Nodes:  one for each inode that is used, and the kNodesMax last used ones (KeptNodes).
/// Writing: dirty pages get their blocks when they are written: by sync, when memory is short, and by tick.
/// Locks:  none, the server is one thread.
class FileSystem final : public file_server::FileSystem {
public:
    FileSystem(uint64_t device, std::unique_ptr<Volume> volume, PageSource& source);
    ~FileSystem() override;

    /// Errors: IoError if there is no root directory.
    Result<> start();

    NodeRef root() override { return root_; }
    std::string_view type() const override { return "ext4"; }
    bool names_stay() const override { return true; }
    bool read_only() const override { return volume_->read_only(); }
    file::GetSpace::Reply space() override;
    Result<> rename(file_server::Node& old_directory, std::string_view old_name, file_server::Node& new_directory,
                    std::string_view new_name, file_server::RenameMode mode) override;
    Result<> sync() override;
    Result<> end() override;

    /// Writes what has changed, and lets go of nodes that nobody maps any more.
    void tick() override;

    Volume& volume() { return *volume_; }
    PageSource& pages() { return source_; }

    /// The node of an inode. Errors: IoError if it can be none.
    Result<std::shared_ptr<Node>> node(InodeNumber number);
    /// Whether anybody but the caller, who has one reference, and the nodes kept for later use has one.
    bool is_used(const std::shared_ptr<Node>& node) const { return nodes_.is_used(node); }
    /// A removed node is not kept for later use.
    void forget(Node& node) { nodes_.forget(node); }

    /// Pages were read in or written: when memory is short, others go.
    void count_pages(uint64_t count);
    /// Takes about kPagesToFree pages out of memory, of the files that were not used for longest.
    void make_room() { nodes_.evict(kPagesToFree); }

    void add_dirty(File& file) { dirty_.insert(&file); }
    void remove_dirty(File& file) { dirty_.erase(&file); }

private:
    static constexpr size_t kNodesMax = 4096;
    static constexpr uint64_t kPagesToFree = 1024, kPagesBetweenLooks = 64;

    Result<> write_dirty();

    std::unique_ptr<Volume> volume_;
    PageSource& source_;
    file_server::KeptNodes<Node> nodes_{kNodesMax};
    std::unordered_set<File*> dirty_;
    std::shared_ptr<Node> root_;
    uint64_t pages_since_look_ = 0;
};

}  // namespace portico::ext4
