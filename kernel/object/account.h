#pragma once

#include "kernel/object/object.h"
#include "libs/result.h"

namespace portico::kernel {

class Sender;

/// A budget of kernel memory, in a tree: what a child uses, its parents use too. Everything the kernel allocates is charged.
///
/// Ownership: children and objects refer to it; charges keep it alive after its last reference. It refers to the sender of its watch until
///            that is told or its last handle goes.
class Account final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Account;

    /// `kept_free_pages`: it and those below it fail to get a frame when no more than so many are free; at least its parent's.
    Account(Account* parent, uint64_t limit_bytes, uint64_t kept_free_pages = 0);
    ~Account() override;

    /// Errors: NoMemory if this account or one above it would pass its limit.
    Result<> charge(uint64_t bytes) { return charge_below(nullptr, bytes); }
    void refund(uint64_t bytes) { refund_below(nullptr, bytes); }
    /// The same for the accounts below `end` only. What goes over from one account to another is charged to this one and refunded by that
    /// one below the first account that both use: that and those above it see no difference, not even for a moment.
    Result<> charge_below(const Account* end, uint64_t bytes);
    void refund_below(const Account* end, uint64_t bytes);
    /// Null if there is none.
    static const Account* first_common(const Account& one, const Account& other);
    void count_object(int64_t change);

    /// With a limit below what is used nothing more can be charged until enough is refunded.
    void set_limit(uint64_t bytes);
    /// Once, when more than so much is used or a charge is refused here: raises bits on a sender, at the end of the kernel entry.
    void watch(Ref<Sender> sender, uint64_t bits, uint64_t used_bytes);

    uint64_t limit_bytes() const { return limit_bytes_; }
    uint64_t used_bytes() const { return used_bytes_; }
    uint64_t peak_bytes() const { return peak_bytes_; }
    uint64_t object_count() const { return object_count_; }
    uint64_t refused_count() const { return refused_count_; }
    uint64_t kept_free_pages() const { return kept_free_pages_; }

private:
    void doom() override;
    void on_unreachable() override;
    void on_end() override;
    bool may_pass_mark(uint64_t bytes);

    Ref<Account> parent_;
    uint64_t mark_bytes_;  ///< what a charge may come to before anything happens: the limit, or less if somebody watches
    uint64_t limit_bytes_;
    uint64_t used_bytes_ = 0;
    uint64_t peak_bytes_ = 0;
    uint64_t object_count_ = 0;
    uint64_t refused_count_ = 0;
    uint64_t kept_free_pages_;
    Ref<Sender> watcher_;
    uint64_t watch_bits_ = 0;
    uint32_t depth_ = 0;  ///< accounts above it
    bool unreferenced_ = false;
};

}  // namespace portico::kernel
