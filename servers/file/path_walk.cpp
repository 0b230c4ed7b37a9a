#include "servers/file/path_walk.h"

namespace portico::file_server {

namespace {

/// All of an absolute path but its last name, if that is worth remembering.
std::string_view directory_part(std::string_view path) {
    if (path.front() != '/' || path.back() == '/' || path.size() > DirectoryCache::kPathBytesMax) return {};
    size_t end = path.size() - 1;
    while (path[end] != '/') --end;
    return path.substr(0, end);
}

}  // namespace

Result<NodeRef> PathWalk::parent_of(const NodeRef& directory) const {
    NodeRef node = directory;
    for (;;) {
        if (node == root_) return node;
        NodeRef parent = TRY(node->parent());
        if (parent) return parent;
        const NodeRef covered = mounts_.covered_by(node);
        if (!covered) return node;  // the root of a tree that is not mounted
        node = covered;
    }
}

Result<NodeRef> PathWalk::step(const NodeRef& directory, std::string_view name) const {
    if (name == ".") return directory;
    if (name == "..") return parent_of(directory);
    if (name.size() > file::kNameBytesMax) return fail(Error::NameTooLong);
    return mounts_.top(TRY(directory->lookup(name)));
}

Result<Found> PathWalk::find(const NodeRef& start, std::string_view path, FinalLink final_link) const {
    if (path.empty()) return fail(Error::NotFound);
    if (path.find('\0') != std::string_view::npos) return fail(Error::InvalidArgument);
    NodeRef current = path.front() == '/' ? root_ : start;
    std::string_view rest = path;
    std::string_view to_remember;  // of the path, if the cache does not know yet which directory that is
    uint64_t hash = 0;
    if (const std::string_view above = directory_part(path); !above.empty()) {
        hash = NameHash{}(above);
        if (const NodeRef& known = cache_.find(above, hash)) {
            current = known;
            rest = path.substr(above.size());
        } else {
            to_remember = above;
        }
    }
    std::string expanded;  // what is left of the path, once a link was followed
    for (unsigned links = 0;;) {
        const size_t begin = rest.find_first_not_of('/');
        if (!current->is_directory()) return fail(Error::NotDirectory);
        if (begin == std::string_view::npos) return Found{.directory = nullptr, .name = {}, .node = current, .trailing_slash = true};
        const size_t end = std::min(rest.find('/', begin), rest.size());
        const std::string_view name = rest.substr(begin, end - begin);
        const std::string_view after = rest.substr(end);
        const bool last = after.empty() || after.find_first_not_of('/') == std::string_view::npos;
        if (!to_remember.empty()) {
            // Whatever links there were on the way, the first name that is the last one is the path's own.
            const bool stays = current->file_system().names_stay();
            if (last && stays) cache_.add(to_remember, hash, current);
            if (last || !stays) to_remember = {};
        }

        Result<NodeRef> next = step(current, name);
        if (!next) {
            if (next.error() != Error::NotFound || !last) return fail(next.error());
            return Found{.directory = current, .name = std::string(name), .node = nullptr, .trailing_slash = !after.empty()};
        }
        if ((*next)->kind() == Kind::SymbolicLink && (!last || !after.empty() || final_link == FinalLink::Follow)) {
            if (++links > kLinksMax) return fail(Error::TooManyLinks);
            std::string target = TRY((*next)->target());
            if (target.empty()) return fail(Error::NotFound);
            if (target.size() + after.size() > file::kPathBytesMax) return fail(Error::NameTooLong);
            if (target.front() == '/') current = root_;
            target += after;
            expanded = std::move(target);
            rest = expanded;
            continue;
        }
        if (last) {
            if (!after.empty() && !(*next)->is_directory()) return fail(Error::NotDirectory);
            return Found{.directory = current, .name = std::string(name), .node = *next, .trailing_slash = !after.empty()};
        }
        current = std::move(*next);
        rest = after;
    }
}

}  // namespace portico::file_server
