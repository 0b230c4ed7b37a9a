#include "servers/ext4/journal.h"

#include <algorithm>
#include <cstring>

namespace portico::ext4 {
namespace {

// The journal's format; all its numbers are big-endian.
constexpr uint32_t kMagic = 0xC03B'3998;
constexpr uint32_t kDescriptor = 1, kCommit = 2, kSuperVersion2 = 4;
constexpr uint32_t kEscaped = 1, kSameId = 2, kLastTag = 8;
constexpr size_t kHeaderBytes = 12, kTagBytes = 8, kIdBytes = 16;
// Places in the superblock.
constexpr size_t kBlockSizeAt = 12, kLengthAt = 16, kFirstAt = 20, kSequenceAt = 24, kStartAt = 28, kErrorAt = 32, kCompatibleAt = 36,
                 kIncompatibleAt = 40, kReadOnlyCompatibleAt = 44, kChecksumTypeAt = 80, kChecksumAt = 252;
constexpr uint32_t kRevoke = 1;                                // an incompatible feature that every journal may have
constexpr uint32_t kKnownIncompatible = kRevoke | 2 | 8 | 16;  // and 64-bit numbers, checksums: not used here, so the flags are cleared
constexpr size_t kTagsMax = (kBlockBytes - kHeaderBytes - kIdBytes) / kTagBytes;

uint32_t get(std::span<const std::byte> bytes, size_t at) {
    uint32_t value = 0;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return __builtin_bswap32(value);
}

void put(std::span<std::byte> bytes, size_t at, uint32_t value) {
    value = __builtin_bswap32(value);
    std::memcpy(bytes.data() + at, &value, sizeof value);
}

void put_header(std::span<std::byte> bytes, uint32_t type, uint32_t sequence) {
    put(bytes, 0, kMagic);
    put(bytes, 4, type);
    put(bytes, 8, sequence);
}

}  // namespace

Result<Journal> Journal::open(BlockStore& store, std::vector<uint64_t> places) {
    if (places.size() < 8) return fail(Error::NotSupported);
    std::vector<std::byte> super(kBlockBytes);
    TRY(store.read(places[0] * kBlockBytes, super));
    if (get(super, 0) != kMagic || get(super, 4) != kSuperVersion2 || get(super, kBlockSizeAt) != kBlockBytes)
        return fail(Error::NotSupported);
    if (get(super, kFirstAt) != 1 || (get(super, kIncompatibleAt) & ~kKnownIncompatible) != 0) return fail(Error::NotSupported);
    if (get(super, kStartAt) != 0) return fail(Error::WrongState);
    places.resize(std::min<size_t>(places.size(), get(super, kLengthAt)));
    for (const size_t at : {kErrorAt, kCompatibleAt, kReadOnlyCompatibleAt, kChecksumTypeAt, kChecksumAt}) put(super, at, 0);
    put(super, kIncompatibleAt, 0);
    const uint32_t sequence = std::max(get(super, kSequenceAt), 1u);
    return Journal(store, std::move(places), std::move(super), sequence);
}

/// Besides the blocks: superblock, commit, and a descriptor for every kTagsMax of them.
size_t Journal::capacity() const {
    if (places_.empty()) return ~size_t{0};
    const size_t room = places_.size() - 2;
    return room - room / (kTagsMax + 1) - 1;
}

Result<> Journal::commit(std::span<const BlockCache::Changed> blocks) {
    if (blocks.empty()) return store_->flush();
    if (exists() && blocks.size() <= capacity()) {
        TRY(write_record(blocks));
        TRY(write_home(blocks));
        ++sequence_;
        return write_super(0);
    }
    return write_home(blocks);
}

/// The record counts as soon as both its last block and the superblock are there, so these two may be written in any order.
Result<> Journal::write_record(std::span<const BlockCache::Changed> blocks) {
    std::vector<std::byte> block(kBlockBytes);
    size_t place = 1;
    for (size_t done = 0; done < blocks.size();) {
        const auto part = blocks.subspan(done, std::min(kTagsMax, blocks.size() - done));
        std::ranges::fill(block, std::byte{0});
        put_header(block, kDescriptor, sequence_);
        size_t at = kHeaderBytes;
        for (size_t i = 0; i < part.size(); ++i) {
            const bool escaped = get(part[i].bytes, 0) == kMagic;
            put(block, at, static_cast<uint32_t>(part[i].block));
            put(block, at + 4, (escaped ? kEscaped : 0) | (i > 0 ? kSameId : 0) | (i + 1 == part.size() ? kLastTag : 0));
            at += kTagBytes + (i == 0 ? kIdBytes : 0);
        }
        TRY(store_->write(places_[place++] * kBlockBytes, block));
        for (const BlockCache::Changed& changed : part) {
            std::ranges::copy(changed.bytes, block.begin());
            if (get(block, 0) == kMagic) put(block, 0, 0);
            TRY(store_->write(places_[place++] * kBlockBytes, block));
        }
        done += part.size();
    }
    TRY(store_->flush());
    std::ranges::fill(block, std::byte{0});
    put_header(block, kCommit, sequence_);
    TRY(store_->write(places_[place] * kBlockBytes, block));
    TRY(write_super(1));
    return store_->flush();
}

Result<> Journal::write_super(uint32_t start) {
    put(super_, kSequenceAt, sequence_);
    put(super_, kStartAt, start);
    return store_->write(places_[0] * kBlockBytes, super_);
}

/// Neighbours in one request.
Result<> Journal::write_home(std::span<const BlockCache::Changed> blocks) {
    constexpr size_t kBlocksAtOnce = 64;
    std::vector<std::byte> joined;
    for (size_t i = 0; i < blocks.size();) {
        size_t count = 1;
        while (i + count < blocks.size() && count < kBlocksAtOnce && blocks[i + count].block == blocks[i].block + count) ++count;
        joined.clear();
        for (size_t k = 0; k < count; ++k) joined.insert(joined.end(), blocks[i + k].bytes.begin(), blocks[i + k].bytes.end());
        TRY(store_->write(blocks[i].block * kBlockBytes, joined));
        i += count;
    }
    return store_->flush();
}

}  // namespace portico::ext4
