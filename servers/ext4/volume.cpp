#include "servers/ext4/volume.h"

#include <algorithm>
#include <cstring>
#include <ctime>

namespace portico::ext4 {
namespace {

constexpr size_t kChangedMax = 1024;  // blocks of metadata that may wait for a commit
constexpr uint32_t kIncompatibleServed = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_RECOVER | EXT4_FEATURE_INCOMPAT_FLEX_BG |
                                         EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_64BIT | EXT2_FEATURE_INCOMPAT_META_BG |
                                         EXT4_FEATURE_INCOMPAT_CSUM_SEED;
constexpr uint32_t kReadOnlyServed = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                                     EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_GDT_CSUM | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                                     EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;

int64_t now_seconds() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec;
}

ext2_inode* plain(Inode& inode) {
    return reinterpret_cast<ext2_inode*>(&inode);
}

}  // namespace

Result<std::unique_ptr<Volume>> Volume::open(BlockStore& store, std::string& why) {
    std::unique_ptr<Volume> volume(new Volume(store));
    TRY(volume->attach(why));
    if (!volume->read_only_)
        if (const Result<> freed = volume->free_orphans(); !freed) {
            why = "files that were open when it was last used cannot be freed";
            return fail(freed.error());
        }
    return volume;
}

Volume::~Volume() {
    if (library_ != nullptr) ext2fs_free(library_);
}

Result<> Volume::attach(std::string& why) {
    read_only_ = store_.read_only();
    const int flags = EXT2_FLAG_64BITS | (read_only_ ? 0 : EXT2_FLAG_RW);
    if (const errcode_t code = ext2fs_open2("disk", nullptr, flags, 0, 0, manager_for(cache_), &library_); code != 0) {
        library_ = nullptr;
        why = "there is no ext4 file system that can be read";
        return fail(error_of(code) == Error::NoMemory ? Error::NoMemory : Error::NotSupported);
    }
    ext2_super_block& super = *library_->super;
    library_->priv_data = this;
    const uint64_t bytes = ext2fs_blocks_count(&super) * library_->blocksize;
    if (library_->blocksize != kBlockBytes || EXT2_CLUSTER_SIZE(&super) != kBlockBytes)
        why = "its blocks are not 4096 bytes long (mke2fs -b 4096)";
    else if ((super.s_feature_incompat & ~kIncompatibleServed) != 0 || (super.s_feature_ro_compat & ~kReadOnlyServed) != 0)
        why = "it has features that are not served";
    else if (bytes > store_.size_bytes())
        why = "it is longer than the disk";
    if (!why.empty()) return fail(Error::NotSupported);
    TRY(open_journal(why));
    if (const errcode_t code = ext2fs_read_bitmaps(library_); code != 0) {
        why = "its bitmaps are damaged (e2fsck)";
        return fail(Error::IoError);
    }
    library_->flags |= EXT2_FLAG_MASTER_SB_ONLY;
    ext2fs_set_block_alloc_stats_callback(library_, on_block, nullptr);
    ext2fs_set_block_alloc_stats_range_callback(library_, on_blocks, nullptr);
    marked_ = ext2fs_has_feature_journal_needs_recovery(&super) != 0;
    return {};
}

Result<> Volume::open_journal(std::string& why) {
    const ext2_super_block& super = *library_->super;
    if (ext2fs_has_feature_journal(library_->super) == 0 || super.s_journal_inum == 0) return {};
    Inode inode{};
    TRY(read_inode(super.s_journal_inum, inode));
    const uint64_t count = std::min<uint64_t>(EXT2_I_SIZE(plain(inode)) / kBlockBytes, 1 << 20);
    std::vector<uint64_t> places;
    while (places.size() < count) {
        const Result<Extent> extent = extent_at(super.s_journal_inum, inode, places.size());
        if (!extent || extent->start == 0) {
            why = "its journal is damaged (e2fsck)";
            return fail(Error::NotSupported);
        }
        for (uint64_t i = 0; i < extent->count && places.size() < count; ++i) places.push_back(extent->start + i);
    }
    Result<Journal> journal = Journal::open(store_, std::move(places));
    if (!journal) {
        why = journal.error() == Error::WrongState ? "it was not left cleanly, and its journal must be replayed (e2fsck -p)"
                                                   : "it has a journal of another kind";
        return fail(journal.error());
    }
    journal_ = std::move(*journal);
    return {};
}

Result<> Volume::begin() {
    if (read_only_) return fail(Error::ReadOnly);
    if (failed_) return fail(Error::IoError);
    if (cache_.changed_count() > std::min(kChangedMax, journal_.capacity() / 2)) TRY(commit());
    if (!marked_) {  // with the first change: whoever finds the disk like this knows that it was in use
        if (journal_.exists())
            ext2fs_set_feature_journal_needs_recovery(library_->super);
        else
            library_->super->s_state &= static_cast<uint16_t>(~EXT2_VALID_FS);
        ext2fs_mark_super_dirty(library_);
        marked_ = true;
    }
    library_->now = now_seconds();
    changed_ = true;
    return {};
}

