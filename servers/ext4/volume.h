#pragma once

#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

#include "servers/ext4/journal.h"
#include "servers/ext4/library.h"

namespace portico::ext4 {

using Inode = ext2_inode_large;
using InodeNumber = ext2_ino_t;

/// A run of a file's blocks: on the disk, or a hole (start 0).
struct Extent {
    uint64_t start = 0;  ///< block of the disk
    uint64_t count = 0;
    bool written = true;  ///< false: allocated, but to be read as zeros
};

/// One ext4 file system on a disk: inodes and blocks. What it changes is in the cache until commit, which is all or nothing for the disk.
///
/// Blocks that were freed are not used again before the next commit: until then the disk still says that they belong to somebody.
/// After an error of a commit nothing more is changed (failed): every change gets IoError, as ext4's errors=remount-ro does.
class Volume {
public:
    /// Errors: NotSupported (no ext4, or with features that are not served), WrongState (its journal must be replayed: e2fsck), IoError.
    /// `why` tells in words.
    static Result<std::unique_ptr<Volume>> open(BlockStore& store, std::string& why);
    ~Volume();
    Volume(const Volume&) = delete;
    Volume& operator=(const Volume&) = delete;

    ext2_filsys library() const { return library_; }
    bool read_only() const { return read_only_; }
    bool has_changes() const { return changed_; }

    /// Before a change: room in the journal, and a sound volume. Errors: ReadOnly, IoError.
    Result<> begin();
    /// All changes so far are on the disk, or none of them.
    Result<> commit();
    /// Commits, and marks the file system as not in use; nothing may be changed afterwards.
    Result<> close();

    // ---- inodes
    Result<> read_inode(InodeNumber number, Inode& inode);
    Result<> write_inode(InodeNumber number, Inode& inode);
    /// A new inode without a name; `mode` with the type. Errors: NoSpace.
    Result<InodeNumber> make_inode(InodeNumber parent, uint32_t mode, Inode& inode);
    /// Frees all that it has, and the inode.
    Result<> free_inode(InodeNumber number, Inode& inode, bool is_directory);
    /// An inode without a name that is still open: freed at the next mount if not before.
    Result<> add_orphan(InodeNumber number, Inode& inode);
    Result<> remove_orphan(InodeNumber number, Inode& inode);

    // ---- blocks of files
    Result<Extent> extent_at(InodeNumber number, Inode& inode, uint64_t block);
    /// The disk's block behind a file's, allocated if need be. Errors: NoSpace.
    Result<uint64_t> allocate(InodeNumber number, Inode& inode, uint64_t block);
    Result<> free_blocks(InodeNumber number, Inode& inode, uint64_t first_block);

    /// Data goes past the cache. Whole blocks.
    Result<> read_data(uint64_t block, std::span<std::byte> to) { return store_.read(block * kBlockBytes, to); }
    Result<> write_data(uint64_t block, std::span<const std::byte> from);
    /// The text that begins a block of metadata.
    Result<std::string> read_text(uint64_t block, uint64_t length_bytes);

    uint64_t free_blocks_count() const;
    /// Of those that are free, so many are promised to pages that have none yet.
    uint64_t promised = 0;

private:
    explicit Volume(BlockStore& store) : store_(store), cache_(store), journal_(store) {}
    Result<> attach(std::string& why);
    Result<> open_journal(std::string& why);
    Result<> free_orphans();
    Result<> write_changes();
    static void on_block(ext2_filsys library, blk64_t block, int use);
    static void on_blocks(ext2_filsys library, blk64_t block, blk_t count, int use);
    Result<> set_written(InodeNumber number, Inode& inode, uint64_t block, uint64_t place);

    BlockStore& store_;
    BlockCache cache_;
    Journal journal_;
    ext2_filsys library_ = nullptr;
    bool read_only_ = false, failed_ = false, changed_ = false, marked_ = false;
    std::vector<std::pair<uint64_t, uint64_t>> freed_;  // blocks and counts: free from the next commit on
};

}  // namespace portico::ext4
