#pragma once

#include <cstdint>

#include "protocols/method.h"

/// The process server: pids, parents, wait, groups, sessions, credentials, signals, timers. A send handle's badge is the
/// process, so a request speaks for its sender only. Signal numbers, wait options and statuses are Linux's (x86-64).
namespace portico::protocols::process {

/// Badge of the handles that init makes for itself and the other servers. It speaks for pid 0, which is init: the parent of what
/// Spawn makes, allowed everything. Badges of processes are the process server's own and have this bit clear.
inline constexpr uint64_t kServerBadge = uint64_t{1} << 63;

/// One pending signal: what siginfo_t tells.
struct SignalInfo {
    int32_t number = 0;  ///< 0: none
    int32_t code = 0;    ///< SI_USER 0, SI_TKILL -6, CLD_EXITED 1 …
    int32_t pid = 0;
    uint32_t uid = 0;
    int32_t status = 0;
    int32_t timer = 0;
    uint64_t value = 0;  ///< sigqueue's
};
static_assert(sizeof(SignalInfo) == 32);

// ---- life

struct Fork {
    static constexpr Method method{0x200, "process.fork",
                                   "Clone the caller. The child's one thread starts at `instruction` with this stack, GS and FS bases, and "
                                   "rdi = its pid; its process server handle replaces the parent's at the same value. With share_space "
                                   "(vfork) the reply comes when the child has called Exec or ended."};
    struct Reply {
        int64_t pid;
    };
    uint64_t instruction;
    uint64_t stack;
    uint64_t gs_base;
    uint64_t fs_base;
    uint32_t share_space;  ///< 1: vfork
    int32_t exit_signal;   ///< usually SIGCHLD
};

struct Exec {
    static constexpr Method method{
        0x201, "process.exec",
        "Tell that the caller is about to run another program, and what SetIgnored tells. Readable window: path, a zero, then the "
        "arguments, "
        "each with a zero. Learn what a program is told of its credentials, and whether there are signals to take."};
    struct Reply {
        uint32_t uid, euid, gid, egid;
        uint64_t signals_pending;  ///< 1: of the process or its thread
    };
    uint32_t path_bytes;  ///< without the zero
    uint32_t child_flags;
    uint64_t ignored;
    char name[16];  ///< what ps shows
};

struct SetName {
    static constexpr Method method{0x206, "process.set_name",
                                   "Change what ps shows of the caller (prctl(PR_SET_NAME) of its first thread).", Repeat::Yes};
    using Reply = Empty;
    char name[16];
};

struct Exit {
    static constexpr Method method{
        0x202, "process.exit",
        "End the caller with a wait status (exit code << 8, or a signal number, | 0x80 if it dumped core). Never replies."};
    using Reply = Empty;
    uint64_t wait_status;
};

struct Wait {
    static constexpr Method method{0x203, "process.wait",
                                   "wait4: reply when a child that `pid` selects (as in wait4) changed state. Writable window, if any: "
                                   "Usage of the child. With WNOHANG and none: pid 0. From init: a process that Spawn made."};
    struct Reply {
        int64_t pid;
        uint64_t wait_status;
        uint32_t uid;
        int32_t zero;
    };
    int64_t pid;
    uint64_t options;  ///< WNOHANG 1, WUNTRACED 2, WEXITED 4, WCONTINUED 8, WNOWAIT 0x1000000
};

struct Usage {
    uint64_t user_ns, system_ns, resident_peak_bytes;
};

struct ThreadCreate {
    static constexpr Method method{0x204, "process.thread_create", "Make a thread in the calling process; replies its tid and handle."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        int64_t tid;
        uint64_t zero[3];
        Handle thread;
    };
    uint64_t instruction;
    uint64_t stack;
    uint64_t gs_base;
    uint64_t fs_base;
    uint64_t argument;
};

struct ThreadExit {
    static constexpr Method method{0x205, "process.thread_exit", "A thread of the caller is about to end by thread_exit: forget its tid."};
    using Reply = Empty;
    int64_t tid;
};

// ---- names and groups; pid 0 means the caller

struct GetIds {
    static constexpr Method method{0x210, "process.get_ids", "Tell parent, group and session.", Repeat::Yes};
    struct Reply {
        int64_t pid, parent, group, session;
    };
    int64_t pid;
};

/// What the process server tells of a process without being asked, in memory that every process may map and read. Each word is
/// right at any moment, and what a request changed is there before its reply; several words are not one look.
struct Identity {
    int32_t parent, group, session;  ///< group is 0: no such process
    uint32_t uid, euid, gid, egid;
    uint32_t zero;
};
static_assert(sizeof(Identity) == 32);

struct ShareIdentities {
    static constexpr Method method{0x215, "process.share_identities",
                                   "Give a handle to map and read an array of Identity, with a place for every pid.", Repeat::Yes};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t count;
        uint64_t zero[3];
        Handle memory;
    };
};

