#pragma once

#include <map>

#include "servers/ext4/node.h"

namespace portico::ext4 {

/// A directory. Its entries are read once and then kept while the node is: lookups need no disk.
class Directory final : public Node {
public:
    using Node::Node;

    Result<NodeRef> lookup(std::string_view name) override;
    Result<NodeRef> create(std::string_view name, const NewNode& node) override;
    Result<> link(std::string_view name, file_server::Node& node) override;
    Result<> remove(std::string_view name) override;
    Result<> list(uint64_t cookie, const file_server::TakeEntry& take) override;

    /// For renames: all but the checks of the name space.
    static Result<> move(Directory& from, std::string_view old_name, Directory& to, std::string_view new_name, bool exchange);
    Result<bool> is_empty();

private:
    struct Entry {
        InodeNumber number = 0;
        Kind kind = Kind::None;
        uint64_t cookie = 0;
    };
    using Entries = std::map<std::string, Entry, std::less<>>;

    std::shared_ptr<Directory> self() { return std::static_pointer_cast<Directory>(shared_from_this()); }
    Result<> load();
    Result<Entry> entry(std::string_view name);
    Result<std::shared_ptr<Node>> node_of(std::string_view name, const Entry& entry);
    void remember(std::string_view name, InodeNumber number, Kind kind);
    void forget(std::string_view name);

    // On the disk alone.
    Result<> add_entry(std::string_view name, InodeNumber number, Kind kind);
    Result<> remove_entry(std::string_view name, InodeNumber number);
    Result<> replace_entry(std::string_view name, InodeNumber number, Kind kind);
    /// Retries what found no room in the directory after giving it some.
    template <class Operation>
    Result<> with_room(Operation operation);
    Result<InodeNumber> make(std::string_view name, const NewNode& node);
    Result<> changed();
    Result<> unlink(std::string_view name, std::shared_ptr<Node> gone);

    Entries entries_;
    std::map<uint64_t, Entries::const_iterator> order_;  // by cookie
    uint64_t next_cookie_ = 3;
    bool is_loaded_ = false;
};

}  // namespace portico::ext4
