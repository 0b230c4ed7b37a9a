#include "servers/ext4/directory.h"

#include <cstring>

#include "servers/ext4/file_system.h"

namespace portico::ext4 {
namespace {

int type_of(Kind kind) {
    switch (kind) {
    case Kind::File:
        return EXT2_FT_REG_FILE;
    case Kind::Directory:
        return EXT2_FT_DIR;
    case Kind::SymbolicLink:
        return EXT2_FT_SYMLINK;
    case Kind::CharacterDevice:
        return EXT2_FT_CHRDEV;
    case Kind::BlockDevice:
        return EXT2_FT_BLKDEV;
    case Kind::Fifo:
        return EXT2_FT_FIFO;
    case Kind::Socket:
        return EXT2_FT_SOCK;
    default:
        return EXT2_FT_UNKNOWN;
    }
}

Kind kind_of(int type) {
    for (const Kind kind :
         {Kind::File, Kind::Directory, Kind::SymbolicLink, Kind::CharacterDevice, Kind::BlockDevice, Kind::Fifo, Kind::Socket})
        if (type_of(kind) == type) return kind;
    return Kind::None;
}

std::string_view name_of(const ext2_dir_entry& entry) {
    return {entry.name, static_cast<size_t>(ext2fs_dirent_name_len(&entry))};
}

struct Replacement {
    std::string_view name;
    InodeNumber number;
    int type;
    bool done = false;
};

int replace_one(ext2_dir_entry* entry, int, int, char*, void* context) {
    auto& wanted = *static_cast<Replacement*>(context);
    if (entry->inode == 0 || name_of(*entry) != wanted.name) return 0;
    entry->inode = wanted.number;
    ext2fs_dirent_set_file_type(entry, wanted.type);
    wanted.done = true;
    return DIRENT_CHANGED | DIRENT_ABORT;
}

}  // namespace

Result<> Directory::load() {
    if (is_loaded_) return {};
    const auto take = [](ext2_dir_entry* found, int, int, char*, void* context) {
        const std::string_view name = name_of(*found);
        const bool is_name = !name.empty() && name != "." && name != ".." && name.find('/') == std::string_view::npos;
        if (found->inode != 0 && is_name)
            static_cast<Directory*>(context)->remember(name, found->inode, kind_of(ext2fs_dirent_file_type(found)));
        return 0;
    };
    const Result<> read = check(ext2fs_dir_iterate(volume().library(), number_, 0, nullptr, take, this));
    if (!read) {
        order_.clear();
        entries_.clear();
        return read;
    }
    is_loaded_ = true;
    return {};
}

Result<Directory::Entry> Directory::entry(std::string_view name) {
    TRY(load());
    const auto found = entries_.find(name);
    if (found == entries_.end()) return fail(Error::NotFound);
    return found->second;
}

Result<std::shared_ptr<Node>> Directory::node_of(std::string_view name, const Entry& entry) {
    std::shared_ptr<Node> node = TRY(ext4().node(entry.number));
    if (node.get() != this) node->named(self(), name);
    return node;
}

Result<NodeRef> Directory::lookup(std::string_view name) {
    const Entry found = TRY(entry(name));
    return NodeRef(TRY(node_of(name, found)));
}

void Directory::remember(std::string_view name, InodeNumber number, Kind kind) {
    const uint64_t cookie = next_cookie_++;
    const auto [position, is_new] = entries_.emplace(name, Entry{.number = number, .kind = kind, .cookie = cookie});
    if (is_new) order_.emplace(cookie, position);
}

void Directory::forget(std::string_view name) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    order_.erase(found->second.cookie);
    entries_.erase(found);
}

template <class Operation>
Result<> Directory::with_room(Operation operation) {
    errcode_t code = operation();
    if (code == EXT2_ET_DIR_NO_SPACE) {
        TRY(check(ext2fs_expand_dir(volume().library(), number_)));
        code = operation();
    }
    return check(code);
}

Result<> Directory::add_entry(std::string_view name, InodeNumber number, Kind kind) {
    const std::string text(name);
    return with_room([&] { return ext2fs_link(volume().library(), number_, text.c_str(), number, type_of(kind)); });
}

