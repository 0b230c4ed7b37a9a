#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "libs/result.h"
#include "runtime/task.h"

namespace portico::file_server {

/// Who holds a lock: a process (fcntl), or an open file description (flock, and fcntl's F_OFD_).
struct LockOwner {
    enum class Kind : uint8_t { Process, OpenFile };
    Kind kind;
    uint64_t id;  ///< pid or badge
    auto operator<=>(const LockOwner&) const = default;
};

struct FileLock {
    LockOwner owner;
    bool exclusive;
    uint64_t start, end;  ///< bytes start to end - 1
};

/// flock's locks and fcntl's do not see each other.
enum class LockSpace : uint8_t { Whole, Record };

/// All locks of all files. Pure but for the queues in which requests wait.
///
/// Locks: none, the server is one thread. Bound: kLocksMax locks in all; a file without any takes no memory.
class FileLocks {
public:
    static constexpr size_t kLocksMax = 16384;

    struct Place {
        uint64_t device, inode;
        LockSpace space;
        auto operator<=>(const Place&) const = default;
    };

    /// A lock of another owner that keeps `wanted` from being set.
    std::optional<FileLock> conflict(const Place& place, const FileLock& wanted) const;

    /// Gives the owner this lock, in place of what it holds in the range. There must be no conflict. Errors: NoSpace.
    Result<> set(const Place& place, const FileLock& lock);

    /// Takes what the owner holds in the range.
    Result<> clear(const Place& place, const LockOwner& owner, uint64_t start, uint64_t end);

    /// All that an owner holds, in one place or everywhere.
    void release(const Place& place, const LockOwner& owner);
    void release_everywhere(const LockOwner& owner);

    bool holds_any(const LockOwner& owner) const;

    /// Whether who waits for `wanted` would wait for itself, through processes that wait for others.
    bool would_deadlock(const Place& place, const FileLock& wanted) const;

    /// Where requests for a place wait until something there is released; each must try again then. While it lives a Waiting stands
    /// for a request in the search for deadlocks.
    class Waiting {
    public:
        Waiting(FileLocks& locks, const Place& place, const FileLock& wanted);
        Waiting(const Waiting&) = delete;
        Waiting& operator=(const Waiting&) = delete;
        ~Waiting();
        ipc::WaitQueue& queue() { return released_; }

    private:
        friend class FileLocks;
        FileLocks& locks_;
        Place place_;
        FileLock wanted_;
        ipc::WaitQueue released_;
    };

private:
    using Held = std::vector<FileLock>;  // of one place; those of one owner are ordered and do not overlap

    std::vector<LockOwner> blockers(const Place& place, const FileLock& wanted) const;
    void cut(Held& held, const LockOwner& owner, uint64_t start, uint64_t end);
    void changed(const Place& place);

    std::map<Place, Held> held_;
    std::set<Waiting*> waiting_;
    size_t count_ = 0;
};

}  // namespace portico::file_server
