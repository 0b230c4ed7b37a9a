#pragma once

#include <list>
#include <unordered_map>
#include <unordered_set>

#include "servers/ext4/node.h"
#include "servers/ext4/pages.h"

namespace portico::ext4 {

class File;

/// The tree of an ext4 volume, for the name space.
///
/// Nodes:  one for each inode that is used, and the kNodesMax last used ones with the pages of their files. One whose bytes a process maps
///         stays as long as that, whoever else has let go of it.
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
    file::GetSpace::Reply space() override;
    Result<> rename(file_server::Node& old_directory, std::string_view old_name, file_server::Node& new_directory,
                    std::string_view new_name, file_server::RenameMode mode) override;
    Result<> sync() override;
    Result<> end() override;

    /// Writes what has changed, and lets go of nodes that nobody maps any more.
    void tick() override;

    Volume& volume() { return *volume_; }
    PageSource& source() { return source_; }

    /// The node of an inode. Errors: IoError if it can be none.
    Result<std::shared_ptr<Node>> node(InodeNumber number);
    /// Whether anybody but the caller, who has one reference, and the nodes kept for later use has one.
    bool is_used(const std::shared_ptr<Node>& node) const;
    /// A removed node is not kept for later use.
    void forget(Node& node);

    /// Pages were read in or written: when memory is short, others go.
    void count_pages(uint64_t count);
    /// Takes about kPagesToFree pages out of memory, of the files that were not used for longest.
    void make_room();

    void add_dirty(File& file) { dirty_.insert(&file); }
    void remove_dirty(File& file) { dirty_.erase(&file); }

private:
    static constexpr size_t kNodesMax = 4096;
    static constexpr uint64_t kPagesToFree = 1024, kPagesBetweenLooks = 64;
    struct Kept {
        std::weak_ptr<Node> node;
        std::list<std::shared_ptr<Node>>::iterator recent;
        bool is_recent = false;
    };

    std::shared_ptr<Node> adopt(Node* node);
    void release(Node* node);
    void use(Kept& kept, std::shared_ptr<Node> node);
    Result<> write_dirty();

    std::unique_ptr<Volume> volume_;
    PageSource& source_;
    std::unordered_map<InodeNumber, Kept> nodes_;
    std::list<std::shared_ptr<Node>> recent_;       // the last used first
    std::vector<std::shared_ptr<Node>> lingering_;  // only because they are mapped
    std::unordered_set<File*> dirty_;
    std::shared_ptr<Node> root_;
    uint64_t pages_since_look_ = 0;
    bool is_ending_ = false;
};

}  // namespace portico::ext4
