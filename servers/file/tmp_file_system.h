#pragma once

#include "servers/file/tmp_directory.h"
#include "servers/file/tmp_file.h"

namespace portico::file_server {

/// A file system that lives in memory.
///
/// Bound: the memory source's; names and attributes are on the server's heap and are asked for there before they grow.
class TmpFileSystem final : public FileSystem {
public:
    TmpFileSystem(uint64_t device, MemorySource& memory, uint32_t root_mode);

    NodeRef root() override { return root_; }
    std::string_view type() const override { return "tmpfs"; }
    bool names_stay() const override { return true; }
    file::GetSpace::Reply space() override;
    Result<> rename(Node& old_directory, std::string_view old_name, Node& new_directory, std::string_view new_name,
                    RenameMode mode) override;

    MemorySource& memory() const { return memory_; }
    uint64_t next_inode() { return ++last_inode_; }

    /// A node without a name; null for a kind that is none.
    std::shared_ptr<TmpNode> make(const NewNode& node);

private:
    MemorySource& memory_;
    uint64_t last_inode_ = 0;  // never used again: an inode number names one file for ever
    std::shared_ptr<TmpDirectory> root_;
};

}  // namespace portico::file_server
