#pragma once

#include <cstdint>
#include <span>

#include "abi/boot_block.h"
#include "libs/result.h"
#include "posix/files/descriptor.h"
#include "posix/mutex.h"

namespace portico::posix {

/// A process's descriptors: number -> Descriptor. A number is first reserved, then filled, so a call that cannot get one
/// fails before it has done anything, and no other thread sees a number without an object behind it.
///
/// Ownership: a filled slot owns its handle; take() and replace() hand it to the caller, who closes it outside the lock. A vfork
///            child fills a table of its own with copy_from: handle values mean the same in its cloned handle table.
///            So destroying a table frees only its memory and closes nothing.
/// Locks:     mutex_ only; the holder calls nothing but the page allocator.
/// Bound:     grows to the limit given to reserve() and replace() (Process::file_limit), at most kDescriptorsMax; never shrinks.
class DescriptorTable {
public:
    static constexpr uint32_t kDescriptorsMax = 1u << 19;  // half of what a handle table holds

    DescriptorTable() = default;
    ~DescriptorTable() { release_storage(); }
    DescriptorTable(const DescriptorTable&) = delete;
    DescriptorTable& operator=(const DescriptorTable&) = delete;

    /// Errors: BadHandle (not open).
    Result<Descriptor> get(int64_t number) const;
    /// The same for who is in a hurry: false if it is not open.
    bool look_up(int32_t number, Descriptor& to) const {
        const MutexGuard guard(mutex_);
        if (static_cast<uint32_t>(number) >= slot_count_ || slots_[number].state != State::Filled) return false;
        to = slots_[number].descriptor;
        return true;
    }

    /// The lowest free number from `minimum` on, below `limit`. Errors: NoSpace (the limit: EMFILE), NoMemory.
    Result<int32_t> reserve(uint64_t minimum, uint64_t limit);
    void fill(int32_t number, const Descriptor& descriptor);  ///< a reserved number becomes visible
    void cancel(int32_t number);                              ///< gives a reserved number back

    /// Puts a descriptor at a number and returns the handle that was there, or none, for the caller to close.
    /// Errors: BadHandle (not below the limit), Busy (another thread has it reserved), NoMemory.
    Result<Descriptor> replace(int64_t number, const Descriptor& descriptor, uint64_t limit);

    /// Removes a descriptor; the handle is the caller's. Errors: BadHandle.
    Result<Descriptor> take(int64_t number);

    /// Removes descriptors numbered `first` to `last`, as many as `taken` holds; returns how many. 0: there are none (left).
    uint32_t take_range(uint64_t first, uint64_t last, std::span<Descriptor> taken);

    Result<> set_close_on_exec(int64_t number, bool close_on_exec);
    void set_close_on_exec_range(uint64_t first, uint64_t last);

    /// Keeps what was learned about an object, unless the number stands for another one by now.
    void note_terminal(int64_t number, abi::Handle handle, TerminalHint hint);

    /// Calls `visit(number, descriptor)` for every descriptor in order of number; the lock is held meanwhile.
    template <class Visit>
    void for_each(Visit&& visit) const {
        const MutexGuard guard(mutex_);
        for (uint32_t number = 0; number < filled_end_; ++number)
            if (slots_[number].state == State::Filled) visit(static_cast<int32_t>(number), slots_[number].descriptor);
    }

    /// For execve: all descriptors in order of number, as many as `records` holds; returns how many there are.
    uint32_t count() const { return list({}); }
    uint32_t list(std::span<abi::BootDescriptor> records) const;
    /// At start, for each descriptor of the boot block. Errors: InvalidArgument (number taken or too large), NoMemory.
    Result<> install(const abi::BootDescriptor& record);
    void close_marked();  ///< at start: closes those with close-on-exec

    /// Makes this (empty) table a copy of another's descriptors; reservations are not copied. Errors: NoMemory.
    Result<> copy_from(const DescriptorTable& other);

    void release_storage();  ///< forgets all without closing anything

    /// Around process_clone, so that the child's copy is consistent: the parent locks before and unlocks after; the
    /// child, which has one thread, drops what its parent's other threads had reserved and unlocks.
    void before_fork() NO_THREAD_SAFETY_ANALYSIS { mutex_.lock(); }
    void after_fork_in_parent() NO_THREAD_SAFETY_ANALYSIS { mutex_.unlock(); }
    void after_fork_in_child() NO_THREAD_SAFETY_ANALYSIS;

private:
    enum class State : uint8_t { Free, Reserved, Filled };
    struct Slot {
        Descriptor descriptor;
        State state;
    };

    Slot* filled_locked(int64_t number) const REQUIRES(mutex_);
    void fill_locked(uint64_t number, const Descriptor& descriptor) REQUIRES(mutex_);
    void free_locked(uint64_t number) REQUIRES(mutex_);
    Result<> grow_locked(uint64_t slots_needed) REQUIRES(mutex_);

    mutable Mutex mutex_;
    Slot* slots_ GUARDED_BY(mutex_) = nullptr;
    uint32_t slot_count_ GUARDED_BY(mutex_) = 0;
    uint32_t filled_end_ GUARDED_BY(mutex_) = 0;   // no slot from it on was ever filled
    uint32_t lowest_free_ GUARDED_BY(mutex_) = 0;  // no slot below it is free
};

}  // namespace portico::posix
