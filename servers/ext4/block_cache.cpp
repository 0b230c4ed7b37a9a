#include "servers/ext4/block_cache.h"

#include <algorithm>
#include <cstring>

namespace portico::ext4 {

Result<> BlockCache::read(uint64_t position, std::span<std::byte> to) {
    while (!to.empty()) {
        const uint64_t inner = position % kBlockBytes, part = std::min<uint64_t>(to.size(), kBlockBytes - inner);
        const Block* const block = TRY(find(position / kBlockBytes, false));
        std::memcpy(to.data(), block->bytes->data() + inner, part);
        position += part;
        to = to.subspan(part);
    }
    return {};
}

Result<> BlockCache::write(uint64_t position, std::span<const std::byte> from) {
    while (!from.empty()) {
        const uint64_t inner = position % kBlockBytes, part = std::min<uint64_t>(from.size(), kBlockBytes - inner);
        Block* const block = TRY(find(position / kBlockBytes, part == kBlockBytes));
        std::memcpy(block->bytes->data() + inner, from.data(), part);
        if (!block->changed) ++changed_count_;
        block->changed = true;
        position += part;
        from = from.subspan(part);
    }
    return {};
}

void BlockCache::forget(uint64_t block) {
    const auto found = blocks_.find(block);
    if (found == blocks_.end()) return;
    if (found->second.changed) --changed_count_;
    recent_.erase(found->second.position);
    blocks_.erase(found);
}

std::vector<BlockCache::Changed> BlockCache::changed() const {
    std::vector<Changed> result;
    result.reserve(changed_count_);
    for (const auto& [number, block] : blocks_)
        if (block.changed) result.push_back({number, std::span<const std::byte, kBlockBytes>(*block.bytes)});
    std::ranges::sort(result, {}, &Changed::block);
    return result;
}

void BlockCache::set_unchanged() {
    for (auto& entry : blocks_) entry.second.changed = false;
    changed_count_ = 0;
    shrink();
}

Result<BlockCache::Block*> BlockCache::find(uint64_t block, bool overwritten) {
    auto found = blocks_.find(block);
    if (found == blocks_.end()) {
        shrink();
        if (overwritten)
            insert(block, std::make_unique<Bytes>());
        else
            TRY(fetch(block));
        found = blocks_.find(block);
    }
    recent_.splice(recent_.begin(), recent_, found->second.position);
    return &found->second;
}

BlockCache::Block& BlockCache::insert(uint64_t block, std::unique_ptr<Bytes> bytes) {
    recent_.push_front(block);
    return blocks_.emplace(block, Block{.bytes = std::move(bytes), .changed = false, .position = recent_.begin()}).first->second;
}

/// With a few neighbours: inodes and directories of one place are used together.
Result<> BlockCache::fetch(uint64_t block) {
    const uint64_t blocks_of_disk = store_.size_bytes() / kBlockBytes;
    if (block >= blocks_of_disk) return fail(Error::IoError);
    const uint64_t count = std::min(kReadAheadBlocks, blocks_of_disk - block);
    std::vector<std::byte> bytes(count * kBlockBytes);
    if (!store_.read(block * kBlockBytes, bytes)) {  // perhaps a neighbour cannot be read
        bytes.resize(kBlockBytes);
        TRY(store_.read(block * kBlockBytes, bytes));
    }
    for (uint64_t i = bytes.size() / kBlockBytes; i-- > 0;) {
        if (blocks_.contains(block + i)) continue;
        auto copy = std::make_unique<Bytes>();
        std::memcpy(copy->data(), bytes.data() + i * kBlockBytes, kBlockBytes);
        insert(block + i, std::move(copy));
    }
    return {};
}

void BlockCache::shrink() {
    auto next = recent_.end();
    while (blocks_.size() - changed_count_ > kBlocksMax && next != recent_.begin()) {
        --next;
        const auto found = blocks_.find(*next);
        if (found->second.changed) continue;
        next = recent_.erase(next);
        blocks_.erase(found);
    }
}

}  // namespace portico::ext4
