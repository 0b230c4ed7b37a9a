#include "servers/file/tmp_directory.h"

#include <algorithm>

#include "servers/file/tmp_file_system.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kLinksMax = 0xFFFF'FFFF;
constexpr uint64_t kEntryBytes = 512;  // about what a small node and its name take

}  // namespace

TmpDirectory::TmpDirectory(TmpFileSystem& file_system, const NewNode& node) : TmpNode(file_system, node) {
    attributes_.links = 1;  // "."; the name above adds its own
    attributes_.size_bytes = 0;
}

TmpFileSystem& TmpDirectory::tmp() const {
    return static_cast<TmpFileSystem&>(file_system());
}

TmpNode* TmpDirectory::entry(std::string_view name) {
    const auto found = entries_.find(name);
    return found == entries_.end() ? nullptr : found->second.node.get();
}

Result<NodeRef> TmpDirectory::lookup(std::string_view name) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return fail(Error::NotFound);
    return found->second.node;
}

Result<NodeRef> TmpDirectory::create(std::string_view name, const NewNode& node) {
    if (removed()) return fail(Error::NotFound);
    if (name.empty() || name.size() > file::kNameBytesMax) return fail(Error::NameTooLong);
    if (entries_.contains(name)) return fail(Error::Exists);
    TRY(tmp().memory().admit(kEntryBytes + name.size() + node.target.size()));
    std::shared_ptr<TmpNode> made = tmp().make(node);
    if (!made) return fail(Error::InvalidArgument);
    // A set-group-id directory hands on its group, and to directories also the bit.
    if ((attributes_.mode & 02000) != 0) made->inherit_group(attributes_.gid);
    insert(name, made);
    return made;
}

Result<NodeRef> TmpDirectory::create_unnamed(const NewNode& node) {
    if (removed()) return fail(Error::NotFound);
    TRY(tmp().memory().admit(kEntryBytes));
    std::shared_ptr<TmpNode> made = tmp().make(node);
    if (!made) return fail(Error::InvalidArgument);
    if ((attributes_.mode & 02000) != 0) made->inherit_group(attributes_.gid);
    return made;
}

Result<> TmpDirectory::link(std::string_view name, Node& node) {
    if (removed()) return fail(Error::NotFound);
    if (name.empty() || name.size() > file::kNameBytesMax) return fail(Error::NameTooLong);
    if (entries_.contains(name)) return fail(Error::Exists);
    auto& linked = static_cast<TmpNode&>(node);  // the name space checked that it is of this file system
    if (linked.removed()) return fail(Error::NotFound);
    if (linked.attributes().links >= kLinksMax) return fail(Error::TooManyLinks);
    TRY(tmp().memory().admit(kEntryBytes));
    insert(name, std::static_pointer_cast<TmpNode>(linked.shared_from_this()));
    return {};
}

Result<> TmpDirectory::remove(std::string_view name) {
    TmpNode* const node = entry(name);
    if (node == nullptr) return fail(Error::NotFound);
    if (node->is_directory() && !static_cast<TmpDirectory*>(node)->empty()) return fail(Error::NotEmpty);
    const std::shared_ptr<TmpNode> gone = take_out(name);
    if (gone->is_directory()) gone->add_links(-1);  // its "."
    gone->unnamed(*this, name);
    return {};
}

void TmpDirectory::insert(std::string_view name, std::shared_ptr<TmpNode> node) {
    node->add_links(1);
    if (node->is_directory()) add_links(1);  // its ".."
    node->named(self(), name);
    const uint64_t cookie = next_cookie_++;
    const auto position = entries_.emplace(name, Entry{.node = std::move(node), .cookie = cookie}).first;
    order_.push_back({.cookie = cookie, .entry = &*position});
    touch_modified();
}

std::shared_ptr<TmpNode> TmpDirectory::take_out(std::string_view name) {
    const auto found = entries_.find(name);
    std::shared_ptr<TmpNode> node = std::move(found->second.node);
    forget_place(found->second.cookie);
    entries_.erase(found);
    node->add_links(-1);
    if (node->is_directory()) add_links(-1);
    touch_modified();
    return node;
}

Result<> TmpDirectory::list(uint64_t cookie, const TakeEntry& take) {
    const uint64_t own_inode = attributes_.inode;
    if (cookie < 1 && !take({.name = ".", .inode = own_inode, .cookie = 1, .kind = Kind::Directory})) return {};
    if (cookie < 2) {
        const Result<NodeRef> above = parent();
        const uint64_t inode = above && *above ? (*above)->attributes().inode : own_inode;
        if (!take({.name = "..", .inode = inode, .cookie = 2, .kind = Kind::Directory})) return {};
    }
    for (auto next = first_behind(cookie); next != order_.end(); ++next) {
        if (next->entry == nullptr) continue;
        const auto& [name, listed] = *next->entry;
        if (!take({.name = name, .inode = listed.node->inode(), .cookie = next->cookie, .kind = listed.node->kind()})) return {};
    }
    return {};
}

TmpDirectory::Order::iterator TmpDirectory::first_behind(uint64_t cookie) {
    return std::ranges::upper_bound(order_, cookie, {}, &Listed::cookie);
}

void TmpDirectory::forget_place(uint64_t cookie) {
    const auto place = std::prev(first_behind(cookie));
    place->entry = nullptr;
    ++removed_in_order_;
    for (; !order_.empty() && order_.back().entry == nullptr; --removed_in_order_) order_.pop_back();
    if (removed_in_order_ <= order_.size() / 2) return;
    std::erase_if(order_, [](const Listed& listed) { return listed.entry == nullptr; });
    removed_in_order_ = 0;
}

}  // namespace portico::file_server
