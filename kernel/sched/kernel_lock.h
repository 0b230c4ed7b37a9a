#pragma once

#include <atomic>

#include "kernel/arch/arch.h"

namespace portico::kernel {

/// The one lock of the kernel: every entry takes it, acts, and lets it go (docs/decisions/0002-one-kernel-lock.md).
/// Waiting CPUs answer shoot-downs, so its holder may wait for them.
class __attribute__((capability("kernel lock"))) KernelLock {
public:
    void lock() __attribute__((acquire_capability())) {
        if (held_.fetch_or(1, std::memory_order_acquire) & 1) [[unlikely]]
            wait_for_it();
    }
    void unlock() __attribute__((release_capability())) { held_.store(0, std::memory_order_release); }

private:
    [[clang::preserve_most]] void wait_for_it() __attribute__((noinline, cold)) {
        do {
            while (held_.load(std::memory_order_relaxed) != 0) arch::spin_pause();
        } while (held_.fetch_or(1, std::memory_order_acquire) & 1);
    }

    std::atomic<uint32_t> held_{0};  ///< bit 0, which one instruction sets and tests
};

extern KernelLock kernel_lock;

}  // namespace portico::kernel
