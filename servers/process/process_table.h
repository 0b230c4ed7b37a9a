#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "servers/process/process.h"

namespace portico::process {

using protocols::process::Identity;

/// The terminal that controls a session, and how many processes are in it.
struct Session {
    size_t member_count = 0;
    OwnedHandle terminal;
    uint64_t special_device = 0;
};

/// All processes, their family tree, groups and sessions, and the numbers they share: a pid is not given out again while a
/// process, thread, group or session still has it.
///
/// Ownership: owns every Process and Session. Locks: none, the server is one thread.
/// Bound: at most `processes_max` processes besides init; with their threads fewer than kIdMax numbers.
class ProcessTable {
public:
    static constexpr int32_t kIdMax = 32768;  ///< ids are 1 to kIdMax - 1

    /// `identities`, if there are any, has a place for every id and is kept up to date: others read it while it changes.
    explicit ProcessTable(size_t processes_max = kIdMax, std::span<Identity> identities = {});

    /// Makes a child of `parent` with a new pid, in its parent's group and session, with its credentials. Errors: NoSpace.
    Result<Process*> create(Process& parent);

    /// Makes it a group and a session of its own.
    void lead_new_session(Process& process);

    /// Forgets a process whose children have gone elsewhere.
    void remove(Process& process);

    /// Null if there is no such process (init, pid 0, is always there).
    Process* find(int64_t pid);
    Process& init() { return *find(0); }

    void move_to_group(Process& process, int32_t group);
    void set_parent(Process& child, Process& parent);
    void set_credentials(Process& process, const Credentials& credentials);

    /// Is there a process in this group, and in this session?
    bool group_in_session(int32_t group, int32_t session) const;
    const std::set<int32_t>& group_members(int32_t group) const;
    /// Not for init, which is in no session.
    Session& session_of(const Process& process) { return sessions_.at(process.session); }
    /// Does a session other than `session` have this terminal?
    bool terminal_taken(uint64_t special_device, int32_t session) const;

    /// A new thread's number. Errors: NoSpace.
    Result<int32_t> add_thread(Process& process, Thread&& thread);
    /// The first thread's number is the pid.
    void add_main_thread(Process& process, Thread&& thread);
    void remove_thread(Process& process, int32_t tid);
    Process* find_by_thread(int64_t tid);

    size_t count() const { return processes_.size() - 1; }
    /// The pids above `after`, in order, at most `count_max`.
    std::vector<int32_t> list(int64_t after, size_t count_max) const;
    /// Calls with every pid but 0 as they are now; processes may go meanwhile.
    void for_each(const std::function<void(Process&)>& visit);

private:
    Result<int32_t> allocate_id();
    bool id_used(int32_t id) const;
    void enter(Process& process, int32_t group, int32_t session);
    void leave(Process& process);
    void publish(const Process& process);

    size_t processes_max_;
    std::span<Identity> identities_;
    int32_t last_id_ = 0;
    uint32_t last_serial_ = 0;
    std::map<int32_t, std::unique_ptr<Process>> processes_;
    std::map<int32_t, int32_t> thread_owners_;  // tid -> pid
    std::map<int32_t, std::set<int32_t>> groups_;
    std::map<int32_t, Session> sessions_;
};

}  // namespace portico::process