struct SetGroup {
    static constexpr Method method{0x211, "process.set_group",
                                   "setpgid. AccessDenied is EPERM; WrongState (EACCES): the child has already called Exec.", Repeat::Yes};
    using Reply = Empty;
    int64_t pid, group;
};

struct NewSession {
    static constexpr Method method{0x212, "process.new_session", "setsid."};
    struct Reply {
        int64_t session;
    };
};

/// Real, effective, saved and file-system ids, and groups.
struct Credentials {
    uint32_t uid = 0, euid = 0, suid = 0, fsuid = 0;
    uint32_t gid = 0, egid = 0, sgid = 0, fsgid = 0;
    uint32_t group_count = 0;
    uint32_t groups[32]{};
};

struct GetCredentials {
    static constexpr Method method{0x213, "process.get_credentials", "Fill the writable window with Credentials.", Repeat::Yes};
    using Reply = Empty;
    int64_t pid;
};

struct SetCredentials {
    static constexpr Method method{0x214, "process.set_credentials",
                                   "Set the caller's Credentials (readable window); what Linux would refuse is AccessDenied.", Repeat::Yes};
    using Reply = Empty;
};

// ---- signals

struct Kill {
    static constexpr Method method{0x220, "process.kill",
                                   "Send a signal: pid as in kill(2); tid > 0: to that thread (tgkill), pid 0 then means any process. "
                                   "Signal 0 only checks. Readable window, if any: SignalInfo (sigqueue)."};
    using Reply = Empty;
    int64_t pid;
    int64_t tid;
    uint64_t signal;
};

struct TakeSignal {
    static constexpr Method method{0x221, "process.take_signal",
                                   "Take one pending signal of the process or of thread `tid` into the writable window (SignalInfo); "
                                   "number 0 if none. Standard signals pend once; blocked ones are kept by the runtime, not here."};
    using Reply = Empty;
    int64_t tid;
};

struct SetIgnored {
    static constexpr Method method{
        0x222, "process.set_ignored",
        "Tell which signals the caller ignores (by SIG_IGN, or by default with no effect): they do not alert it. Bit n-1 is signal n. "
        "`child_flags`: 1 = SA_NOCLDSTOP, 2 = SA_NOCLDWAIT or SIGCHLD ignored by SIG_IGN (children leave no zombie).",
        Repeat::Yes};
    using Reply = Empty;
    uint64_t ignored;
    uint64_t child_flags;
};

struct Stop {
    static constexpr Method method{
        0x223, "process.stop", "The caller takes the default action of a stop signal: suspend it, tell its parent; replies after SIGCONT."};
    using Reply = Empty;
    uint64_t signal;
};

// ---- timers of the caller: those of TimerCreate by id, and -1, -2, -3 for setitimer's ITIMER_REAL, _VIRTUAL, _PROF

struct TimerState {
    uint64_t left_ns;  ///< 0: not armed
    uint64_t interval_ns;
    uint64_t overruns;  ///< of the signal that was taken last
};

struct TimerCreate {
    static constexpr Method method{0x224, "process.timer_create",
                                   "timer_create: a timer that sends `signal` (0: none) to the process, or to its thread `tid`."};
    struct Reply {
        int64_t id;
    };
    uint32_t signal;
    int32_t tid;
    uint32_t cpu_time;     ///< 1: it counts the process's CPU time
    uint32_t value_is_id;  ///< 1: the signal's value is the timer's id
    uint64_t value;
};

struct TimerSet {
    static constexpr Method method{0x225, "process.timer_set", "Arm a timer, or with time 0 stop it; tells what was left. NotFound: none."};
    using Reply = TimerState;
    int64_t id;
    uint64_t time_ns;
    uint64_t interval_ns;
    uint64_t absolute;  ///< 1: time_ns is one of the timer's clock (monotonic, CPU time), not from now on
};

struct TimerGet {
    static constexpr Method method{0x226, "process.timer_get", "Tell what is left.", Repeat::Yes};
    using Reply = TimerState;
    int64_t id;
};

struct TimerDelete {
    static constexpr Method method{0x227, "process.timer_delete", "Delete a timer of TimerCreate."};
    using Reply = Empty;
    int64_t id;
};

// ---- terminals

struct SetTerminal {
    static constexpr Method method{0x230, "process.set_terminal",
                                   "TIOCSCTTY: the caller, a session leader, gives its session a controlling terminal; with kNoHandle: it "
                                   "has none any more. From init: the terminal of the session that the next Spawn makes."};
    using Reply = Empty;
    static constexpr unsigned kHandles = 1;
    uint64_t special_device;
    uint64_t zero[3];
    Handle terminal;
};

struct GetTerminal {
    static constexpr Method method{0x231, "process.get_terminal",
                                   "Give a handle to the controlling terminal (open /dev/tty). NoDevice if the session has none."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t special_device;
        uint64_t zero[3];
        Handle terminal;
    };
};

// ---- for other servers (their own badge class, given by init)

struct SignalGroup {
    static constexpr Method method{0x240, "process.signal_group", "One-way, from terminals: signal a process group."};
    using Reply = Empty;
    int64_t group;
    uint64_t signal;
};

