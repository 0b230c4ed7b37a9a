#pragma once

#include <vector>

#include "servers/ext4/block_cache.h"

namespace portico::ext4 {

/// Writes sets of blocks so that all or none of them are on the disk, whenever it loses power: ext4's journal (jbd2), of which it uses the
/// plainest form. A transaction is written to the journal's first blocks, then to where its blocks belong, then the journal is empty again.
/// So there is at most one in it, and nothing to revoke; e2fsck and Linux replay it.
///
/// Bound: a transaction has at most capacity() blocks.
class Journal {
public:
    /// `places`: the disk's blocks that are the journal, its superblock first. Errors: NotSupported (of another kind), WrongState (there is
    /// something to replay), IoError.
    static Result<Journal> open(BlockStore& store, std::vector<uint64_t> places);

    /// Without one: blocks are only written where they belong.
    explicit Journal(BlockStore& store) : store_(&store) {}

    bool exists() const { return !places_.empty(); }
    size_t capacity() const;

    /// On an error of the disk any part of it may be written, and nothing must be written any more.
    Result<> commit(std::span<const BlockCache::Changed> blocks);

private:
    Journal(BlockStore& store, std::vector<uint64_t> places, std::vector<std::byte> super, uint32_t sequence)
        : store_(&store), places_(std::move(places)), super_(std::move(super)), sequence_(sequence) {}

    Result<> write_record(std::span<const BlockCache::Changed> blocks);
    Result<> write_super(uint32_t start);
    Result<> write_home(std::span<const BlockCache::Changed> blocks);

    BlockStore* store_;
    std::vector<uint64_t> places_;
    std::vector<std::byte> super_;
    uint32_t sequence_ = 0;
};

}  // namespace portico::ext4
