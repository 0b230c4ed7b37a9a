#include "servers/file/name_space.h"

namespace portico::file_server {
namespace {

bool is_dots(std::string_view name) {
    return name == "." || name == "..";
}

}  // namespace

Result<> NameSpace::mount(std::string_view path, FileSystem& file_system) {
    const NodeRef covered = TRY(find(root_, path, FinalLink::Follow));
    cache_.clear();
    return mounts_.add(covered, file_system.root());
}

Result<NodeRef> NameSpace::find(const NodeRef& start, std::string_view path, FinalLink final_link) const {
    Found found = TRY(walk().find(start, path, final_link));
    if (!found.node) return fail(Error::NotFound);
    return std::move(found.node);
}

Result<> NameSpace::check_open(const Node& node, uint32_t flags) {
    const bool path_only = (flags & file::kPathOnly) != 0;
    if ((flags & file::kDirectory) != 0 && !node.is_directory()) return fail(Error::NotDirectory);
    if (path_only) return {};
    switch (node.kind()) {
    case Kind::SymbolicLink:
        return fail(Error::TooManyLinks);  // only reached with kNoFollow
    case Kind::Socket:
        return fail(Error::NoDevice);
    case Kind::Directory:
        if ((flags & file::kAccessMode) != file::kReadOnly || (flags & (file::kCreate | file::kTruncate)) != 0)
            return fail(Error::IsDirectory);
        return {};
    case Kind::File:
        if (((flags & file::kAccessMode) != file::kReadOnly || (flags & file::kTruncate) != 0) && node.file_system().read_only())
            return fail(Error::ReadOnly);
        return {};
    default:
        return {};
    }
}

Result<NameSpace::Opened> NameSpace::open(const NodeRef& start, std::string_view path, uint32_t flags, uint32_t mode) {
    if ((flags & file::kTemporary) == file::kTemporary) {
        const NodeRef directory = TRY(find(start, path, FinalLink::Follow));
        if (!directory->is_directory()) return fail(Error::NotDirectory);
        return Opened{.node = TRY(directory->create_unnamed({.kind = Kind::File, .mode = mode})), .created = true};
    }
    const bool creates = (flags & file::kCreate) != 0 && (flags & file::kPathOnly) == 0;
    const bool exclusive = creates && (flags & file::kExclusive) != 0;
    if (creates && (flags & file::kDirectory) != 0) return fail(Error::InvalidArgument);
    const FinalLink final_link = exclusive || (flags & file::kNoFollow) != 0 ? FinalLink::Keep : FinalLink::Follow;
    Found found = TRY(walk().find(start, path, final_link));
    if (found.node) {
        if (exclusive) return fail(Error::Exists);
        TRY(check_open(*found.node, flags));
        return Opened{.node = std::move(found.node)};
    }
    if (!creates) return fail(Error::NotFound);
    if (found.trailing_slash) return fail(Error::IsDirectory);
    Opened opened{.node = TRY(found.directory->create(found.name, {.kind = Kind::File, .mode = mode})), .created = true};
    changes_.entry(*found.directory, found.name, change::kCreate, false);
    return opened;
}

Result<> NameSpace::make(const NodeRef& start, std::string_view path, const NewNode& node) {
    const Found found = TRY(walk().find(start, path, FinalLink::Keep));
    if (found.node) return fail(Error::Exists);
    if (found.trailing_slash && node.kind != Kind::Directory) return fail(Error::NotFound);
    TRY(found.directory->create(found.name, node));
    changes_.entry(*found.directory, found.name, change::kCreate, node.kind == Kind::Directory);
    return {};
}

Result<> NameSpace::remove(const NodeRef& start, std::string_view path, bool directory) {
    const Found found = TRY(walk().find(start, path, FinalLink::Keep));
    if (!found.node) return fail(Error::NotFound);
    if (directory) {
        if (found.name == ".") return fail(Error::InvalidArgument);
        if (found.name == "..") return fail(Error::NotEmpty);
        if (!found.node->is_directory()) return fail(Error::NotDirectory);
    } else if (found.node->is_directory()) {
        return fail(Error::IsDirectory);
    }
    if (!found.directory || is_mount_root(found.node)) return fail(Error::Busy);
    before_change(*found.node);
    TRY(found.directory->remove(found.name));
    changes_.entry(*found.directory, found.name, change::kDelete, directory);
    end_if_nameless(found.node);
    return {};
}

Result<> NameSpace::rename(const NodeRef& old_start, std::string_view old_path, const NodeRef& new_start, std::string_view new_path,
                           uint64_t flags) {
    if (flags > static_cast<uint64_t>(RenameMode::Exchange)) return fail(Error::InvalidArgument);
    const auto mode = static_cast<RenameMode>(flags);
    const Found from = TRY(walk().find(old_start, old_path, FinalLink::Keep));
    const Found to = TRY(walk().find(new_start, new_path, FinalLink::Keep));
    if (!from.node) return fail(Error::NotFound);
    if (!from.directory || !to.directory || is_dots(from.name) || is_dots(to.name)) return fail(Error::Busy);
    if (&from.directory->file_system() != &to.directory->file_system()) return fail(Error::CrossDevice);
    if (is_mount_root(from.node) || (to.node && is_mount_root(to.node))) return fail(Error::Busy);
    if (to.node && mode == RenameMode::NoReplace) return fail(Error::Exists);
    if (!to.node && mode == RenameMode::Exchange) return fail(Error::NotFound);
    const bool both_may_have_slashes = mode == RenameMode::Exchange && to.node && to.node->is_directory();
    if (to.trailing_slash && !from.node->is_directory() && !both_may_have_slashes) return fail(Error::NotDirectory);
    // A directory may not go below itself: neither the one that moves nor, in an exchange, the one that comes back.
    for (NodeRef above = to.directory; !is_mount_root(above); above = TRY(walk().parent_of(above)))
        if (above == from.node) return fail(Error::InvalidArgument);
    if (mode == RenameMode::Exchange)
        for (NodeRef above = from.directory; !is_mount_root(above); above = TRY(walk().parent_of(above)))
            if (above == to.node) return fail(Error::InvalidArgument);
    before_change(*from.node);
    if (to.node) before_change(*to.node);
    TRY(from.directory->file_system().rename(*from.directory, from.name, *to.directory, to.name, mode));
    tell_move(from, to);
    if (mode == RenameMode::Exchange)
        tell_move({.directory = to.directory, .name = to.name, .node = to.node}, {.directory = from.directory, .name = from.name});
    else
        end_if_nameless(to.node);
    return {};
}

Result<> NameSpace::link(const NodeRef& old_start, std::string_view old_path, const NodeRef& new_start, std::string_view new_path,
                         FinalLink final_link) {
    // An empty old path names the start itself: linkat(AT_EMPTY_PATH).
    const NodeRef node = old_path.empty() ? old_start : TRY(find(old_start, old_path, final_link));
    const Found to = TRY(walk().find(new_start, new_path, FinalLink::Keep));
    if (to.node) return fail(Error::Exists);
    if (node->is_directory()) return fail(Error::AccessDenied);
    if (to.trailing_slash) return fail(Error::NotFound);
    if (&node->file_system() != &to.directory->file_system()) return fail(Error::CrossDevice);
    TRY(to.directory->link(to.name, *node));
    changes_.entry(*to.directory, to.name, change::kCreate, false);
    return {};
}

void NameSpace::before_change(const Node& node) {
    if (node.is_directory() || node.kind() == Kind::SymbolicLink) cache_.clear();
}

void NameSpace::tell_move(const Found& from, const Found& to) {
    if (!changes_.any()) return;
    const uint32_t cookie = changes_.next_cookie();
    changes_.entry(*from.directory, from.name, change::kMovedFrom, from.node->is_directory(), cookie);
    changes_.entry(*to.directory, to.name, change::kMovedTo, from.node->is_directory(), cookie);
    changes_.moved(*from.node);
}

void NameSpace::end_if_nameless(const NodeRef& node) {
    if (node && changes_.any() && (node->is_directory() || node->attributes().links == 0)) changes_.deleted(*node);
}

Result<std::string> NameSpace::path_of(const NodeRef& node) const {
    std::string path;
    for (NodeRef current = node; current != root_;) {
        const Location location = TRY(current->location());
        if (location.parent) {
            path.insert(0, "/" + location.name);
            current = location.parent;
        } else {
            current = mounts_.covered_by(current);
            if (!current) return fail(Error::NotFound);
        }
        if (path.size() > file::kPathBytesMax) return fail(Error::NameTooLong);
    }
    return path.empty() ? "/" : path;
}

}  // namespace portico::file_server
