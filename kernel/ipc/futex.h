#pragma once

#include "kernel/sched/thread.h"
#include "libs/result.h"

namespace portico::kernel {

/// Waiting on words of user memory, as futex(2): the kernel keeps only who waits where, in a fixed table of lists.
/// A word is named by its address space and address, or, when shared, by its memory object and the offset in it.
struct FutexKey {
    uint64_t space = 0;
    uint64_t offset = 0;
    bool operator==(const FutexKey&) const = default;
};

/// Errors: InvalidArgument (alignment), BadAddress.
Result<FutexKey> futex_key(Thread& caller, uint64_t address, bool shared);

/// Blocks the caller if the word has the value. Errors: BadAddress, WouldBlock.
Result<> futex_wait(Thread& caller, const FutexKey& key, uint64_t address, uint32_t expected, uint32_t mask, uint64_t deadline_ns);
uint64_t futex_wake(const FutexKey& key, uint64_t count, uint32_t mask);
uint64_t futex_move(const FutexKey& key, const FutexKey& target, uint64_t count);

}  // namespace portico::kernel
