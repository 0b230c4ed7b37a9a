#include "servers/file/tmp_file_system.h"

namespace portico::file_server {

TmpFileSystem::TmpFileSystem(uint64_t device, MemorySource& memory, uint32_t root_mode)
    : FileSystem(device),
      memory_(memory),
      root_(std::make_shared<TmpDirectory>(*this, NewNode{.kind = Kind::Directory, .mode = root_mode})) {
    root_->add_links(1);  // as if it had a name
}

file::GetSpace::Reply TmpFileSystem::space() {
    const MemorySpace space = memory_.space();
    return {.block_bytes = 4096,
            .blocks = space.total_bytes / 4096,
            .blocks_free = space.free_bytes / 4096,
            .files = last_inode_ + space.free_bytes / 4096,
            .files_free = space.free_bytes / 4096};
}

std::shared_ptr<TmpNode> TmpFileSystem::make(const NewNode& node) {
    switch (node.kind) {
    case Kind::File:
        return std::make_shared<TmpFile>(*this, node);
    case Kind::Directory:
        return std::make_shared<TmpDirectory>(*this, node);
    case Kind::SymbolicLink:
        return std::make_shared<TmpLink>(*this, node);
    case Kind::CharacterDevice:
    case Kind::BlockDevice:
    case Kind::Fifo:
    case Kind::Socket:
        return std::make_shared<TmpNode>(*this, node);
    default:
        return nullptr;  // no kind of file, or a client's number that is no kind
    }
}

Result<> TmpFileSystem::rename(Node& old_node, std::string_view old_name, Node& new_node, std::string_view new_name, RenameMode mode) {
    auto& old_directory = static_cast<TmpDirectory&>(old_node);
    auto& new_directory = static_cast<TmpDirectory&>(new_node);
    if (new_directory.removed()) return fail(Error::NotFound);
    if (new_name.size() > file::kNameBytesMax) return fail(Error::NameTooLong);
    TmpNode* const moved = old_directory.entry(old_name);
    TmpNode* const replaced = new_directory.entry(new_name);
    if (moved == nullptr) return fail(Error::NotFound);
    if (moved == replaced) return {};  // one file under both names: rename(2) does nothing
    if (replaced != nullptr && mode == RenameMode::NoReplace) return fail(Error::Exists);

    if (mode == RenameMode::Exchange) {
        if (replaced == nullptr) return fail(Error::NotFound);
        std::shared_ptr<TmpNode> first = old_directory.take_out(old_name);
        std::shared_ptr<TmpNode> second = new_directory.take_out(new_name);
        new_directory.insert(new_name, std::move(first));
        old_directory.insert(old_name, std::move(second));
        return {};
    }
    if (replaced != nullptr) {
        if (moved->is_directory() && !replaced->is_directory()) return fail(Error::NotDirectory);
        if (!moved->is_directory() && replaced->is_directory()) return fail(Error::IsDirectory);
        TRY(new_directory.remove(new_name));  // NotEmpty
    }
    new_directory.insert(new_name, old_directory.take_out(old_name));
    return {};
}

}  // namespace portico::file_server