Result<> Volume::commit() {
    if (failed_) return fail(Error::IoError);
    if (!changed_) return read_only_ ? Result<>{} : store_.flush();
    const Result<> written = write_changes();
    if (!written) failed_ = true;
    return written;
}

Result<> Volume::write_changes() {
    for (const auto& [first, count] : freed_) ext2fs_unmark_block_bitmap_range2(library_->block_map, first, static_cast<unsigned>(count));
    freed_.clear();
    TRY(check(ext2fs_flush2(library_, 0)));
    TRY(journal_.commit(cache_.changed()));
    cache_.set_unchanged();
    changed_ = false;
    return {};
}

Result<> Volume::close() {
    if (read_only_) return {};
    TRY(commit());
    if (marked_) {
        ext2fs_clear_feature_journal_needs_recovery(library_->super);
        library_->super->s_state |= EXT2_VALID_FS;
        ext2fs_mark_super_dirty(library_);
        changed_ = true;
        TRY(commit());
    }
    read_only_ = true;
    return {};
}

Result<> Volume::read_inode(InodeNumber number, Inode& inode) {
    std::memset(&inode, 0, sizeof inode);
    return check(ext2fs_read_inode_full(library_, number, plain(inode), sizeof inode));
}

Result<> Volume::write_inode(InodeNumber number, Inode& inode) {
    return check(ext2fs_write_inode_full(library_, number, plain(inode), sizeof inode));
}

Result<InodeNumber> Volume::make_inode(InodeNumber parent, uint32_t mode, Inode& inode) {
    InodeNumber number = 0;
    TRY(check(ext2fs_new_inode(library_, parent, static_cast<int>(mode), nullptr, &number)));
    ext2fs_inode_alloc_stats2(library_, number, 1, LINUX_S_ISDIR(mode));
    std::memset(&inode, 0, sizeof inode);
    inode.i_mode = static_cast<uint16_t>(mode);
    inode.i_extra_isize = sizeof(Inode) - EXT2_GOOD_OLD_INODE_SIZE;
    const bool has_blocks = LINUX_S_ISREG(mode) || LINUX_S_ISDIR(mode);
    if (has_blocks && ext2fs_has_feature_extents(library_->super) != 0) {
        inode.i_flags |= EXT4_EXTENTS_FL;
        ext2_extent_handle_t handle = nullptr;
        const Result<> made = check(ext2fs_extent_open2(library_, number, plain(inode), &handle));  // writes the empty tree's head
        if (handle != nullptr) ext2fs_extent_free(handle);
        if (!made) return fail(made.error());
    }
    const Result<> written = check(ext2fs_write_new_inode(library_, number, plain(inode)));
    if (!written) {
        ext2fs_inode_alloc_stats2(library_, number, -1, LINUX_S_ISDIR(mode));
        return fail(written.error());
    }
    TRY(write_inode(number, inode));
    return number;
}

Result<> Volume::free_inode(InodeNumber number, Inode& inode, bool is_directory) {
    if (ext2fs_file_acl_block(library_, plain(inode)) != 0) TRY(check(ext2fs_free_ext_attr(library_, number, &inode)));
    if (ext2fs_inode_has_valid_blocks2(library_, plain(inode)) != 0) TRY(free_blocks(number, inode, 0));
    inode.i_links_count = 0;
    inode.i_size = 0;
    inode.i_size_high = 0;
    inode.i_dtime = static_cast<uint32_t>(library_->now);
    TRY(write_inode(number, inode));
    ext2fs_inode_alloc_stats2(library_, number, -1, is_directory);
    return {};
}

Result<> Volume::add_orphan(InodeNumber number, Inode& inode) {
    inode.i_dtime = library_->super->s_last_orphan;
    TRY(write_inode(number, inode));
    library_->super->s_last_orphan = number;
    ext2fs_mark_super_dirty(library_);
    return {};
}

Result<> Volume::remove_orphan(InodeNumber number, Inode& inode) {
    const InodeNumber next = inode.i_dtime;
    inode.i_dtime = 0;
    if (library_->super->s_last_orphan == number) {
        library_->super->s_last_orphan = next;
        ext2fs_mark_super_dirty(library_);
        return {};
    }
    Inode other{};
    InodeNumber at = library_->super->s_last_orphan;
    for (uint32_t steps = 0; at != 0 && steps < library_->super->s_inodes_count; ++steps) {
        TRY(read_inode(at, other));
        if (other.i_dtime == number) {
            other.i_dtime = next;
            return write_inode(at, other);
        }
        at = other.i_dtime;
    }
    return fail(Error::IoError);
}

