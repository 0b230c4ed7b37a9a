#include "kernel/object/account.h"

#include <algorithm>

#include "kernel/ipc/sender.h"

namespace portico::kernel {

Account::Account(Account* parent, uint64_t limit_bytes, uint64_t kept_free_pages)
    : Object(kType), mark_bytes_(limit_bytes), limit_bytes_(limit_bytes), kept_free_pages_(kept_free_pages) {
    if (parent == nullptr) return;
    parent_ = Ref<Account>(*parent);
    depth_ = parent->depth_ + 1;
    kept_free_pages_ = std::max(kept_free_pages_, parent->kept_free_pages_);
}

Account::~Account() {
    ASSERT(used_bytes_ == 0);
}

Result<> Account::charge_below(const Account* end, uint64_t bytes) {
    for (Account* account = this; account != end; account = account->parent_.get()) {
        const bool passes = account->used_bytes_ > account->mark_bytes_ || bytes > account->mark_bytes_ - account->used_bytes_;
        if (passes && !account->may_pass_mark(bytes)) [[unlikely]] {
            for (Account* undo = this; undo != account; undo = undo->parent_.get()) undo->used_bytes_ -= bytes;
            return fail(Error::NoMemory);
        }
        account->used_bytes_ += bytes;
    }
    for (Account* account = this; account != end; account = account->parent_.get())
        if (account->used_bytes_ > account->peak_bytes_) account->peak_bytes_ = account->used_bytes_;
    return {};
}

/// Tells who watches. Whether the limit allows the charge.
__attribute__((noinline)) bool Account::may_pass_mark(uint64_t bytes) {
    mark_bytes_ = limit_bytes_;
    if (watcher_) later(kEnd);
    const bool allowed = used_bytes_ <= limit_bytes_ && bytes <= limit_bytes_ - used_bytes_;
    if (!allowed) ++refused_count_;
    return allowed;
}

void Account::set_limit(uint64_t bytes) {
    limit_bytes_ = bytes;
    mark_bytes_ = watcher_ ? std::min(mark_bytes_, bytes) : bytes;
}

void Account::watch(Ref<Sender> sender, uint64_t bits, uint64_t used_bytes) {
    watcher_ = std::move(sender);
    watch_bits_ = bits;
    mark_bytes_ = watcher_ ? std::min(used_bytes, limit_bytes_) : limit_bytes_;
    if (watcher_ && used_bytes_ > used_bytes) later(kEnd);
}

void Account::on_end() {
    const Ref<Sender> told = std::move(watcher_);
    if (told) (void)told->notify(watch_bits_);
}

/// Nobody is left to ask for another watch; and who is told may be paid for by this account.
void Account::on_unreachable() {
    watcher_ = nullptr;
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
