#pragma once

#include <unordered_map>
#include <vector>

#include "servers/file/name_hash.h"
#include "servers/file/tmp_node.h"

namespace portico::file_server {

/// A directory of a tmpfs.
///
/// Listing: each entry gets the next number of a counter that never goes back; a listing goes on behind a number. So entries
///          that stay are told exactly once, whatever is added and removed meanwhile. "." is 1 and ".." is 2.
class TmpDirectory final : public TmpNode {
public:
    TmpDirectory(TmpFileSystem& file_system, const NewNode& node);

    Result<NodeRef> lookup(std::string_view name) override;
    Result<NodeRef> create(std::string_view name, const NewNode& node) override;
    Result<NodeRef> create_unnamed(const NewNode& node) override;
    Result<> link(std::string_view name, Node& node) override;
    Result<> remove(std::string_view name) override;
    Result<> list(uint64_t cookie, const TakeEntry& take) override;

    bool empty() const { return entries_.empty(); }

    /// The steps of a rename, which checked before that they fit: none can fail.
    TmpNode* entry(std::string_view name);
    void insert(std::string_view name, std::shared_ptr<TmpNode> node);
    std::shared_ptr<TmpNode> take_out(std::string_view name);

private:
    struct Entry {
        std::shared_ptr<TmpNode> node;
        uint64_t cookie = 0;
    };
    using Entries = std::unordered_map<std::string, Entry, NameHash, std::equal_to<>>;
    struct Listed {
        uint64_t cookie;
        const Entries::value_type* entry;  // which stays where it is; null: it was removed
    };
    using Order = std::vector<Listed>;

    TmpFileSystem& tmp() const;
    std::shared_ptr<TmpDirectory> self() { return std::static_pointer_cast<TmpDirectory>(shared_from_this()); }

    Order::iterator first_behind(uint64_t cookie);
    void forget_place(uint64_t cookie);

    Entries entries_;
    Order order_;  // by cookie; removed ones are dropped when there are more of them than others
    size_t removed_in_order_ = 0;
    uint64_t next_cookie_ = 3;
};

}  // namespace portico::file_server
