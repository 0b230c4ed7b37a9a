#include "servers/ninep/file_system.h"

#include "servers/ninep/directory.h"
#include "servers/ninep/file.h"

namespace portico::ninep {

FileSystem::FileSystem(Description description, Channel& channel, file_server::PageSource& source)
    : file_server::FileSystem(description.device), description_(std::move(description)), session_(channel), pages_(source) {}

FileSystem::~FileSystem() {
    root_.reset();
    nodes_.end();
}

Result<> FileSystem::start() {
    const HostAttributes attributes = TRY(repeat([&](bool) { return session_.attributes(session_.root()); }));
    if (file_server::kind_of_mode(attributes.mode) != Kind::Directory) return fail(Error::NotDirectory);
    root_ = nodes_.add(new Directory(*this, attributes, Kind::Directory));
    return {};
}

Result<Fid> FileSystem::fid_of(Node& node) {
    if (&node == root_.get()) return session_.root();
    if (node.fid_.is_current()) return node.fid_.get();
    if (!node.parent_ || node.name_.empty()) return fail(Error::NotFound);
    Qid qid;
    const Fid above = TRY(fid_of(*node.parent_));
    OwnedFid fid = TRY(session_.walk(above, node.name_, qid));
    if (qid.path != node.number()) return fail(Error::IoError);
    node.fid_ = std::move(fid);
    return node.fid_.get();
}

Result<std::shared_ptr<Node>> FileSystem::node(std::shared_ptr<Directory> parent, std::string_view name, OwnedFid fid,
                                               const HostAttributes& attributes) {
    const Kind kind = file_server::kind_of_mode(attributes.mode);
    if (kind == Kind::None) return fail(Error::IoError);
    std::shared_ptr<Node> node = nodes_.find(attributes.qid.path);
    if (node == root_) return fail(Error::IoError);  // it is below itself
    // The host uses numbers again: this file has the name, so it is not the one that was removed.
    if (node && (node->kind() != kind || node->removed())) {
        nodes_.forget(*node);
        node.reset();
    }
    if (!node) {
        if (kind == Kind::Directory)
            node = nodes_.add(new Directory(*this, attributes, kind));
        else if (kind == Kind::File)
            node = nodes_.add(new File(*this, attributes));
        else
            node = nodes_.add(new Node(*this, attributes, kind));
    }
    if (kind == Kind::Directory)
        for (file_server::NodeRef above = parent; above; above = TRY(above->parent()))
            if (above == node) return fail(Error::TooManyLinks);  // a circle would have no end
    node->named(std::move(parent), name);
    node->found(std::move(fid), attributes);
    return node;
}

file::GetSpace::Reply FileSystem::space() {
    const Result<FileSystemSpace> told = repeat([&](bool) { return session_.space(session_.root()); });
    if (!told) return file_server::FileSystem::space();
    return {.block_bytes = told->block_bytes,
            .blocks = told->blocks,
            .blocks_free = told->blocks_free,
            .files = told->files,
            .files_free = told->files_free};
}

Result<> FileSystem::rename(file_server::Node& old_directory, std::string_view old_name, file_server::Node& new_directory,
                            std::string_view new_name, file_server::RenameMode mode) {
    if (description_.read_only) return fail(Error::ReadOnly);
    if (mode == file_server::RenameMode::Exchange) return fail(Error::InvalidArgument);  // the protocol has no such order
    return Directory::move(static_cast<Directory&>(old_directory), old_name, static_cast<Directory&>(new_directory), new_name);
}

/// What programs wrote is with the host already; that is all that is asked of it.
Result<> FileSystem::sync() {
    Result<> outcome;
    const std::vector<File*> files(busy_.begin(), busy_.end());
    for (File* const file : files)
        if (const Result<> kept = file->write_back(); !kept) outcome = kept;
    return outcome;
}

void FileSystem::tick() {
    const std::vector<File*> files(busy_.begin(), busy_.end());
    for (File* const file : files) file->tick();
    nodes_.look_at_mapped();
}

void FileSystem::count_pages(uint64_t count) {
    pages_since_look_ += count;
    if (pages_since_look_ < kPagesBetweenLooks) return;
    pages_since_look_ = 0;
    if (pages_.is_memory_short()) make_room();
}

}  // namespace portico::ninep
