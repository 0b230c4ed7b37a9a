#include "servers/file/file_locks.h"

#include <algorithm>

namespace portico::file_server {
namespace {

bool overlap(const FileLock& lock, uint64_t start, uint64_t end) {
    return lock.start < end && start < lock.end;
}

}  // namespace

FileLocks::Waiting::Waiting(FileLocks& locks, const Place& place, const FileLock& wanted) : locks_(locks), place_(place), wanted_(wanted) {
    locks_.waiting_.insert(this);
}

FileLocks::Waiting::~Waiting() {
    locks_.waiting_.erase(this);
}

std::optional<FileLock> FileLocks::conflict(const Place& place, const FileLock& wanted) const {
    const auto found = held_.find(place);
    if (found == held_.end()) return std::nullopt;
    std::optional<FileLock> first;
    for (const FileLock& lock : found->second) {
        if (lock.owner == wanted.owner || !overlap(lock, wanted.start, wanted.end) || !(lock.exclusive || wanted.exclusive)) continue;
        if (!first || lock.start < first->start) first = lock;
    }
    return first;
}

void FileLocks::cut(Held& held, const LockOwner& owner, uint64_t start, uint64_t end) {
    const auto cuts = [&](const FileLock& lock) { return lock.owner == owner && overlap(lock, start, end); };
    if (std::ranges::none_of(held, cuts)) return;
    Held rest;
    for (const FileLock& lock : held) {
        if (!cuts(lock)) {
            rest.push_back(lock);
            continue;
        }
        if (lock.start < start) rest.push_back({.owner = owner, .exclusive = lock.exclusive, .start = lock.start, .end = start});
        if (end < lock.end) rest.push_back({.owner = owner, .exclusive = lock.exclusive, .start = end, .end = lock.end});
    }
    count_ += rest.size() - held.size();
    held = std::move(rest);
}

Result<> FileLocks::set(const Place& place, const FileLock& lock) {
    constexpr size_t kNewMost = 2;  // this one, and one cut in two
    if (count_ + kNewMost > kLocksMax) return fail(Error::NoSpace);
    Held& held = held_[place];
    cut(held, lock.owner, lock.start, lock.end);
    FileLock whole = lock;
    std::erase_if(held, [&](const FileLock& other) {
        const bool joins =
            other.owner == lock.owner && other.exclusive == lock.exclusive && (other.end == whole.start || other.start == whole.end);
        if (joins)
            whole = {.owner = lock.owner,
                     .exclusive = lock.exclusive,
                     .start = std::min(whole.start, other.start),
                     .end = std::max(whole.end, other.end)};
        if (joins) --count_;
        return joins;
    });
    held.push_back(whole);
    ++count_;
    changed(place);  // an exclusive lock may have become a shared one
    return {};
}

Result<> FileLocks::clear(const Place& place, const LockOwner& owner, uint64_t start, uint64_t end) {
    const auto found = held_.find(place);
    if (found == held_.end()) return {};
    if (count_ + 1 > kLocksMax) return fail(Error::NoSpace);
    cut(found->second, owner, start, end);
    if (found->second.empty()) held_.erase(found);
    changed(place);
    return {};
}

void FileLocks::release(const Place& place, const LockOwner& owner) {
    const auto found = held_.find(place);
    if (found == held_.end()) return;
    const size_t gone = std::erase_if(found->second, [&](const FileLock& lock) { return lock.owner == owner; });
    count_ -= gone;
    if (found->second.empty()) held_.erase(found);
    if (gone != 0) changed(place);
}

void FileLocks::release_everywhere(const LockOwner& owner) {
    std::vector<Place> places;
    for (const auto& [place, held] : held_)
        if (std::ranges::any_of(held, [&](const FileLock& lock) { return lock.owner == owner; })) places.push_back(place);
    for (const Place& place : places) release(place, owner);
}

bool FileLocks::holds_any(const LockOwner& owner) const {
    return std::ranges::any_of(held_, [&](const auto& entry) {
        return std::ranges::any_of(entry.second, [&](const FileLock& lock) { return lock.owner == owner; });
    });
}

std::vector<LockOwner> FileLocks::blockers(const Place& place, const FileLock& wanted) const {
    std::vector<LockOwner> owners;
    const auto found = held_.find(place);
    if (found == held_.end()) return owners;
    for (const FileLock& lock : found->second)
        if (lock.owner != wanted.owner && overlap(lock, wanted.start, wanted.end) && (lock.exclusive || wanted.exclusive))
            owners.push_back(lock.owner);
    return owners;
}

bool FileLocks::would_deadlock(const Place& place, const FileLock& wanted) const {
    if (wanted.owner.kind != LockOwner::Kind::Process) return false;  // as Linux: who shares an open file may release it
    std::set<LockOwner> seen;
    std::vector<LockOwner> next = blockers(place, wanted);
    while (!next.empty()) {
        const LockOwner owner = next.back();
        next.pop_back();
        if (owner == wanted.owner) return true;
        if (owner.kind != LockOwner::Kind::Process || !seen.insert(owner).second) continue;
        for (const Waiting* other : waiting_)
            if (other->wanted_.owner == owner) std::ranges::copy(blockers(other->place_, other->wanted_), std::back_inserter(next));
    }
    return false;
}

void FileLocks::changed(const Place& place) {
    std::vector<Waiting*> here;
    for (Waiting* waiting : waiting_)
        if (waiting->place_ == place) here.push_back(waiting);
    for (Waiting* waiting : here)
        if (waiting_.contains(waiting)) waiting->queue().wake_all();  // one that was woken may have ended another
}

}  // namespace portico::file_server
