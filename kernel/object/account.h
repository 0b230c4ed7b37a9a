#pragma once

#include "kernel/object/object.h"
#include "libs/result.h"

namespace portico::kernel {

/// A budget of kernel memory, in a tree: what a child uses, its parents use too. Everything the kernel allocates is charged.
///
/// Ownership: children and objects refer to it; charges keep it alive after its last reference.
class Account final : public Object {
public:
    static constexpr ObjectType kType = ObjectType::Account;

    Account(Account* parent, uint64_t limit_bytes);
    ~Account() override;

    /// Errors: NoMemory if this account or one above it would pass its limit.
    Result<> charge(uint64_t bytes);
    void refund(uint64_t bytes);
    void count_object(int64_t change);

    uint64_t limit_bytes() const { return limit_bytes_; }
    uint64_t used_bytes() const { return used_bytes_; }
    uint64_t peak_bytes() const { return peak_bytes_; }
    uint64_t object_count() const { return object_count_; }

private:
    void doom() override;

    Ref<Account> parent_;
    uint64_t limit_bytes_;
    uint64_t used_bytes_ = 0;
    uint64_t peak_bytes_ = 0;
    uint64_t object_count_ = 0;
    bool unreferenced_ = false;
};

}  // namespace portico::kernel