Result<> Directory::remove_entry(std::string_view name, InodeNumber number) {
    return check(ext2fs_unlink(volume().library(), number_, std::string(name).c_str(), number, 0));
}

Result<> Directory::replace_entry(std::string_view name, InodeNumber number, Kind kind) {
    Replacement wanted{.name = name, .number = number, .type = type_of(kind)};
    TRY(check(ext2fs_dir_iterate(volume().library(), number_, 0, nullptr, replace_one, &wanted)));
    if (!wanted.done) return fail(Error::IoError);
    return {};
}

/// After libext2fs changed the directory: its size may have grown.
Result<> Directory::changed() {
    TRY(reload());
    touch_modified();
    return store();
}

Result<InodeNumber> Directory::make(std::string_view name, const NewNode& node) {
    const ext2_filsys library = volume().library();
    const std::string text(name), target(node.target);
    if (node.kind == Kind::Directory || node.kind == Kind::SymbolicLink) {
        TRY(with_room([&] {
            return node.kind == Kind::Directory ? ext2fs_mkdir(library, number_, 0, text.c_str())
                                                : ext2fs_symlink(library, number_, 0, text.c_str(), target.c_str());
        }));
        InodeNumber number = 0;
        TRY(check(ext2fs_lookup(library, number_, text.c_str(), static_cast<int>(text.size()), nullptr, &number)));
        return number;
    }
    Inode inode{};
    const InodeNumber number = TRY(volume().make_inode(number_, file_server::type_bits(node.kind), inode));
    inode.i_links_count = 1;
    if (node.kind == Kind::CharacterDevice || node.kind == Kind::BlockDevice)
        inode.i_block[node.special_device >> 16 == 0 ? 0 : 1] = static_cast<uint32_t>(node.special_device);
    Result<> done = volume().write_inode(number, inode);
    if (done) done = add_entry(name, number, node.kind);
    if (!done) {
        (void)volume().free_inode(number, inode, false);
        return fail(done.error());
    }
    return number;
}

Result<NodeRef> Directory::create(std::string_view name, const NewNode& node) {
    if (removed()) return fail(Error::NotFound);
    if (name.empty() || name.size() > file::kNameBytesMax) return fail(Error::NameTooLong);
    if (entry(name)) return fail(Error::Exists);
    TRY(load());
    TRY(volume().begin());
    const InodeNumber number = TRY(make(name, node));
    Inode inode{};
    TRY(volume().read_inode(number, inode));
    inode.i_mode = static_cast<uint16_t>(file_server::type_bits(node.kind) | (node.mode & file_server::kPermissionBits));
    if ((inode_.i_mode & 02000) != 0) {  // a set-group-id directory hands on its group, and to directories also the bit
        inode.i_gid = inode_.i_gid;
        inode.osd2.linux2.l_i_gid_high = inode_.osd2.linux2.l_i_gid_high;
        if (node.kind == Kind::Directory) inode.i_mode |= 02000;
    }
    inode.i_extra_isize = sizeof(Inode) - EXT2_GOOD_OLD_INODE_SIZE;
    const int64_t now_ns = file_server::realtime_ns();
    set_time(inode.i_atime, inode.i_atime_extra, now_ns);
    set_time(inode.i_mtime, inode.i_mtime_extra, now_ns);
    set_time(inode.i_ctime, inode.i_ctime_extra, now_ns);
    set_time(inode.i_crtime, inode.i_crtime_extra, now_ns);
    TRY(volume().write_inode(number, inode));
    TRY(changed());
    remember(name, number, node.kind);
    return NodeRef(TRY(node_of(name, entries_.find(name)->second)));
}

Result<> Directory::link(std::string_view name, file_server::Node& node) {
    auto& linked = static_cast<Node&>(node);  // the name space checked that it is of this file system
    if (removed() || linked.removed()) return fail(Error::NotFound);
    if (name.empty() || name.size() > file::kNameBytesMax) return fail(Error::NameTooLong);
    if (entry(name)) return fail(Error::Exists);
    TRY(load());
    if (linked.inode().i_links_count >= EXT2_LINK_MAX) return fail(Error::TooManyLinks);
    TRY(volume().begin());
    TRY(add_entry(name, linked.number(), linked.kind()));
    TRY(linked.add_links(1, true));
    TRY(changed());
    remember(name, linked.number(), linked.kind());
    linked.named(self(), name);
    return {};
}

