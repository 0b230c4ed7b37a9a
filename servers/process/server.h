#pragma once

#include "runtime/ipc.h"
#include "servers/process/badge.h"
#include "servers/process/lifecycle.h"

/// The process server's side of protocols/process.h.
namespace portico::process {

using ipc::Call;
using ipc::Task;
namespace protocol = protocols::process;

/// Of programs' threads: below the servers', so that a program that computes does not delay those that serve the others.
inline constexpr uint64_t kProgramPriority = 8;

/// What the server was given when it started.
struct Environment {
    abi::Handle port;                                                            ///< with Receive
    OwnedHandle programs_account;                                                ///< pays for what Spawn makes and all that comes of it
    uint64_t memory_bytes_max = Budget::kNoLimit, tasks_max = Budget::kNoLimit;  ///< of all programs
    uint64_t program_start = 0;                                                  ///< where the runtime library starts a program
    OwnedHandle identities;                                                      ///< memory: what the table publishes
};

/// One thread, one port, one loop: nothing here needs a lock. A request speaks for the process its badge names; requests of a
/// process that is ending are refused with NoProcess.
///
/// Ownership: borrows the table, which must outlive it. Bound: the table's; one waiting coroutine a pending call.
class Server {
public:
    Server(Environment&& environment, ProcessTable& table) : environment_(std::move(environment)), table_(table), lifecycle_(table) {
        programs_budget_ =
            budgets_.make_first(std::move(environment_.programs_account), environment_.memory_bytes_max, environment_.tasks_max);
    }

    // ---- spawning.cpp
    Result<protocol::Spawn::Reply> on(const Call& call, const protocol::Spawn& request);
    Result<protocol::Start::Reply> on(const Call& call, const protocol::Start& request);

    // ---- forking.cpp
    Task on(Call call, protocol::Fork request);
    Result<protocol::Exec::Reply> on(const Call& call, const protocol::Exec& request);
    Result<protocol::SetName::Reply> on(const Call& call, const protocol::SetName& request);
    Task on(Call call, protocol::Exit request);

    // ---- waiting.cpp
    Task on(Call call, protocol::Wait request);
    Task on(Call call, protocol::Stop request);

    // ---- threads.cpp
    Result<protocol::ThreadCreate::Reply> on(const Call& call, const protocol::ThreadCreate& request);
    Result<protocol::ThreadExit::Reply> on(const Call& call, const protocol::ThreadExit& request);

    // ---- identity.cpp
    Result<protocol::GetIds::Reply> on(const Call& call, const protocol::GetIds& request);
    Result<protocol::ShareIdentities::Reply> on(const Call& call, const protocol::ShareIdentities& request);
    Result<protocol::SetGroup::Reply> on(const Call& call, const protocol::SetGroup& request);
    Result<protocol::NewSession::Reply> on(const Call& call, const protocol::NewSession& request);
    Result<protocol::GetCredentials::Reply> on(const Call& call, const protocol::GetCredentials& request);
    Result<protocol::SetCredentials::Reply> on(const Call& call, const protocol::SetCredentials& request);
    Result<protocol::SetTerminal::Reply> on(const Call& call, const protocol::SetTerminal& request);
    Result<protocol::GetTerminal::Reply> on(const Call& call, const protocol::GetTerminal& request);

    // ---- signalling.cpp
    Result<protocol::Kill::Reply> on(const Call& call, const protocol::Kill& request);
    Task on(Call call, protocol::TakeSignal request);
    Result<protocol::SetIgnored::Reply> on(const Call& call, const protocol::SetIgnored& request);
    Result<protocol::SignalGroup::Reply> on(const Call& call, const protocol::SignalGroup& request);

    // ---- timing.cpp
    Result<protocol::TimerCreate::Reply> on(const Call& call, const protocol::TimerCreate& request);
    Result<protocol::TimerState> on(const Call& call, const protocol::TimerSet& request);
    Result<protocol::TimerState> on(const Call& call, const protocol::TimerGet& request);
    Result<protocol::TimerDelete::Reply> on(const Call& call, const protocol::TimerDelete& request);

