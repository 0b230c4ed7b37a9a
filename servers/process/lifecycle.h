#pragma once

#include "servers/process/process_table.h"

/// What happens to processes: signals reach them, they stop, go on and end, and their family is told.
///
/// The reaper is the first process that init spawned, pid 1 of the system: orphans become its children. When it ends, all
/// others are killed, and its own end is announced to init after the last of them has gone. It gets no protection from
/// signals, so that a program runs there as it would anywhere else.
///
/// Ownership: borrows the table. Locks: none, the server is one thread.
/// Bound: of the zombies that the reaper inherited it keeps kAdoptedZombiesMax, the oldest go first.
namespace portico::process {

class Lifecycle {
public:
    static constexpr size_t kAdoptedZombiesMax = 1024;

    explicit Lifecycle(ProcessTable& table) : table_(table) {}

    // ---- signals (delivery.cpp)

    /// Delivers a signal to a process, or to one of its threads. A process that has ended takes it without effect.
    /// Errors: InvalidArgument, WouldBlock (the real-time queue is full).
    Result<> deliver(Process& target, const SignalInfo& info, Thread* thread = nullptr);
    void deliver_to_group(int32_t group, const SignalInfo& info);

    /// Stops a running process and tells its parent.
    void stop(Process& process, int signal);

    /// Makes one thread of it look for signals, if any is pending.
    void alert(Process& process, Thread* thread = nullptr);

    // ---- the end (ending.cpp)

    /// Kills a process; it becomes a zombie when the kernel says that all of it is gone (`finish`).
    void kill(Process& process, uint32_t wait_status);

    /// The kernel has ended the process: leaves a zombie, tells and rearranges its family. May remove it from the table.
    void finish(Process& process);

    /// Takes a zombie away; its parent has its status.
    void reap(Process& zombie);

    /// Lets a vfork parent go on.
    void release_space(Process& child) { child.space_released.wake_all(); }

    void set_reaper(const Process& process) { reaper_pid_ = process.pid; }
    bool is_reaper(const Process& process) const { return process.pid == reaper_pid_; }
    bool has_reaper() const { return reaper_pid_ != 0; }
    /// Has the reaper ended, so that nothing may start any more?
    bool is_ending() const { return ending_; }

private:
    void resume(Process& process);
    void notify_parent(Process& child, int code, int status);
    void discard_everywhere(Process& process, uint64_t signals);
    bool try_alert(Process& process, int32_t tid);

    void close_kernel_side(Process& process);
    void give_children_away(Process& process, Process& heir);
    void announce(Process& zombie);
    void bound_adopted_zombies();
    void kill_all_but(const Process& reaper);
    void announce_reaper_if_last();

    ProcessTable& table_;
    int32_t reaper_pid_ = 0;
    bool ending_ = false;
    bool reaper_unannounced_ = false;
};

}  // namespace portico::process