Result<bool> Directory::is_empty() {
    TRY(load());
    return entries_.empty();
}

Result<> Directory::remove(std::string_view name) {
    const Entry found = TRY(entry(name));
    std::shared_ptr<Node> node = TRY(node_of(name, found));
    if (node->is_directory() && !TRY(static_cast<Directory&>(*node).is_empty())) return fail(Error::NotEmpty);
    TRY(volume().begin());
    TRY(remove_entry(name, found.number));
    forget(name);
    return unlink(name, std::move(node));
}

/// The entry is gone, or now another's.
Result<> Directory::unlink(std::string_view name, std::shared_ptr<Node> gone) {
    TRY(reload());
    if (gone->is_directory()) --inode_.i_links_count;  // its ".."
    touch_modified();
    TRY(store());
    gone->unnamed(*this, name);
    const bool is_used = ext4().is_used(gone);
    return gone->add_links(gone->is_directory() ? -2 : -1, is_used);
}

Result<> Directory::list(uint64_t cookie, const file_server::TakeEntry& take) {
    TRY(load());
    if (cookie < 1 && !take({.name = ".", .inode = number_, .cookie = 1, .kind = Kind::Directory})) return {};
    if (cookie < 2) {
        const Result<NodeRef> above = parent();
        const uint64_t inode = above && *above ? static_cast<Node&>(**above).number() : number_;
        if (!take({.name = "..", .inode = inode, .cookie = 2, .kind = Kind::Directory})) return {};
    }
    for (auto next = order_.upper_bound(cookie); next != order_.end(); ++next) {
        const auto& [name, listed] = *next->second;
        if (!take({.name = name, .inode = listed.number, .cookie = next->first, .kind = listed.kind})) return {};
    }
    return {};
}

Result<> Directory::move(Directory& from, std::string_view old_name, Directory& to, std::string_view new_name, bool exchange) {
    const Entry moved = TRY(from.entry(old_name));
    const Result<Entry> replaced = to.entry(new_name);
    if (!replaced && replaced.error() != Error::NotFound) return fail(replaced.error());
    if (replaced && replaced->number == moved.number) return {};  // two names of one file: rename(2) does nothing
    const std::shared_ptr<Node> node = TRY(from.node_of(old_name, moved));
    std::shared_ptr<Node> other;
    if (replaced) other = TRY(to.node_of(new_name, *replaced));
    if (other && !exchange) {
        if (node->is_directory() && !other->is_directory()) return fail(Error::NotDirectory);
        if (!node->is_directory() && other->is_directory()) return fail(Error::IsDirectory);
        if (other->is_directory() && !TRY(static_cast<Directory&>(*other).is_empty())) return fail(Error::NotEmpty);
    }
    TRY(from.volume().begin());
    // The new name first: what fails for want of room has changed nothing.
    if (other)
        TRY(to.replace_entry(new_name, moved.number, node->kind()));
    else
        TRY(to.add_entry(new_name, moved.number, node->kind()));
    if (exchange)
        TRY(from.replace_entry(old_name, replaced->number, other->kind()));
    else
        TRY(from.remove_entry(old_name, moved.number));
    from.forget(old_name);
    to.forget(new_name);
    to.remember(new_name, moved.number, node->kind());
    node->named(to.self(), new_name);
    if (exchange) {
        from.remember(old_name, replaced->number, other->kind());
        other->named(from.self(), old_name);
    }
    const auto went = [](Node& gone, Directory& before, Directory& now) -> Result<> {
        if (!gone.is_directory() || &before == &now) return {};
        TRY(static_cast<Directory&>(gone).replace_entry("..", now.number_, Kind::Directory));
        TRY(before.add_links(-1, true));
        return now.add_links(1, true);
    };
    TRY(from.changed());
    if (&from != &to) TRY(to.changed());
    TRY(went(*node, from, to));
    if (exchange) TRY(went(*other, to, from));
    TRY(node->add_links(0, true));  // its change time
    if (other && !exchange) return to.unlink(new_name, std::move(other));
    return {};
}

}  // namespace portico::ext4
