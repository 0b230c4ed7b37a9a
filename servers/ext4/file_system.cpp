#include "servers/ext4/file_system.h"

#include <algorithm>

#include "servers/ext4/directory.h"
#include "servers/ext4/file.h"

namespace portico::ext4 {

FileSystem::FileSystem(uint64_t device, std::unique_ptr<Volume> volume, PageSource& source)
    : file_server::FileSystem(device), volume_(std::move(volume)), source_(source) {}

FileSystem::~FileSystem() {
    root_.reset();
    nodes_.end();
}

Result<> FileSystem::start() {
    std::shared_ptr<Node> root = TRY(node(EXT2_ROOT_INO));
    if (!root->is_directory()) return fail(Error::IoError);
    root_ = std::move(root);
    return {};
}

file::GetSpace::Reply FileSystem::space() {
    ext2_super_block& super = *volume_->library()->super;
    const uint64_t free = volume_->free_blocks_count();
    return {.block_bytes = kBlockBytes,
            .blocks = ext2fs_blocks_count(&super),
            .blocks_free = free - std::min(volume_->promised, free),
            .files = super.s_inodes_count,
            .files_free = super.s_free_inodes_count};
}

Result<> FileSystem::rename(file_server::Node& old_directory, std::string_view old_name, file_server::Node& new_directory,
                            std::string_view new_name, file_server::RenameMode mode) {
    return Directory::move(static_cast<Directory&>(old_directory), old_name, static_cast<Directory&>(new_directory), new_name,
                           mode == file_server::RenameMode::Exchange);
}

Result<> FileSystem::write_dirty() {
    Result<> outcome;
    const std::vector<File*> files(dirty_.begin(), dirty_.end());
    for (File* const file : files)
        if (const Result<> written = file->write_back(); !written) outcome = written;
    return outcome;
}

Result<> FileSystem::sync() {
    const Result<> written = write_dirty();
    TRY(volume_->commit());
    return written;
}

Result<> FileSystem::end() {
    const Result<> written = write_dirty();
    TRY(volume_->close());
    return written;
}

void FileSystem::tick() {
    if (!dirty_.empty() || volume_->has_changes()) (void)sync();
    nodes_.look_at_mapped();
}

void FileSystem::count_pages(uint64_t count) {
    pages_since_look_ += count;
    if (pages_since_look_ < kPagesBetweenLooks) return;
    pages_since_look_ = 0;
    if (source_.is_memory_short()) make_room();
}

Result<std::shared_ptr<Node>> FileSystem::node(InodeNumber number) {
    if (std::shared_ptr<Node> known = nodes_.find(number)) return known;
    const ext2_super_block& super = *volume_->library()->super;
    const bool is_own = number == EXT2_ROOT_INO || number >= EXT2_FIRST_INO(&super);  // others are the file system's
    if (!is_own || number > super.s_inodes_count) return fail(Error::IoError);
    Inode inode{};
    TRY(volume_->read_inode(number, inode));
    const Kind kind = file_server::kind_of_mode(inode.i_mode);
    if (kind == Kind::None || inode.i_links_count == 0) return fail(Error::IoError);
    if (kind == Kind::Directory) return nodes_.add(new Directory(*this, number, inode, kind));
    if (kind == Kind::File) return nodes_.add(new File(*this, number, inode));
    return nodes_.add(new Node(*this, number, inode, kind));
}

}  // namespace portico::ext4
