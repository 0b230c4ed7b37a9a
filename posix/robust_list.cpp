#include "posix/robust_list.h"

#include "posix/thread.h"
#include "posix/user_copy.h"
#include "runtime/native.h"

namespace portico::posix {

namespace {

constexpr uint32_t kOwnerMask = 0x3FFF'FFFF, kOwnerDied = 0x4000'0000, kWaiters = 0x8000'0000;
constexpr unsigned kEntriesMax = 2048;

/// struct robust_list_head.
struct RobustHead {
    uint64_t first;
    int64_t futex_offset;
    uint64_t being_locked;
};
static_assert(sizeof(RobustHead) == kRobustHeadBytes);

void mark_dead(uint64_t address, uint32_t tid, bool being_locked) {
    if ((address & 3) != 0) return;
    for (;;) {
        const Result<uint32_t> value = load_user_32(address);
        if (!value) return;
        if (being_locked && *value == 0) break;  // freed but its waiter not woken yet
        if ((*value & kOwnerMask) != tid) return;
        const Result<uint32_t> found = exchange_user_32(address, *value, (*value & kWaiters) | kOwnerDied);
        if (!found) return;
        if (*found != *value) continue;
        if ((*value & kWaiters) == 0) return;
        break;
    }
    (void)native::call(abi::FutexWake{address, 1, 1, 0xFFFF'FFFF});
    (void)native::call(abi::FutexWake{address, 1, 0, 0xFFFF'FFFF});
}

}  // namespace

void walk_robust_list(Thread& thread) {
    const uint64_t head_address = thread.robust_list;
    if (head_address == 0) return;
    thread.robust_list = 0;
    const auto head = read_user<RobustHead>(head_address);
    if (!head) return;
    const auto tid = static_cast<uint32_t>(thread.tid);
    // Bit 0 marks priority-inheritance futexes, which are not supported: their entries are passed over.
    uint64_t entry = head->first;
    for (unsigned count = 0; count < kEntriesMax && (entry & ~uint64_t{1}) != head_address; ++count) {
        const uint64_t address = entry & ~uint64_t{1};
        const auto next = read_user<uint64_t>(address);
        if ((entry & 1) == 0 && address != head->being_locked) mark_dead(address + static_cast<uint64_t>(head->futex_offset), tid, false);
        if (!next) break;
        entry = *next;
    }
    if (head->being_locked != 0 && (head->being_locked & 1) == 0)
        mark_dead(head->being_locked + static_cast<uint64_t>(head->futex_offset), tid, true);
}

}  // namespace portico::posix
