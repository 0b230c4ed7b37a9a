#pragma once

#include <map>
#include <set>
#include <string>

#include "protocols/process.h"
#include "runtime/handle.h"
#include "runtime/task.h"
#include "servers/process/budget.h"
#include "servers/process/signal_queue.h"
#include "servers/process/timers.h"

namespace portico::process {

using protocols::process::Credentials;

struct Thread {
    TaskCount count;
    OwnedHandle handle;
    SignalQueue pending;
    uint64_t kernel_id = 0;
};

///   New ──► Running ◄──► Stopped
///                └──► Ending ◄──┘   killed; the kernel has not yet said that all of it is gone
///                        ▼
///                     Zombie        waits for the parent to take its status
enum class State : uint8_t { New, Running, Stopped, Ending, Zombie };

/// One process, and pid 0, which is init (it has no kernel process and is no child of anyone).
///
/// Ownership: the table owns it; it owns its kernel handles. Others name it by pid or badge, never by a kept pointer.
/// Locks: none, the server is one thread. Bound: signal queues are bounded, argument text by kArgumentsBytesMax.
struct Process {
    static constexpr uint32_t kArgumentsBytesMax = 64 * 1024;  ///< more is cut off in /proc/PID/cmdline
    static constexpr size_t kNameBytesMax = 15;

    int32_t pid = 0;
    uint32_t serial = 0;  ///< tells this process from a later one with its pid
    int32_t parent = 0, group = 0, session = 0;
    State state = State::New;
    std::set<int32_t> children;
    Credentials credentials;

    std::shared_ptr<Budget> budget;           ///< none: init's and that of tests
    std::shared_ptr<Budget> children_budget;  ///< of children to come; none: its own
    TaskCount task_count;
    uint64_t owner_tasks_max = Budget::kNoLimit;  ///< RLIMIT_NPROC

    OwnedHandle kernel_process;
    abi::Handle server_handle;  ///< the value that names the process server in its own handle table
    std::map<int32_t, Thread> threads;

    std::string name, path, arguments;
    uint64_t start_ns = 0;
    bool did_exec = false;
    bool adopted = false;      ///< its parent is not the one that made it
    unsigned vfork_waits = 0;  ///< its Fork calls that wait for a child; no alert may end them

    SignalQueue pending;
    uint64_t ignored = kIgnoredByDefault;
    uint64_t child_flags = 0;
    int exit_signal = kChild;

    OwnedHandle timer;  ///< the kernel's, made when first needed
    Timers timers;

    uint32_t wait_status = 0;
    int stop_signal = 0;
    bool stop_taken = false;  ///< took a stop signal and got no SIGCONT since: it may stop itself
    bool stop_unreported = false, continue_unreported = false;
    uint64_t cpu_time_ns = 0, resident_bytes = 0;  ///< as they were at the end
    uint64_t children_cpu_time_ns = 0;             ///< of children waited for, with theirs

    ipc::WaitQueue child_changes;   ///< Wait calls of this process
    ipc::WaitQueue continued;       ///< Stop calls of this process
    ipc::WaitQueue space_released;  ///< in a vfork child: its parent's Fork call
    ipc::WaitQueue ended;           ///< AwaitEnd calls

    bool alive() const { return state == State::Running || state == State::Stopped; }
};

}  // namespace portico::process