    // ---- listing.cpp
    Result<protocol::List::Reply> on(const Call& call, const protocol::List& request);
    Result<protocol::Describe::Reply> on(const Call& call, const protocol::Describe& request);

    // ---- observing.cpp
    Result<protocol::FindThread::Reply> on(const Call& call, const protocol::FindThread& request);
    Task on(Call call, protocol::AwaitEnd request);

    // ---- budgeting.cpp
    Result<protocol::LimitChildren::Reply> on(const Call& call, const protocol::LimitChildren& request);
    Result<protocol::LimitOwner::Reply> on(const Call& call, const protocol::LimitOwner& request);
    Result<protocol::ListBudgets::Reply> on(const Call& call, const protocol::ListBudgets& request);
    Result<protocol::ShareAccount::Reply> on(const Call& call, const protocol::ShareAccount& request);
    Result<protocol::Inspect::Reply> on(const Call& call, const protocol::Inspect& request);
    Result<protocol::MakeRoom::Reply> on(const Call& call, const protocol::MakeRoom& request);

    // ---- supervision.cpp
    void on_notification(uint64_t badge, uint64_t bits);
    void on_other(const abi::Message& message);

private:
    /// The process a badge names, of whatever kind; null if it is gone. Init's badges name pid 0.
    Process* find_by_badge(uint64_t badge);
    /// The process that makes a request. Errors: NoProcess.
    Result<Process*> caller(uint64_t badge);
    Result<Process*> caller(const Call& call) { return caller(call.badge()); }
    /// The process `pid` names for the caller; 0 is the caller. Errors: NoProcess.
    Result<Process*> named(Process& caller, int64_t pid);
    static Result<> require_init(const Process& caller) {
        if (caller.pid != 0) return fail(Error::AccessDenied);
        return {};
    }

    Result<OwnedHandle> make_sender(const Process& process, BadgeKind kind, uint64_t credits);
    Result<> give_server_handle(Process& process, abi::Handle slot);

    Result<Process*> fork(Process& parent, const protocol::Fork& request);
    Result<> start_clone(const Process& parent, Process& child, const protocol::Fork& request);
    Result<> set_up_spawned(Process& process, const protocol::Spawn& request);

    Result<> send_signal(Process& sender, Process& target, const SignalInfo& info, Thread* thread);
    Result<> send_to_many(Process& sender, int64_t selector, const SignalInfo& info);
    Result<> send_to_thread(Process& sender, int64_t pid, int64_t tid, SignalInfo info);
    static void set_ignored(Process& process, uint64_t ignored, uint64_t child_flags);
    void on_timer(Process& process);
    Result<> prepare_timer(Process& process);
    void arm_timer(Process& process);
    static SignalInfo with_overruns(Process& process, SignalInfo info);
    static void note_taken(Process& process, const SignalInfo& info);
    void on_fault(Process& process, const abi::Message& message);

    /// Whether the process may make one more process or thread. Errors: NoSpace.
    Result<> demand_task_room(const Process& process, const Budget* budget);
    void on_want_of_memory(Process& process, const abi::Message& message);
    bool kill_largest(Budget& budget, std::string_view why);
    void end_wants_of_memory();

    Environment environment_;
    ProcessTable& table_;
    Lifecycle lifecycle_;
    Budgets budgets_;
    std::shared_ptr<Budget> programs_budget_;
    std::vector<uint64_t> wants_of_memory_;  ///< faults of those who wait until what is being killed has gone
    OwnedHandle next_terminal_;              ///< controls the session of the next Spawn
    uint64_t next_special_device_ = 0;
};

inline uint64_t now_ns() {
    const auto clock = native::call(abi::ClockRead{});
    return clock ? clock->now_ns : 0;
}

}  // namespace portico::process
