#include "servers/ninep/directory.h"

#include "servers/ninep/file.h"
#include "servers/ninep/file_system.h"

namespace portico::ninep {
namespace {

constexpr uint32_t kDirectoryOnly = 0200000;  // O_DIRECTORY, and to read

Kind kind_of_entry(uint8_t type) {
    return file_server::kind_of_mode(static_cast<uint32_t>(type) << 12);  // DT_ values are those of modes
}

/// A name that a path could have. The host may say anything.
bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= file::kNameBytesMax && name != "." && name != ".." && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

}  // namespace

Result<std::shared_ptr<Node>> Directory::find(std::string_view name) {
    if (removed()) return fail(Error::NotFound);
    return ninep().repeat([&](bool) -> Result<std::shared_ptr<Node>> {
        Qid qid;
        const Fid directory = TRY(ninep().fid_of(*this));
        OwnedFid fid = TRY(ninep().session().walk(directory, name, qid));
        const HostAttributes attributes = TRY(ninep().session().attributes(fid.get()));
        return ninep().node(self(), name, std::move(fid), attributes);
    });
}

Result<file_server::NodeRef> Directory::lookup(std::string_view name) {
    return file_server::NodeRef(TRY(find(name)));
}

bool Directory::is_at(std::string_view name, uint64_t number) {
    const Result<std::shared_ptr<Node>> there = find(name);
    return there && (*there)->number() == number;
}

Result<file_server::NodeRef> Directory::create(std::string_view name, const file_server::NewNode& node) {
    if (ninep().read_only()) return fail(Error::ReadOnly);
    if (removed()) return fail(Error::NotFound);
    outdated();
    if (node.kind == Kind::File) return file_server::NodeRef(TRY(make_file(name, node.mode)));
    TRY(make(name, node));
    return lookup(name);
}

Result<> Directory::make(std::string_view name, const file_server::NewNode& node) {
    return ninep().repeat([&](bool maybe_done) -> Result<> {
        Session& session = ninep().session();
        const Fid directory = TRY(ninep().fid_of(*this));
        Result<> made = fail(Error::AccessDenied);  // device nodes: nobody wants the guest to make some on the host
        if (node.kind == Kind::Directory)
            made = session.make_directory(directory, name, node.mode);
        else if (node.kind == Kind::SymbolicLink)
            made = session.make_link(directory, name, node.target);
        else if (node.kind == Kind::Fifo || node.kind == Kind::Socket)
            made = session.make_node(directory, name, file_server::type_bits(node.kind) | node.mode);
        // Ours or somebody's who was faster: that cannot be told.
        if (!made && made.error() == Error::Exists && maybe_done) return fail(Error::IoError);
        return made;
    });
}

/// With a fid that may write, whatever the file's mode is.
Result<std::shared_ptr<Node>> Directory::make_file(std::string_view name, uint32_t mode) {
    constexpr uint32_t kNewAndBoth = file::kReadWrite | file::kCreate | file::kExclusive;
    return ninep().repeat([&](bool maybe_done) -> Result<std::shared_ptr<Node>> {
        Qid qid;
        const Fid directory = TRY(ninep().fid_of(*this));
        OwnedFid open = TRY(ninep().session().walk(directory, {}, qid));
        const Result<> made = ninep().session().create(open.get(), name, kNewAndBoth, mode & file_server::kPermissionBits);
        if (!made && made.error() == Error::Exists && maybe_done) return fail(Error::IoError);
        TRY(made);
        std::shared_ptr<Node> node = TRY(find(name));
        if (node->kind() != Kind::File) return fail(Error::IoError);
        static_cast<File&>(*node).created(std::move(open));
        return node;
    });
}

Result<> Directory::link(std::string_view name, file_server::Node& node) {
    if (ninep().read_only()) return fail(Error::ReadOnly);
    auto& linked = static_cast<Node&>(node);  // the name space checked that it is of this file system
    if (removed() || linked.removed()) return fail(Error::NotFound);
    outdated();
    linked.outdated();
    return ninep().repeat([&](bool maybe_done) -> Result<> {
        const Fid directory = TRY(ninep().fid_of(*this));
        const Result<> made = ninep().session().link(directory, TRY(ninep().fid_of(linked)), name);
        if (!made && made.error() == Error::Exists && maybe_done && is_at(name, linked.number())) return {};
        return made;
    });
}

Result<> Directory::remove(std::string_view name) {
    if (ninep().read_only()) return fail(Error::ReadOnly);
    const std::shared_ptr<Node> gone = TRY(find(name));
    TRY(gone->keep_open());
    TRY(ninep().repeat([&](bool maybe_done) -> Result<> {
        const uint32_t flags = gone->is_directory() ? kRemoveDirectory : 0;
        const Result<> removed = ninep().session().unlink(TRY(ninep().fid_of(*this)), name, flags);
        if (!removed && removed.error() == Error::NotFound && maybe_done) return {};
        return removed;
    }));
    outdated();
    forget_entry(name);
    gone->unnamed(*this, name);
    return {};
}

Result<> Directory::move(Directory& from, std::string_view old_name, Directory& to, std::string_view new_name) {
    FileSystem& file_system = from.ninep();
    const std::shared_ptr<Node> moved = TRY(from.find(old_name));
    const Result<std::shared_ptr<Node>> replaced = to.find(new_name);
    if (!replaced && replaced.error() != Error::NotFound) return fail(replaced.error());
    if (replaced && *replaced == moved) return {};  // two names of one file: rename(2) does nothing
    if (replaced) TRY((*replaced)->keep_open());
    moved->named(from.self(), old_name);
    TRY(file_system.repeat([&](bool maybe_done) -> Result<> {
        const Fid old_directory = TRY(file_system.fid_of(from));
        const Result<> done = file_system.session().rename(old_directory, old_name, TRY(file_system.fid_of(to)), new_name);
        if (!done && done.error() == Error::NotFound && maybe_done && to.is_at(new_name, moved->number())) return {};
        return done;
    }));
    from.outdated();
    to.outdated();
    from.forget_entry(old_name);
    if (replaced) (*replaced)->unnamed(to, new_name);
    moved->named(to.self(), new_name);
    moved->outdated();
    return {};
}

void Directory::forget_entry(std::string_view name) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) return;
    order_.erase(found->second.cookie);
    entries_.erase(found);
}

