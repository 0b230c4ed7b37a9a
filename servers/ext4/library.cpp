#include "servers/ext4/library.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace portico::ext4 {
namespace {

BlockCache* opening = nullptr;  // libext2fs gives its open function a name and nothing else

BlockCache& cache_of(io_channel channel) {
    return *static_cast<BlockCache*>(channel->private_data);
}

/// A negative count is in bytes.
size_t length_of(io_channel channel, int count) {
    return count < 0 ? static_cast<size_t>(-static_cast<int64_t>(count))
                     : static_cast<size_t>(count) * static_cast<size_t>(channel->block_size);
}

errcode_t code_of(const Result<>& outcome) {
    return outcome ? 0 : outcome.error() == Error::NoMemory ? EXT2_ET_NO_MEMORY : EIO;
}

errcode_t open_channel(const char*, int, io_channel* opened) {
    auto* const channel = static_cast<io_channel>(calloc(1, sizeof(struct_io_channel)));
    if (channel == nullptr) return EXT2_ET_NO_MEMORY;
    channel->magic = EXT2_ET_MAGIC_IO_CHANNEL;
    channel->block_size = 1024;
    channel->refcount = 1;
    channel->private_data = std::exchange(opening, nullptr);
    channel->manager = manager_for(cache_of(channel));
    *opened = channel;
    return 0;
}

errcode_t close_channel(io_channel channel) {
    if (--channel->refcount == 0) free(channel);
    return 0;
}

errcode_t set_block_size(io_channel channel, int bytes) {
    channel->block_size = bytes;
    return 0;
}

errcode_t read_blocks(io_channel channel, unsigned long long block, int count, void* data) {
    const uint64_t position = block * static_cast<uint64_t>(channel->block_size);
    return code_of(cache_of(channel).read(position, {static_cast<std::byte*>(data), length_of(channel, count)}));
}

errcode_t write_blocks(io_channel channel, unsigned long long block, int count, const void* data) {
    const uint64_t position = block * static_cast<uint64_t>(channel->block_size);
    return code_of(cache_of(channel).write(position, {static_cast<const std::byte*>(data), length_of(channel, count)}));
}

errcode_t read_blocks_32(io_channel channel, unsigned long block, int count, void* data) {
    return read_blocks(channel, block, count, data);
}

errcode_t write_blocks_32(io_channel channel, unsigned long block, int count, const void* data) {
    return write_blocks(channel, block, count, data);
}

/// Nothing is written before the volume commits.
errcode_t flush(io_channel) {
    return 0;
}

}  // namespace

io_manager manager_for(BlockCache& cache) {
    static struct_io_manager manager = [] {
        struct_io_manager made{};
        made.magic = EXT2_ET_MAGIC_IO_MANAGER;
        made.name = "Portico disk";
        made.open = open_channel;
        made.close = close_channel;
        made.set_blksize = set_block_size;
        made.read_blk = read_blocks_32;
        made.write_blk = write_blocks_32;
        made.flush = flush;
        made.read_blk64 = read_blocks;
        made.write_blk64 = write_blocks;
        return made;
    }();
    opening = &cache;
    return &manager;
}

Error error_of(errcode_t code) {
    switch (code) {
    case ENOSPC:
    case EXT2_ET_BLOCK_ALLOC_FAIL:
    case EXT2_ET_INODE_ALLOC_FAIL:
    case EXT2_ET_DIR_NO_SPACE:
    case EXT2_ET_EXTENT_NO_SPACE:
    case EXT2_ET_EA_NO_SPACE:
        return Error::NoSpace;
    case ENOMEM:
    case EXT2_ET_NO_MEMORY:
        return Error::NoMemory;
    case EXT2_ET_FILE_NOT_FOUND:
    case EXT2_ET_EA_KEY_NOT_FOUND:
        return Error::NotFound;
    case EXT2_ET_DIR_EXISTS:
    case EXT2_ET_FILE_EXISTS:
        return Error::Exists;
    case EXT2_ET_NO_DIRECTORY:
        return Error::NotDirectory;
    case EXT2_ET_FILE_TOO_BIG:
        return Error::TooLarge;
    case EXT2_ET_RO_FILSYS:
        return Error::ReadOnly;
    default:
        return Error::IoError;
    }
}

}  // namespace portico::ext4