struct Spawn {
    static constexpr Method method{
        0x241, "process.spawn",
        "From init: make the first process of a session, which it leads. `space` holds the runtime and a boot block without process_server "
        "and pid, which the process server fills in. init puts what else the process needs in its handle table, then calls Start."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        int64_t pid;
        uint64_t zero[3];
        Handle process;
    };
    static constexpr unsigned kHandles = 2;
    uint64_t boot_block_offset;  ///< of the boot block in its memory object
    uint64_t zero[2];
    Handle space;
    Handle boot_block;  ///< memory object of the boot block
};

struct Start {
    static constexpr Method method{0x244, "process.start", "From init: start the first thread of what Spawn made."};
    using Reply = Empty;
    int64_t pid;
};

struct List {
    static constexpr Method method{0x242, "process.list", "Fill the writable window with the pids (int32) above `after`, in order.",
                                   Repeat::Yes};
    struct Reply {
        uint64_t count;
    };
    int64_t after;
};

/// What /proc tells of a process.
struct Description {
    int32_t pid, parent, group, session;
    uint32_t uid, gid;
    uint32_t thread_count;
    char state;  ///< R, S, T, Z as in /proc/PID/stat
    char name[15];
    uint64_t special_device;  ///< of the controlling terminal, 0 for none
    uint64_t start_ns, cpu_time_ns, resident_bytes, mapped_bytes;
    uint32_t path_bytes, arguments_bytes;  ///< follow in the window: path (no zero), arguments (with zeros)
};

struct Describe {
    static constexpr Method method{0x243, "process.describe", "Fill the writable window with a Description, the path and the arguments.",
                                   Repeat::Yes};
    struct Reply {
        uint64_t length_bytes;
    };
    int64_t pid;
};

/// What a process tree may use and uses; 0 of a maximum: there is none.
struct BudgetInfo {
    uint64_t id, parent;  ///< parent 0: that of all programs
    uint64_t memory_bytes_max, memory_bytes, memory_bytes_peak;
    uint64_t refused_count;  ///< how often its limit refused memory
    uint64_t kill_count;     ///< processes killed since it, or one below, had no memory
    uint64_t tasks_max, task_count;
    uint64_t kept_free_bytes;  ///< of the machine's memory, for the servers
};

struct LimitChildren {
    static constexpr Method method{0x250, "process.limit_children",
                                   "Children that the caller makes from now on, and all that comes of them, together use at most so much "
                                   "memory and so many processes and threads; 0: as much as the caller may. Fork then fails with NoSpace."};
    using Reply = Empty;
    uint64_t memory_bytes_max, tasks_max;
};

struct LimitOwner {
    static constexpr Method method{
        0x251, "process.limit_owner",
        "setrlimit(RLIMIT_NPROC): Fork and ThreadCreate of the caller and its children-to-be fail with NoSpace if "
        "the processes and threads of its user are that many. Not for user 0.",
        Repeat::Yes};
    using Reply = Empty;
    uint64_t tasks_max;  ///< all ones: no limit
};

struct ListBudgets {
    static constexpr Method method{0x252, "process.list_budgets", "From servers: fill the writable window with BudgetInfos.", Repeat::Yes};
    struct Reply {
        uint64_t count;
    };
};

struct ShareAccount {
    static constexpr Method method{0x253, "process.share_account",
                                   "From init: give a handle to the account that pays for all programs, to make their address spaces."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle account;
    };
};

struct Inspect {
    static constexpr Method method{0x254, "process.inspect", "From servers: give a handle to look at a process (Read).", Repeat::Yes};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle process;
    };
    int64_t pid;
};

struct MakeRoom {
    static constexpr Method method{0x255, "process.make_room",
                                   "One-way, from init: the servers run short of memory. The largest program is killed."};
    using Reply = Empty;
};

struct FindThread {
    static constexpr Method method{0x245, "process.find_thread",
                                   "From servers: whose thread the kernel calls so, by the low half of its id (as ForeignCalls tell it).",
                                   Repeat::Yes};
    struct Reply {
        int64_t pid, tid;
    };
    uint64_t kernel_id;
};

struct AwaitEnd {
    static constexpr Method method{0x246, "process.await_end", "From servers: reply when the process has ended.", Repeat::Yes};
    struct Reply {
        uint64_t wait_status;
    };
    int64_t pid;
};

using Protocol = MethodList<Fork, Exec, SetName, Exit, Wait, ThreadCreate, ThreadExit, GetIds, ShareIdentities, SetGroup, NewSession,
                            GetCredentials, SetCredentials, Kill, TakeSignal, SetIgnored, Stop, TimerCreate, TimerSet, TimerGet,
                            TimerDelete, SetTerminal, GetTerminal, SignalGroup, Spawn, Start, List, Describe, FindThread, AwaitEnd,
                            LimitChildren, LimitOwner, ListBudgets, ShareAccount, Inspect, MakeRoom>;

}  // namespace portico::protocols::process
