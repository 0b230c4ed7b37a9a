#include "kernel/object/account.h"

namespace portico::kernel {

Account::Account(Account* parent, uint64_t limit_bytes) : Object(kType), limit_bytes_(limit_bytes) {
    if (parent == nullptr) return;
    parent_ = Ref<Account>(*parent);
    depth_ = parent->depth_ + 1;
}

Account::~Account() {
    ASSERT(used_bytes_ == 0);
}

Result<> Account::charge_below(const Account* end, uint64_t bytes) {
    for (Account* account = this; account != end; account = account->parent_.get()) {
        if (bytes > account->limit_bytes_ - account->used_bytes_) {
            for (Account* undo = this; undo != account; undo = undo->parent_.get()) undo->used_bytes_ -= bytes;
            return fail(Error::NoMemory);
        }
        account->used_bytes_ += bytes;
    }
    for (Account* account = this; account != end; account = account->parent_.get())
        if (account->used_bytes_ > account->peak_bytes_) account->peak_bytes_ = account->used_bytes_;
    return {};
}

void Account::refund_below(const Account* end, uint64_t bytes) {
    for (Account* account = this; account != end;) {
        ASSERT(account->used_bytes_ >= bytes);
        account->used_bytes_ -= bytes;
        Account* parent = account->parent_.get();
        if (account->used_bytes_ == 0 && account->unreferenced_) account->Object::doom();
        account = parent;
    }
}

const Account* Account::first_common(const Account& one, const Account& other) {
    const Account* a = &one;
    const Account* b = &other;
    while (a != b) {
        // The deeper one cannot be above the other; two roots have nothing in common.
        if (a->depth_ >= b->depth_) {
            if (a->depth_ == 0) return nullptr;
            a = a->parent_.get();
        } else {
            b = b->parent_.get();
        }
    }
    return a;
}

void Account::count_object(int64_t change) {
    for (Account* account = this; account != nullptr; account = account->parent_.get())
        account->object_count_ += static_cast<uint64_t>(change);
}

void Account::doom() {
    unreferenced_ = true;
    if (used_bytes_ == 0) Object::doom();
}

}  // namespace portico::kernel
