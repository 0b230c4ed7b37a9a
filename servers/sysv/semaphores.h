#pragma once

#include <list>
#include <span>
#include <unordered_map>
#include <vector>

#include "runtime/task.h"
#include "servers/sysv/identified.h"

namespace portico::sysv_server {

/// struct sembuf.
struct SemaphoreOperation {
    uint16_t index;
    int16_t change;
    int16_t flags;
};
static_assert(sizeof(SemaphoreOperation) == 6);

/// struct semid64_ds.
struct SemaphoreStat {
    Permissions permissions;
    int64_t operated_s = 0, zero = 0, changed_s = 0, zero_too = 0;
    uint64_t count = 0, reserved[2]{};
};
static_assert(sizeof(SemaphoreStat) == 104);

/// A set of semaphores, which are changed together or not at all.
///
/// A handler tries its operations; if they must wait it stands in `waiting` and tries again after each change, in the order in which they
/// came. Locks: none. Bound: kCountMax semaphores; an undo entry for each process and semaphore that asked for it.
class SemaphoreSet {
public:
    static constexpr int32_t kValueMax = 32767;
    static constexpr uint32_t kCountMax = 32000, kOperationsMax = 500;

    explicit SemaphoreSet(uint32_t count) : values_(count) {}

    Permissions permissions;
    int32_t index = 0;
    int64_t operated_s = 0, changed_s = 0;
    bool removed = false;
    ipc::WaitQueue changed;

    uint32_t count() const { return static_cast<uint32_t>(values_.size()); }

    /// What operations would come to; committed once the caller took the reply.
    struct Attempt {
        enum class Outcome : uint8_t { Done, Wait, WouldBlock } outcome = Outcome::Done;
        Trouble trouble = Trouble::None;
        uint16_t blocked_at = 0;  ///< Wait: which semaphore, and whether for zero
        bool for_zero = false;
        std::vector<std::pair<uint16_t, int32_t>> values;  ///< new ones, the last of each counts
    };
    Attempt attempt(std::span<const SemaphoreOperation> operations, int32_t pid) const;
    void commit(std::span<const SemaphoreOperation> operations, const Attempt& attempt, int32_t pid);

    /// Takes back what a process that ended asked to be undone.
    void undo(int32_t pid);

    int32_t value(uint32_t at) const { return values_[at].value; }
    int32_t last_pid(uint32_t at) const { return values_[at].pid; }
    void set_value(uint32_t at, int32_t value, int32_t pid);

    /// Those who wait, for GETNCNT and GETZCNT.
    struct Waiting {
        uint16_t at;
        bool for_zero;
    };
    std::list<Waiting> waiting;

    SemaphoreStat stat() const { return {.permissions = permissions, .operated_s = operated_s, .changed_s = changed_s, .count = count()}; }

private:
    struct Semaphore {
        int32_t value = 0;
        int32_t pid = 0;
    };
    std::vector<Semaphore> values_;
    std::unordered_map<int32_t, std::map<uint16_t, int32_t>> undo_;  // pid → semaphore → what to add at its end
};

}  // namespace portico::sysv_server
