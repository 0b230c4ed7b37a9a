#include "servers/file/archive_loader.h"

namespace portico::file_server {
namespace {

constexpr uint64_t linux_device(uint64_t major, uint64_t minor) {
    return (minor & 0xFF) | ((major & 0xFFF) << 8) | ((minor & ~uint64_t{0xFF}) << 12) | ((major & ~uint64_t{0xFFF}) << 32);
}

std::string_view without_slashes(std::string_view path) {
    while (!path.empty() && path.front() == '/') path.remove_prefix(1);
    while (!path.empty() && path.back() == '/') path.remove_suffix(1);
    return path;
}

bool is_plain(std::string_view name) {
    return !name.empty() && name != "." && name != "..";
}

}  // namespace

ArchiveLoader::Count ArchiveLoader::load(std::span<const uint8_t> archive, std::string_view prefix) {
    Count count;
    cpio::Reader reader(archive);
    while (const auto entry = reader.next()) {
        const std::string_view directory = without_slashes(prefix);
        if (!entry->name.starts_with(directory)) continue;
        if (entry->name.size() != directory.size() && entry->name[directory.size()] != '/') continue;
        if (place(*entry, without_slashes(entry->name.substr(directory.size()))))
            ++count.loaded;
        else
            ++count.skipped;
    }
    return count;
}

Result<NodeRef> ArchiveLoader::directory_for(std::string_view path) {
    NodeRef directory = to_.root();
    while (!path.empty()) {
        const size_t end = std::min(path.find('/'), path.size());
        const std::string_view name = path.substr(0, end);
        path = without_slashes(path.substr(end));
        if (!is_plain(name)) return fail(Error::InvalidArgument);
        Result<NodeRef> next = directory->lookup(name);
        if (!next) next = directory->create(name, {.kind = Kind::Directory, .mode = 0755});
        if (!next) return fail(next.error());
        directory = std::move(*next);
    }
    return directory;
}

Result<> ArchiveLoader::place(const cpio::Entry& entry, std::string_view path) {
    const Kind kind = kind_of_mode(entry.mode);
    const std::string_view text(reinterpret_cast<const char*>(entry.data.data()), entry.data.size());
    const size_t slash = path.rfind('/');
    const std::string_view name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
    NodeRef node = to_.root();
    if (!path.empty()) {
        if (!is_plain(name)) return fail(Error::InvalidArgument);
        const NodeRef directory = TRY(directory_for(slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash)));
        const Result<NodeRef> existing = directory->lookup(name);
        const auto linked = linked_.find(entry.inode);
        const bool is_linked = kind == Kind::File && entry.links > 1 && linked != linked_.end();
        if (existing && (kind != Kind::Directory || !(*existing)->is_directory())) TRY(directory->remove(name));  // later entries win
        if (existing && kind == Kind::Directory && (*existing)->is_directory()) {
            node = *existing;
        } else if (is_linked) {
            TRY(directory->link(name, *linked->second.node));
            node = linked->second.node;
            if (--linked->second.names_left == 0) linked_.erase(linked);
        } else {
            const NewNode made{.kind = kind,
                               .mode = entry.mode & kPermissionBits,
                               .special_device = linux_device(entry.device_major, entry.device_minor),
                               .target = text};
            node = TRY(directory->create(name, made));
            if (kind == Kind::File && entry.links > 1) linked_.emplace(entry.inode, Linked{.node = node, .names_left = entry.links - 1});
        }
    } else if (kind != Kind::Directory) {
        return fail(Error::NotDirectory);
    }
    auto& loaded = static_cast<TmpNode&>(*node);
    if (kind == Kind::File && !entry.data.empty()) static_cast<TmpFile&>(loaded).set_archived(std::as_bytes(entry.data));
    Attributes& attributes = loaded.attributes_;
    attributes.mode = (attributes.mode & kTypeBits) | (entry.mode & kPermissionBits);
    attributes.uid = entry.uid;
    attributes.gid = entry.gid;
    attributes.access_ns = attributes.modify_ns = attributes.change_ns = attributes.birth_ns =
        int64_t{entry.modify_seconds} * 1'000'000'000;
    return {};
}

}  // namespace portico::file_server