Result<> Directory::read_entries() {
    ++round_;
    TRY(ninep().repeat([&](bool) -> Result<> { return take_all(); }));
    for (auto entry = entries_.begin(); entry != entries_.end();) {
        const auto next = std::next(entry);
        if (entry->second.round != round_) {
            order_.erase(entry->second.cookie);
            entries_.erase(entry);
        }
        entry = next;
    }
    return {};
}

/// In one go: the host's own places in a directory do not always survive changes.
Result<> Directory::take_all() {
    Session& session = ninep().session();
    Qid qid;
    const Fid directory = TRY(ninep().fid_of(*this));
    const OwnedFid open = TRY(session.walk(directory, {}, qid));
    TRY(session.open(open.get(), kDirectoryOnly));
    uint64_t offset = 0;
    for (size_t told = 0;;) {
        const std::vector<Session::Entry> some = TRY(session.list(open.get(), offset));
        if (some.empty()) return {};
        told += some.size();
        if (told > kEntriesMax) return fail(Error::TooLarge);
        for (const Session::Entry& each : some) {
            if (!is_name(each.name)) continue;
            const auto [at, is_new] = entries_.try_emplace(each.name);
            Entry& entry = at->second;
            if (is_new) {
                entry.cookie = next_cookie_++;
                order_.emplace(entry.cookie, at);
            }
            entry.inode = each.inode;
            entry.kind = kind_of_entry(each.type);
            entry.round = round_;
        }
        offset = some.back().offset;
    }
}

Result<> Directory::list(uint64_t cookie, const file_server::TakeEntry& take) {
    if (cookie == 0 || round_ == 0)
        if (!removed()) TRY(read_entries());
    if (cookie < 1 && !take({.name = ".", .inode = number(), .cookie = 1, .kind = Kind::Directory})) return {};
    if (cookie < 2) {
        const Result<file_server::NodeRef> above = parent();
        const uint64_t inode = above && *above ? static_cast<Node&>(**above).number() : number();
        if (!take({.name = "..", .inode = inode, .cookie = 2, .kind = Kind::Directory})) return {};
    }
    for (auto next = order_.upper_bound(cookie); next != order_.end(); ++next) {
        const auto& [name, listed] = *next->second;
        if (!take({.name = name, .inode = listed.inode, .cookie = next->first, .kind = listed.kind})) return {};
    }
    return {};
}

}  // namespace portico::ninep
