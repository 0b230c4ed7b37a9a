#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "abi/boot_block.h"
#include "libs/result.h"
#include "posix/files/descriptor_table.h"
#include "posix/mutex.h"
#include "posix/signal_types.h"
#include "protocols/process.h"

namespace portico::posix {

class Thread;
struct Attachment;

inline constexpr unsigned kLimitCount = 16;
inline constexpr unsigned kLimitData = 2, kLimitStack = 3, kLimitCore = 4, kLimitTasks = 6, kLimitFiles = 7, kLimitLocked = 8,
                          kLimitAddressSpace = 9, kLimitMessageQueues = 12, kLimitNice = 13, kLimitRealTime = 14;
inline constexpr uint64_t kLimitInfinity = ~uint64_t{0};

struct Limit {
    uint64_t soft = kLimitInfinity, hard = kLimitInfinity;
};

/// The library's state of one process. A vfork child shares its parent's memory but has a copy of this, with handles that
/// have the same values in its own handle table: so copying and destroying a Process never closes handles.
///
/// Ownership: the first one lies in the library's bss; a vfork child's is made by its parent, who frees it once the
///            child has left their shared memory.
/// Locks:     mutex guards what is marked; the rest is set at start and constant. Order: mutex, descriptors' own, heap.
class Process {
public:
    Mutex mutex;

    abi::RuntimeMode mode = abi::RuntimeMode::Bare;
    int32_t pid = 0;
    abi::Handle process_server;
    abi::Handle pipe_server;
    abi::Handle root_directory;  ///< chroot is not supported, so constant
    abi::Handle runtime_image;
    uint64_t realtime_offset_ns = 0;  ///< CLOCK_REALTIME - CLOCK_MONOTONIC
    int32_t bare_tid_last = 0;        ///< Bare mode: thread ids are counted here, under mutex

    DescriptorTable descriptors;
    /// Settings of prctl, bits of `settings`. Those in kLastOverExec stay over execve.
    static constexpr uint32_t kNoNewPrivileges = 1, kNoLargePages = 2, kLastOverExec = 3, kNotDumpable = 4, kKeepCapabilities = 8;
    std::atomic<uint32_t> settings = 0;
    std::atomic<int32_t> nice = 0;           ///< kept and inherited; the kernel does not know it
    std::atomic<int32_t> record_locker = 0;  ///< the pid once it took a lock by fcntl: a fork's child holds none

    abi::Handle working_directory GUARDED_BY(mutex);  ///< replaced by chdir, the old one closed
    uint32_t umask GUARDED_BY(mutex) = 022;
    std::array<Limit, kLimitCount> limits GUARDED_BY(mutex);
    std::array<SignalAction, kSignalMax> actions GUARDED_BY(mutex);
    PendingSignals pending_signals GUARDED_BY(mutex);  ///< of the whole process, blocked in the thread that took them
    Thread* threads GUARDED_BY(mutex) = nullptr;       ///< live ones, and ended ones not freed yet
    uint64_t break_start GUARDED_BY(mutex) = 0;
    uint64_t break_end GUARDED_BY(mutex) = 0;
    uint64_t break_mapped_end GUARDED_BY(mutex) = 0;
    uint64_t map_hint GUARDED_BY(mutex) = 0;              ///< where the next mapping goes if it may, below the last one
    Attachment* attachments GUARDED_BY(mutex) = nullptr;  ///< posix/attachments.h
    std::atomic<bool> has_attachments = false;            ///< it has, or had, some
    abi::Handle sysv_server GUARDED_BY(mutex);            ///< posix/sysv_server.h: none until it is needed
    uint64_t children_time_ns GUARDED_BY(mutex) = 0;      ///< of children that were waited for
    uint64_t children_resident_peak GUARDED_BY(mutex) = 0;
    std::atomic<bool> has_signal_sets = false;    ///< it has, or had, a signalfd
    uint64_t pending_told GUARDED_BY(mutex) = 0;  ///< what the signalfds were told to be pending
    uint64_t ignored_told GUARDED_BY(mutex) = 0;  ///< what the process server was told (SetIgnored)
    uint64_t child_flags_told GUARDED_BY(mutex) = 0;

    /// Parent, group and session as they are now (by what the process server publishes: the parent may change the group).
    Result<protocols::process::GetIds::Reply> ids();

    /// A vfork child's copy. Errors: NoMemory.
    Result<> copy_from(Process& parent) EXCLUDES(mutex);

    /// RLIMIT_NOFILE's soft limit: what DescriptorTable::reserve and replace are given.
    uint64_t file_limit() EXCLUDES(mutex) {
        const MutexGuard guard(mutex);
        return limits[kLimitFiles].soft;
    }

    uint32_t current_umask() EXCLUDES(mutex) {
        const MutexGuard guard(mutex);
        return umask;
    }
    abi::Handle current_directory() EXCLUDES(mutex) {
        const MutexGuard guard(mutex);
        return working_directory;
    }
};

}  // namespace portico::posix
