#pragma once

#include <atomic>

#include "kernel/arch/arch.h"

namespace portico::kernel {

/// The one lock of the kernel: every entry takes it, acts, and lets it go (docs/decisions/0002-one-kernel-lock.md).
/// Waiting CPUs answer shoot-downs, so its holder may wait for them.
class __attribute__((capability("kernel lock"))) KernelLock {
public:
    void lock() __attribute__((acquire_capability())) {
        while (held_.exchange(true, std::memory_order_acquire))
            while (held_.load(std::memory_order_relaxed)) arch::spin_pause();
    }
    void unlock() __attribute__((release_capability())) { held_.store(false, std::memory_order_release); }

private:
    std::atomic<bool> held_{false};
};

extern KernelLock kernel_lock;

}  // namespace portico::kernel
