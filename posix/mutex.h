#pragma once

#include <atomic>
#include <cstdint>

#include "runtime/native.h"

#define PORTICO_ATTRIBUTE(x) __attribute__((x))
#define CAPABILITY(name) PORTICO_ATTRIBUTE(capability(name))
#define SCOPED_CAPABILITY PORTICO_ATTRIBUTE(scoped_lockable)
#define GUARDED_BY(lock) PORTICO_ATTRIBUTE(guarded_by(lock))
#define REQUIRES(...) PORTICO_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) PORTICO_ATTRIBUTE(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) PORTICO_ATTRIBUTE(acquire_capability(__VA_ARGS__))
#define RELEASE(...) PORTICO_ATTRIBUTE(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS PORTICO_ATTRIBUTE(no_thread_safety_analysis)

namespace portico::posix {

/// A futex mutex between the threads of one address space: not recursive, not fair, all zero when free.
///
/// Blocking: only for another holder. Never hold one over a call that can wait for another process, but for calls to the
/// process server, which answers at once. A holder is never diverted to program code: alerts only set Thread::pending.
class CAPABILITY("mutex") Mutex {
public:
    constexpr Mutex() = default;
    /// A copy of an object that holds a mutex starts with a free one.
    constexpr Mutex(const Mutex&) {}
    constexpr Mutex& operator=(const Mutex&) { return *this; }

    void lock() ACQUIRE() {
        uint32_t expected = kFree;
        if (state_.compare_exchange_strong(expected, kHeld, std::memory_order_acquire)) return;
        while (state_.exchange(kContended, std::memory_order_acquire) != kFree)
            (void)native::call(abi::FutexWait{address(), kContended, abi::kForever, 0, 0xFFFF'FFFF});
    }

    void unlock() RELEASE() {
        if (state_.exchange(kFree, std::memory_order_release) == kContended)
            (void)native::call(abi::FutexWake{address(), 1, 0, 0xFFFF'FFFF});
    }

    /// In a fork's only thread: whoever held it is not here.
    void reset_after_fork() { state_.store(kFree, std::memory_order_relaxed); }

private:
    static constexpr uint32_t kFree = 0, kHeld = 1, kContended = 2;
    uint64_t address() const { return reinterpret_cast<uint64_t>(&state_); }

    std::atomic<uint32_t> state_{kFree};
};

class SCOPED_CAPABILITY MutexGuard {
public:
    explicit MutexGuard(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
    ~MutexGuard() RELEASE() { mutex_.unlock(); }
    MutexGuard(const MutexGuard&) = delete;
    MutexGuard& operator=(const MutexGuard&) = delete;

private:
    Mutex& mutex_;
};

}  // namespace portico::posix
