#include "servers/ext4/file_system.h"

#include <algorithm>

#include "servers/ext4/directory.h"
#include "servers/ext4/file.h"

namespace portico::ext4 {

FileSystem::FileSystem(uint64_t device, std::unique_ptr<Volume> volume, PageSource& source)
    : file_server::FileSystem(device), volume_(std::move(volume)), source_(source) {}

FileSystem::~FileSystem() {
    is_ending_ = true;
    root_.reset();
    lingering_.clear();
    recent_.clear();
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
    // Going, they may come back to the list.
    for (std::vector<std::shared_ptr<Node>> all = std::exchange(lingering_, {}); !all.empty(); all.pop_back())
        if (all.back()->is_mapped()) lingering_.push_back(all.back());
}

void FileSystem::count_pages(uint64_t count) {
    pages_since_look_ += count;
    if (pages_since_look_ < kPagesBetweenLooks) return;
    pages_since_look_ = 0;
    if (source_.is_memory_short()) make_room();
}

void FileSystem::make_room() {
    uint64_t freed = 0;
    for (auto node = recent_.rbegin(); node != recent_.rend() && freed < kPagesToFree; ++node)
        if ((*node)->kind() == Kind::File) freed += static_cast<File&>(**node).evict(kPagesToFree - freed);
}

Result<std::shared_ptr<Node>> FileSystem::node(InodeNumber number) {
    if (const auto found = nodes_.find(number); found != nodes_.end()) {
        if (std::shared_ptr<Node> known = found->second.node.lock()) {
            use(found->second, known);
            return known;
        }
    }
    const ext2_super_block& super = *volume_->library()->super;
    const bool is_own = number == EXT2_ROOT_INO || number >= EXT2_FIRST_INO(&super);  // others are the file system's
    if (!is_own || number > super.s_inodes_count) return fail(Error::IoError);
    Inode inode{};
    TRY(volume_->read_inode(number, inode));
    const Kind kind = file_server::kind_of_mode(inode.i_mode);
    if (kind == Kind::None || inode.i_links_count == 0) return fail(Error::IoError);
    std::shared_ptr<Node> made;
    if (kind == Kind::Directory)
        made = adopt(new Directory(*this, number, inode, kind));
    else if (kind == Kind::File)
        made = adopt(new File(*this, number, inode));
    else
        made = adopt(new Node(*this, number, inode, kind));
    use(nodes_[number], made);
    return made;
}

void FileSystem::use(Kept& kept, std::shared_ptr<Node> node) {
    kept.node = node;
    if (node->removed()) return;
    if (kept.is_recent) {
        recent_.splice(recent_.begin(), recent_, kept.recent);
        return;
    }
    recent_.push_front(std::move(node));
    kept.recent = recent_.begin();
    kept.is_recent = true;
    while (recent_.size() > kNodesMax) {
        const std::shared_ptr<Node> oldest = std::move(recent_.back());
        recent_.pop_back();
        nodes_[oldest->number()].is_recent = false;
        if (oldest.use_count() == 1) (void)oldest->write_back();
    }
}

bool FileSystem::is_used(const std::shared_ptr<Node>& node) const {
    const auto found = nodes_.find(node->number());
    const long kept = found != nodes_.end() && found->second.is_recent ? 1 : 0;
    return node.use_count() > 1 + kept || node->is_mapped();
}

void FileSystem::forget(Node& node) {
    const auto found = nodes_.find(node.number());
    if (found == nodes_.end()) return;
    if (found->second.is_recent) recent_.erase(found->second.recent);
    found->second.is_recent = false;
}

std::shared_ptr<Node> FileSystem::adopt(Node* node) {
    return {node, [this](Node* last) { release(last); }};
}

void FileSystem::release(Node* node) {
    const InodeNumber number = node->number();
    if (!is_ending_ && node->is_mapped()) {
        lingering_.push_back(adopt(node));
        nodes_[number].node = lingering_.back();
        return;
    }
    if (!node->removed()) (void)node->write_back();
    // A removed inode's number may be another file's as soon as the node has gone.
    nodes_.erase(number);
    delete node;
}

}  // namespace portico::ext4