Result<> Volume::free_orphans() {
    const uint32_t count = library_->super->s_inodes_count;
    for (uint32_t steps = 0; library_->super->s_last_orphan != 0; ++steps) {
        const InodeNumber number = library_->super->s_last_orphan;
        if (number > count || steps > count) return fail(Error::IoError);
        TRY(begin());
        Inode inode{};
        TRY(read_inode(number, inode));
        library_->super->s_last_orphan = inode.i_dtime;
        ext2fs_mark_super_dirty(library_);
        inode.i_dtime = 0;
        if (inode.i_links_count == 0)
            TRY(free_inode(number, inode, LINUX_S_ISDIR(inode.i_mode)));
        else
            TRY(write_inode(number, inode));
    }
    return commit();
}

Result<Extent> Volume::extent_at(InodeNumber number, Inode& inode, uint64_t block) {
    constexpr uint64_t kManyBlocks = 1 << 20;
    if ((inode.i_flags & EXT4_EXTENTS_FL) == 0) {
        blk64_t place = 0;
        TRY(check(ext2fs_bmap2(library_, number, plain(inode), nullptr, 0, block, nullptr, &place)));
        return Extent{.start = place, .count = 1};
    }
    ext2_extent_handle_t handle = nullptr;
    TRY(check(ext2fs_extent_open2(library_, number, plain(inode), &handle)));
    const Result<Extent> found = [&]() -> Result<Extent> {
        ext2fs_extent extent{};
        const errcode_t code = ext2fs_extent_goto(handle, block);
        if (code != 0 && code != EXT2_ET_EXTENT_NOT_FOUND) return fail(error_of(code));
        errcode_t got = ext2fs_extent_get(handle, EXT2_EXTENT_CURRENT, &extent);
        if (code == 0) {
            TRY(check(got));
            const uint64_t inner = block - extent.e_lblk;
            if (extent.e_pblk + extent.e_len > ext2fs_blocks_count(library_->super)) return fail(Error::IoError);
            return Extent{
                .start = extent.e_pblk + inner, .count = extent.e_len - inner, .written = (extent.e_flags & EXT2_EXTENT_FLAGS_UNINIT) == 0};
        }
        if (got == 0 && extent.e_lblk <= block) got = ext2fs_extent_get(handle, EXT2_EXTENT_NEXT_LEAF, &extent);
        return Extent{.start = 0, .count = got == 0 && extent.e_lblk > block ? extent.e_lblk - block : kManyBlocks};
    }();
    ext2fs_extent_free(handle);
    return found;
}

Result<uint64_t> Volume::allocate(InodeNumber number, Inode& inode, uint64_t block) {
    const Extent known = TRY(extent_at(number, inode, block));
    if (known.start != 0 && known.written) return known.start;
    if (known.start != 0) {
        TRY(set_written(number, inode, block, known.start));
        return known.start;
    }
    blk64_t place = 0;
    errcode_t code = ext2fs_bmap2(library_, number, plain(inode), nullptr, BMAP_ALLOC, block, nullptr, &place);
    if (code != 0 && error_of(code) == Error::NoSpace && !freed_.empty()) {
        TRY(commit());
        TRY(begin());
        code = ext2fs_bmap2(library_, number, plain(inode), nullptr, BMAP_ALLOC, block, nullptr, &place);
    }
    TRY(check(code));
    if (place == 0) return fail(Error::IoError);
    return place;
}

Result<> Volume::set_written(InodeNumber number, Inode& inode, uint64_t block, uint64_t place) {
    ext2_extent_handle_t handle = nullptr;
    TRY(check(ext2fs_extent_open2(library_, number, plain(inode), &handle)));
    const errcode_t code = ext2fs_extent_set_bmap(handle, block, place, 0);
    ext2fs_extent_free(handle);
    return check(code);
}

Result<> Volume::free_blocks(InodeNumber number, Inode& inode, uint64_t first_block) {
    return check(ext2fs_punch(library_, number, plain(inode), nullptr, first_block, ~uint64_t{0}));
}

Result<> Volume::write_data(uint64_t block, std::span<const std::byte> from) {
    for (uint64_t i = 0; i < from.size() / kBlockBytes; ++i) cache_.forget(block + i);
    return store_.write(block * kBlockBytes, from);
}

Result<std::string> Volume::read_text(uint64_t block, uint64_t length_bytes) {
    std::string text(length_bytes, '\0');
    TRY(cache_.read(block * kBlockBytes, std::as_writable_bytes(std::span(text))));
    return text;
}

uint64_t Volume::free_blocks_count() const {
    return ext2fs_free_blocks_count(library_->super);
}

void Volume::on_block(ext2_filsys library, blk64_t block, int use) {
    on_blocks(library, block, 1, use);
}

void Volume::on_blocks(ext2_filsys library, blk64_t block, blk_t count, int use) {
    if (use > 0) return;
    auto& volume = *static_cast<Volume*>(library->priv_data);
    ext2fs_mark_block_bitmap_range2(library->block_map, block, count);  // not to be used again before the commit
    for (uint64_t i = 0; i < count; ++i) volume.cache_.forget(block + i);
    if (!volume.freed_.empty() && volume.freed_.back().first + volume.freed_.back().second == block)
        volume.freed_.back().second += count;
    else
        volume.freed_.emplace_back(block, count);
}

}  // namespace portico::ext4
