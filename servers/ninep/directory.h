#pragma once

#include <map>

#include "servers/ninep/node.h"

namespace portico::ninep {

/// A directory of the host. Names are always asked for; what a listing told is kept so that it can go on, by cookies that stay right
/// whatever comes and goes meanwhile.
///
/// Bound: kEntriesMax names in a listing.
class Directory final : public Node {
public:
    using Node::Node;

    Result<file_server::NodeRef> lookup(std::string_view name) override;
    Result<file_server::NodeRef> create(std::string_view name, const file_server::NewNode& node) override;
    Result<> link(std::string_view name, file_server::Node& node) override;
    Result<> remove(std::string_view name) override;
    Result<> list(uint64_t cookie, const file_server::TakeEntry& take) override;

    Result<std::shared_ptr<Node>> find(std::string_view name);
    /// For renames: all but the checks of the name space.
    static Result<> move(Directory& from, std::string_view old_name, Directory& to, std::string_view new_name);

private:
    static constexpr size_t kEntriesMax = 1 << 18;
    struct Entry {
        uint64_t inode = 0, cookie = 0;
        Kind kind = Kind::None;
        uint64_t round = 0;  ///< of the listing that told it last
    };
    using Entries = std::map<std::string, Entry, std::less<>>;

    std::shared_ptr<Directory> self() { return std::static_pointer_cast<Directory>(shared_from_this()); }
    Result<> make(std::string_view name, const file_server::NewNode& node);
    Result<std::shared_ptr<Node>> make_file(std::string_view name, uint32_t mode);
    /// Whether what a name stands for is this file: an order may have been carried out though no answer came.
    bool is_at(std::string_view name, uint64_t number);
    Result<> read_entries();
    Result<> take_all();
    void forget_entry(std::string_view name);

    Entries entries_;
    std::map<uint64_t, Entries::const_iterator> order_;  // by cookie
    uint64_t next_cookie_ = 3, round_ = 0;
};

}  // namespace portico::ninep
