#pragma once

#include <list>
#include <memory>
#include <unordered_map>
#include <vector>

#include "servers/block_store/block_store.h"

namespace portico::ext4 {

using block_store::BlockStore;

inline constexpr uint64_t kBlockBytes = 4096;  ///< of the file systems that are served: a page, so that pages are blocks

/// The blocks with metadata, as libext2fs reads and writes them. What it changes stays here until the volume commits: so the disk has,
/// between two commits, the file system as it was at the last one.
///
/// Bound: kBlocksMax clean blocks; changed ones are limited by the volume, which commits when they are many.
class BlockCache {
public:
    explicit BlockCache(BlockStore& store) : store_(store) {}
    BlockCache(const BlockCache&) = delete;
    BlockCache& operator=(const BlockCache&) = delete;

    /// Any bytes; blocks that are not here come from the disk.
    Result<> read(uint64_t position, std::span<std::byte> to);
    Result<> write(uint64_t position, std::span<const std::byte> from);

    /// The block is no metadata any more, or was written past the cache: what is known of it is wrong.
    void forget(uint64_t block);

    size_t changed_count() const { return changed_count_; }
    /// The changed blocks in order of their numbers; valid until the next call of anything here.
    struct Changed {
        uint64_t block;
        std::span<const std::byte, kBlockBytes> bytes;
    };
    std::vector<Changed> changed() const;
    /// All that was changed is on the disk now.
    void set_unchanged();

    BlockStore& store() { return store_; }

private:
    static constexpr size_t kBlocksMax = 1024;
    static constexpr uint64_t kReadAheadBlocks = 8;
    using Bytes = std::array<std::byte, kBlockBytes>;
    struct Block {
        std::unique_ptr<Bytes> bytes;
        bool changed = false;
        std::list<uint64_t>::iterator position;
    };

    Result<Block*> find(uint64_t block, bool overwritten);
    Block& insert(uint64_t block, std::unique_ptr<Bytes> bytes);
    Result<> fetch(uint64_t block);
    void shrink();

    BlockStore& store_;
    std::unordered_map<uint64_t, Block> blocks_;
    std::list<uint64_t> recent_;  // the last used first
    size_t changed_count_ = 0;
};

}  // namespace portico::ext4
