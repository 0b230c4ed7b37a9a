#pragma once

#include "abi/call_doc.h"
#include "abi/handle.h"
#include "abi/message.h"
#include "abi/types.h"

namespace portico::abi {

using enum Error;

// ---- processes and threads

struct ProcessCreate {
    static constexpr CallDoc doc{
        .number = 28,
        .name = "process_create",
        .summary =
            "Make a process without threads, with an empty handle table. Before its first thread it ends when the caller's process does.",
        .arguments = {{{"space", "its address space: handle with Map"},
                       {"account", "who pays: handle with Control"},
                       {"supervisor",
                        "send handle told of unhandled faults (MessageKind::Fault) and the end (kNotifyProcessExited); 0 for none"}}},
        .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply {
        Handle process;
    };
    Handle space;
    Handle account;
    Handle supervisor;
};

struct ProcessClone {
    static constexpr CallDoc doc{
        .number = 29,
        .name = "process_clone",
        .summary =
            "Make a process with a copy of another's handle table and runtime entries, and a copy-on-write clone "
            "of its address space, or that space itself. It has no threads, and ends as one that process_create made.",
        .arguments = {{{"process", "handle with Control"},
                       {"supervisor", "as in process_create"},
                       {"share_space", "1: share the address space"},
                       {"account", "who pays: handle with Control; 0: who pays for the process"}}},
        .errors = {BadHandle, AccessDenied, NoMemory, WrongState}};
    struct Reply {
        Handle process;
    };
    Handle process;
    Handle supervisor;
    uint64_t share_space;
    Handle account{};
};

struct ProcessSetEntries {
    static constexpr CallDoc doc{
        .number = 30,
        .name = "process_set_entries",
        .summary =
            "Set where Linux calls and upcalls enter the runtime. foreign: as the syscall instruction leaves it (rcx return address, r11 "
            "flags). upcall: rdi FaultKind, rsi address, rdx access; stack unchanged; upcall_query tells the rest. 0 turns one off.",
        .arguments = {{{"process", "handle with Control"}, {"foreign", "address"}, {"upcall", "address"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle process;
    uint64_t foreign;
    uint64_t upcall;
};

struct ProcessExec {
    static constexpr CallDoc doc{.number = 31,
                                 .name = "process_exec",
                                 .summary =
                                     "Replace the caller's address space, end its other threads, and go on at `start` with the runtime "
                                     "entries off. The handle table stays. Does not return.",
                                 .arguments = {{{"space", "handle with Map; consumed"}, {"start", "ThreadStart (read before the switch)"}}},
                                 .errors = {BadHandle, AccessDenied, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle space;
    uint64_t start;
};

struct ProcessKill {
    static constexpr CallDoc doc{.number = 32,
                                 .name = "process_kill",
                                 .summary = "End a process: its threads stop, its handles close, its supervisor is told.",
                                 .arguments = {{{"process", "handle with Control"}, {"code", "kept in ProcessInfo.exit_code"}}},
                                 .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle process;
    uint64_t code;
};

struct ProcessSuspend {
    static constexpr CallDoc doc{.number = 33,
                                 .name = "process_suspend",
                                 .summary = "Let none of its threads run until process_resume. Waiting threads go on waiting.",
                                 .arguments = {{{"process", "handle with Control"}}},
                                 .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle process;
};

struct ProcessResume {
    static constexpr CallDoc doc{.number = 34,
                                 .name = "process_resume",
                                 .summary = "Undo process_suspend.",
                                 .arguments = {{{"process", "handle with Control"}}},
                                 .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle process;
};

struct ProcessQuery {
    static constexpr CallDoc doc{.number = 35,
                                 .name = "process_query",
                                 .summary = "Describe a process, also one that has ended.",
                                 .arguments = {{{"process", "handle with Read"}, {"info", "ProcessInfo to fill"}}},
                                 .errors = {BadHandle, AccessDenied, BadAddress}};
    using Reply = NoReply;
    Handle process;
    uint64_t info;
};

struct ThreadCreate {
    static constexpr CallDoc doc{
        .number = 36,
        .name = "thread_create",
        .summary =
            "Make a thread and start it. Vector state starts clean. The second result is the kernel's id of it, as "
            "traces and ForeignCalls have it.",
        .arguments = {{{"process", "handle with Control"}, {"start", "ThreadStart"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory, WrongState}};
    struct Reply {
        Handle thread;
        uint64_t id;  ///< the kernel's; names it in traces, and its low half in ForeignCalls
    };
    Handle process;
    uint64_t start;
};

struct ThreadExit {
    static constexpr CallDoc doc{
        .number = 37,
        .name = "thread_exit",
        .summary =
            "End the calling thread; then the 32-bit words at `clear` and `clear_too` become 0 and a waiter on each is woken, first shared "
            "then private. The last thread's end ends the process with `code`.",
        .arguments = {{{"clear", "address or 0"}, {"clear_too", "address or 0"}, {"code", "exit code if it is the last thread"}}}};
    using Reply = NoReply;
    uint64_t clear;
    uint64_t clear_too;
    uint64_t code;
};

struct ThreadAlert {
    static constexpr CallDoc doc{.number = 38,
                                 .name = "thread_alert",
                                 .summary =
                                     "Interrupt a thread: a wait ends with Interrupted, and at its next return to user mode outside an "
                                     "upcall it gets an upcall of kind Alert. Alerts not yet taken join.",
                                 .arguments = {{{"thread", "handle with Control"}}},
                                 .errors = {BadHandle, AccessDenied, WrongState}};
    using Reply = NoReply;
    Handle thread;
};

struct ThreadSleep {
    static constexpr CallDoc doc{.number = 39,
                                 .name = "thread_sleep",
                                 .summary = "Wait until the deadline or an alert.",
                                 .arguments = {{{"deadline", "absolute ns"}}},
                                 .errors = {Interrupted}};
    using Reply = NoReply;
    uint64_t deadline;
};

struct ThreadYield {
    static constexpr CallDoc doc{.number = 40, .name = "thread_yield", .summary = "Let other threads of the same priority run first."};
    using Reply = NoReply;
};

struct UpcallQuery {
    static constexpr CallDoc doc{.number = 41,
                                 .name = "upcall_query",
                                 .summary = "In an upcall: tell the cause and the interrupted registers.",
                                 .arguments = {{{"state", "UpcallState to fill"}}},
                                 .errors = {WrongState, BadAddress}};
    using Reply = NoReply;
    uint64_t state;
};

struct UpcallReturn {
    static constexpr CallDoc doc{
        .number = 42,
        .name = "upcall_return",
        .summary = "Load all registers and end the upcall, if in one. Does not return; privileged flag bits are ignored.",
        .arguments = {{{"registers", "Registers to load"}}},
        .errors = {BadAddress, InvalidArgument}};
    using Reply = NoReply;
    uint64_t registers;
};

// ---- futexes

struct FutexWait {
    static constexpr CallDoc doc{.number = 43,
                                 .name = "futex_wait",
                                 .summary = "Wait if the 32-bit word at an address has the expected value.",
                                 .arguments = {{{"address", "4-aligned"},
                                                {"expected", "value"},
                                                {"deadline", "absolute ns"},
                                                {"shared", "1: waiters in other address spaces of the same memory count"},
                                                {"mask", "32 bits; woken only by a wake whose mask shares one"}}},
                                 .errors = {InvalidArgument, BadAddress, WouldBlock, TimedOut, Interrupted}};
    using Reply = NoReply;
    uint64_t address;
    uint64_t expected;
    uint64_t deadline;
    uint64_t shared;
    uint64_t mask;
};

struct FutexWake {
    static constexpr CallDoc doc{
        .number = 44,
        .name = "futex_wake",
        .summary = "Wake waiters.",
        .arguments = {{{"address", "4-aligned"}, {"count", "at most so many"}, {"shared", "as they waited"}, {"mask", "32 bits"}}},
        .errors = {InvalidArgument, BadAddress}};
    struct Reply {
        uint64_t woken;
    };
    uint64_t address;
    uint64_t count;
    uint64_t shared;
    uint64_t mask;
};

struct FutexRequeue {
    static constexpr CallDoc doc{.number = 45,
                                 .name = "futex_requeue",
                                 .summary = "If the word has the expected value: wake some waiters and move others to another word.",
                                 .arguments = {{{"address", "4-aligned"},
                                                {"expected", "value, or above 32 bits: any"},
                                                {"wake_count", "at most so many are woken"},
                                                {"move_count", "at most so many are moved"},
                                                {"target", "4-aligned"},
                                                {"shared", "as they waited"}}},
                                 .errors = {InvalidArgument, BadAddress, WouldBlock}};
    struct Reply {
        uint64_t woken;
        uint64_t moved;
    };
    uint64_t address;
    uint64_t expected;
    uint64_t wake_count;
    uint64_t move_count;
    uint64_t target;
    uint64_t shared;
};

// ---- service mode

struct ProcessSetService {
    static constexpr CallDoc doc{.number = 65,
                                 .name = "process_set_service",
                                 .summary =
                                     "From now on each call of another system (Linux) by a thread of the process is a ForeignCall at a "
                                     "service's port, and the thread "
                                     "waits for the answer. Clones of the process have the same service, and it stays over exec.",
                                 .arguments = {{{"process", "handle with Control"}, {"service", "handle with Send; 0 ends it"}}},
                                 .errors = {BadHandle, AccessDenied, WrongState}};
    using Reply = NoReply;
    Handle process;
    Handle service;
};

struct ForeignReport {
    static constexpr CallDoc doc{.number = 66,
                                 .name = "foreign_report",
                                 .summary = "By the runtime library: the call that the service answered with RunAndReport returns this.",
                                 .arguments = {{{"result", "of the call"}}},
                                 .errors = {WrongState}};
    using Reply = NoReply;
    uint64_t result;
};

}  // namespace portico::abi
