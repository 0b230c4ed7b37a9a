#pragma once

#include "abi/call_doc.h"
#include "abi/handle.h"
#include "abi/message.h"
#include "abi/types.h"

/// Every system call, once: dispatcher, user stubs, trace names and docs/syscalls.md come from this list.
/// Adding a type to `Syscalls` adds it everywhere; one without a handler does not link.
namespace portico::abi {

using enum Error;

// ---- handles

struct Null {
    static constexpr CallDoc doc{.number = 0, .name = "null", .summary = "Do nothing; measures the cost of entry and exit."};
    using Reply = NoReply;
};

struct HandleClose {
    static constexpr CallDoc doc{.number = 1, .name = "handle_close", .summary = "Close a handle; the object goes when nothing refers to it.",
        .arguments = {{{"handle", "any handle"}}}, .errors = {BadHandle}};
    using Reply = NoReply;
    Handle handle;
};

struct HandleDuplicate {
    static constexpr CallDoc doc{.number = 2, .name = "handle_duplicate", .summary = "Make another handle to the same object, with the same or fewer rights.",
        .arguments = {{{"handle", "handle with Duplicate"}, {"rights", "rights to keep; others are dropped"}}},
        .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply { Handle handle; };
    Handle handle;
    uint64_t rights;
};

struct HandleInstall {
    static constexpr CallDoc doc{.number = 3, .name = "handle_install",
        .summary = "Duplicate a handle into another process's table, at a slot of choice; what was there is closed.",
        .arguments = {{{"process", "handle with Control"}, {"slot", "the handle value to fill, of any generation; 0 picks a free one"},
                       {"handle", "handle with Duplicate and Transfer"}, {"rights", "rights to keep"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory, WrongState}};
    struct Reply { Handle handle; };
    Handle process;
    Handle slot;
    Handle handle;
    uint64_t rights;
};

// ---- ports

struct PortCreate {
    static constexpr CallDoc doc{.number = 4, .name = "port_create", .summary = "Make a port; the handle has Receive.", .errors = {NoMemory}};
    struct Reply { Handle port; };
};

struct PortBadge {
    static constexpr CallDoc doc{.number = 5, .name = "port_badge",
        .summary = "Make a send handle whose messages carry `badge`. When the last handle to it goes, the port gets kNotifySendersGone.",
        .arguments = {{{"port", "handle with Receive"}, {"badge", "any 64 bits"}, {"credits", "messages it may have queued (1 to 65535)"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply { Handle sender; };
    Handle port;
    uint64_t badge;
    uint64_t credits;
};

struct PortSend {
    static constexpr CallDoc doc{.number = 6, .name = "port_send", .summary = "Post a message; never waits for the receiver.",
        .arguments = {{{"handle", "handle with Send"}, {"message", "header and words"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoCredit, NoMemory, PeerClosed}};
    using Reply = MessageReply;
};

struct PortCall {
    static constexpr CallDoc doc{.number = 7, .name = "port_call",
        .summary = "Post a message under a new id and wait for the reply with that id. An alert or the deadline ends the call.",
        .arguments = {{{"handle", "handle with Send"}, {"message", "header, words, windows"}, {"deadline", "absolute ns"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory, PeerClosed, TimedOut, Interrupted}};
    using Reply = MessageReply;
};

struct PortCallAsync {
    static constexpr CallDoc doc{.number = 8, .name = "port_call_async",
        .summary = "Post a message under a new id, which is returned at once (rdi); the reply arrives at `reply port` as a Reply with that id. A dead receiver replies PeerClosed.",
        .arguments = {{{"handle", "handle with Send"}, {"message", "header and words, no windows"}, {"reply port", "handle with Receive (r14)"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory, PeerClosed}};
    using Reply = MessageReply;
};

struct PortReceive {
    static constexpr CallDoc doc{.number = 9, .name = "port_receive", .summary = "Take the oldest message, or wait for one.",
        .arguments = {{{"handle", "handle with Receive"}, {"deadline", "absolute ns; kNow polls"}}},
        .errors = {BadHandle, AccessDenied, NoMemory, WouldBlock, TimedOut, Interrupted}};
    using Reply = MessageReply;
};

struct PortReply {
    static constexpr CallDoc doc{.number = 10, .name = "port_reply",
        .summary = "Answer a call this process took. NoSuchCall means the caller no longer waits and saw no effect of the reply: undo or keep what it would have consumed.",
        .arguments = {{{"id", "of the call"}, {"message", "header (operation = status) and words"}}},
        .errors = {NoSuchCall, BadHandle, AccessDenied, InvalidArgument}};
    using Reply = MessageReply;
};

struct PortReplyReceive {
    static constexpr CallDoc doc{.number = 11, .name = "port_reply_receive",
        .summary = "port_reply then port_receive in one trap. A refused reply ends it with NoSuchCall before anything is received.",
        .arguments = {{{"handle", "handle with Receive"}, {"message", "the reply"}, {"deadline", "absolute ns, for the receive"}, {"id", "of the call to answer (r14); 0 for none"}}},
        .errors = {NoSuchCall, BadHandle, AccessDenied, InvalidArgument, NoMemory, WouldBlock, TimedOut, Interrupted}};
    using Reply = MessageReply;
};

struct CallCancel {
    static constexpr CallDoc doc{.number = 12, .name = "call_cancel", .summary = "End an asynchronous call of this process; no reply will arrive.",
        .arguments = {{{"reply_port", "handle with Receive, as given to port_call_async"}, {"id", "as returned by port_call_async"}}},
        .errors = {BadHandle, AccessDenied, NoSuchCall}};
    using Reply = NoReply;
    Handle reply_port;
    uint64_t id;
};

struct PortNotify {
    static constexpr CallDoc doc{.number = 13, .name = "port_notify",
        .summary = "Raise bits; the receiver sees them once, joined with others not yet seen. Needs no memory, cannot fail for want of it.",
        .arguments = {{{"handle", "handle with Send"}, {"bits", "not kNotifyKernelBits"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, PeerClosed}};
    using Reply = NoReply;
    Handle handle;
    uint64_t bits;
};

struct WindowRead {
    static constexpr CallDoc doc{.number = 14, .name = "window_read", .summary = "Copy from the readable window of a call this process took.",
        .arguments = {{{"id", "of the call"}, {"offset", "in the window"}, {"address", "destination"}, {"length", "bytes"}}},
        .errors = {NoSuchCall, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    uint64_t id;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

struct WindowWrite {
    static constexpr CallDoc doc{.number = 15, .name = "window_write", .summary = "Copy to the writable window of a call this process took.",
        .arguments = {{{"id", "of the call"}, {"offset", "in the window"}, {"address", "source"}, {"length", "bytes"}}},
        .errors = {NoSuchCall, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    uint64_t id;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

// ---- memory

struct MemoryCreate {
    static constexpr CallDoc doc{.number = 16, .name = "memory_create", .summary = "Make an anonymous memory object; pages are zero and paid for when touched.",
        .arguments = {{{"size", "bytes, rounded up to pages"}}}, .errors = {InvalidArgument, NoMemory}};
    struct Reply { Handle memory; };
    uint64_t size;
};

struct MemoryClone {
    static constexpr CallDoc doc{.number = 17, .name = "memory_clone", .summary = "Make a copy-on-write snapshot of a page range of a memory object.",
        .arguments = {{{"memory", "handle with Read"}, {"offset", "bytes, page-aligned"}, {"size", "bytes, rounded up to pages; past the end is zeros"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply { Handle memory; };
    Handle memory;
    uint64_t offset;
    uint64_t size;
};

struct MemoryPhysical {
    static constexpr CallDoc doc{.number = 18, .name = "memory_physical", .summary = "Make a memory object of device memory, mapped uncached.",
        .arguments = {{{"resource", "the hardware resource"}, {"physical", "address, page-aligned, not RAM"}, {"size", "bytes, whole pages"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply { Handle memory; };
    Handle resource;
    uint64_t physical;
    uint64_t size;
};

struct MemoryResize {
    static constexpr CallDoc doc{.number = 19, .name = "memory_resize", .summary = "Change the size; pages past the new end are freed and unmapped, and the tail of the last page is zeroed.",
        .arguments = {{{"memory", "handle with Write"}, {"size", "bytes"}}}, .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    using Reply = NoReply;
    Handle memory;
    uint64_t size;
};

struct MemoryQuery {
    static constexpr CallDoc doc{.number = 20, .name = "memory_query", .summary = "Tell the size of a memory object.",
        .arguments = {{{"memory", "handle with Read"}, {"info", "MemoryInfo to fill"}}}, .errors = {BadHandle, AccessDenied, BadAddress}};
    using Reply = NoReply;
    Handle memory;
    uint64_t info;
};

struct MemoryRead {
    static constexpr CallDoc doc{.number = 21, .name = "memory_read", .summary = "Copy out of a memory object that need not be mapped.",
        .arguments = {{{"memory", "handle with Read"}, {"offset", "bytes"}, {"address", "destination"}, {"length", "bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

struct MemoryWrite {
    static constexpr CallDoc doc{.number = 22, .name = "memory_write", .summary = "Copy into a memory object that need not be mapped.",
        .arguments = {{{"memory", "handle with Write"}, {"offset", "bytes"}, {"address", "source"}, {"length", "bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

// ---- address spaces

struct SpaceCreate {
    static constexpr CallDoc doc{.number = 23, .name = "space_create", .summary = "Make an empty address space.", .errors = {NoMemory}};
    struct Reply { Handle space; };
};

struct SpaceMap {
    static constexpr CallDoc doc{.number = 24, .name = "space_map", .summary = "Map a memory object, or fresh anonymous memory.",
        .arguments = {{{"space", "handle with Map"}, {"memory", "handle with the rights of the access wanted; 0 for anonymous"}, {"offset", "bytes, page-aligned"},
                       {"address", "page-aligned; a hint unless Fixed, 0 for none"}, {"length", "bytes, rounded up to pages"}, {"flags", "MapFlags"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, Overlap, NoSpace, NoMemory}};
    struct Reply { uint64_t address; };
    Handle space;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
    uint64_t flags;
};

struct SpaceUnmap {
    static constexpr CallDoc doc{.number = 25, .name = "space_unmap", .summary = "Unmap whatever is mapped in a range; holes are no error.",
        .arguments = {{{"space", "handle with Map"}, {"address", "page-aligned"}, {"length", "bytes, rounded up to pages"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    using Reply = NoReply;
    Handle space;
    uint64_t address;
    uint64_t length;
};

struct SpaceProtect {
    static constexpr CallDoc doc{.number = 26, .name = "space_protect", .summary = "Change the access of a range that is mapped throughout.",
        .arguments = {{{"space", "handle with Map"}, {"address", "page-aligned"}, {"length", "bytes, rounded up to pages"}, {"access", "Access"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle space;
    uint64_t address;
    uint64_t length;
    uint64_t access;
};

struct SpaceQuery {
    static constexpr CallDoc doc{.number = 27, .name = "space_query", .summary = "Describe the first mapping that ends above an address.",
        .arguments = {{{"space", "handle with Read"}, {"address", "any"}, {"info", "MappingInfo to fill"}}},
        .errors = {BadHandle, AccessDenied, NotFound, BadAddress}};
    using Reply = NoReply;
    Handle space;
    uint64_t address;
    uint64_t info;
};

// ---- processes and threads

struct ProcessCreate {
    static constexpr CallDoc doc{.number = 28, .name = "process_create", .summary = "Make a process without threads, with an empty handle table.",
        .arguments = {{{"space", "its address space: handle with Map"}, {"account", "who pays: handle with Control"},
                       {"supervisor", "send handle told of unhandled faults (MessageKind::Fault) and the end (kNotifyProcessExited); 0 for none"}}},
        .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply { Handle process; };
    Handle space;
    Handle account;
    Handle supervisor;
};

struct ProcessClone {
    static constexpr CallDoc doc{.number = 29, .name = "process_clone",
        .summary = "Make a process with a copy of another's handle table and runtime entries, and a copy-on-write clone of its address space, or that space itself. It has no threads.",
        .arguments = {{{"process", "handle with Control"}, {"supervisor", "as in process_create"}, {"share_space", "1: share the address space"}}},
        .errors = {BadHandle, AccessDenied, NoMemory, WrongState}};
    struct Reply { Handle process; };
    Handle process;
    Handle supervisor;
    uint64_t share_space;
};

struct ProcessSetEntries {
    static constexpr CallDoc doc{.number = 30, .name = "process_set_entries",
        .summary = "Set where Linux calls and upcalls enter the runtime. foreign: as the syscall instruction leaves it (rcx return address, r11 flags). upcall: rdi FaultKind, rsi address, rdx access; stack unchanged; upcall_state tells the rest. 0 turns one off.",
        .arguments = {{{"process", "handle with Control"}, {"foreign", "address"}, {"upcall", "address"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle process;
    uint64_t foreign;
    uint64_t upcall;
};

struct ProcessExec {
    static constexpr CallDoc doc{.number = 31, .name = "process_exec",
        .summary = "Replace the caller's address space, end its other threads, and go on at `start` with the runtime entries off. The handle table stays. Does not return.",
        .arguments = {{{"space", "handle with Map; consumed"}, {"start", "ThreadStart (read before the switch)"}}},
        .errors = {BadHandle, AccessDenied, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle space;
    uint64_t start;
};

struct ProcessKill {
    static constexpr CallDoc doc{.number = 32, .name = "process_kill", .summary = "End a process: its threads stop, its handles close, its supervisor is told.",
        .arguments = {{{"process", "handle with Control"}, {"code", "kept in ProcessInfo.exit_code"}}}, .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle process;
    uint64_t code;
};

struct ProcessSuspend {
    static constexpr CallDoc doc{.number = 33, .name = "process_suspend", .summary = "Let none of its threads run until process_resume. Waiting threads go on waiting.",
        .arguments = {{{"process", "handle with Control"}}}, .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle process;
};

struct ProcessResume {
    static constexpr CallDoc doc{.number = 34, .name = "process_resume", .summary = "Undo process_suspend.",
        .arguments = {{{"process", "handle with Control"}}}, .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle process;
};

struct ProcessQuery {
    static constexpr CallDoc doc{.number = 35, .name = "process_query", .summary = "Describe a process, also one that has ended.",
        .arguments = {{{"process", "handle with Read"}, {"info", "ProcessInfo to fill"}}}, .errors = {BadHandle, AccessDenied, BadAddress}};
    using Reply = NoReply;
    Handle process;
    uint64_t info;
};

struct ThreadCreate {
    static constexpr CallDoc doc{.number = 36, .name = "thread_create", .summary = "Make a thread and start it. Vector state starts clean.",
        .arguments = {{{"process", "handle with Control"}, {"start", "ThreadStart"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory, WrongState}};
    struct Reply { Handle thread; };
    Handle process;
    uint64_t start;
};

struct ThreadExit {
    static constexpr CallDoc doc{.number = 37, .name = "thread_exit",
        .summary = "End the calling thread; then the 32-bit words at `clear` and `clear_too` become 0 and a waiter on each is woken, first shared then private. The last thread's end ends the process with `code`.",
        .arguments = {{{"clear", "address or 0"}, {"clear_too", "address or 0"}, {"code", "exit code if it is the last thread"}}}};
    using Reply = NoReply;
    uint64_t clear;
    uint64_t clear_too;
    uint64_t code;
};

struct ThreadAlert {
    static constexpr CallDoc doc{.number = 38, .name = "thread_alert",
        .summary = "Interrupt a thread: a wait ends with Interrupted, and at its next return to user mode outside an upcall it gets an upcall of kind Alert. Alerts not yet taken join.",
        .arguments = {{{"thread", "handle with Control"}}}, .errors = {BadHandle, AccessDenied, WrongState}};
    using Reply = NoReply;
    Handle thread;
};

struct ThreadSleep {
    static constexpr CallDoc doc{.number = 39, .name = "thread_sleep", .summary = "Wait until the deadline or an alert.",
        .arguments = {{{"deadline", "absolute ns"}}}, .errors = {Interrupted}};
    using Reply = NoReply;
    uint64_t deadline;
};

struct ThreadYield {
    static constexpr CallDoc doc{.number = 40, .name = "thread_yield", .summary = "Let other threads of the same priority run first."};
    using Reply = NoReply;
};

struct UpcallQuery {
    static constexpr CallDoc doc{.number = 41, .name = "upcall_query", .summary = "In an upcall: tell the cause and the interrupted registers.",
        .arguments = {{{"state", "UpcallState to fill"}}}, .errors = {WrongState, BadAddress}};
    using Reply = NoReply;
    uint64_t state;
};

struct UpcallReturn {
    static constexpr CallDoc doc{.number = 42, .name = "upcall_return",
        .summary = "Load all registers and end the upcall, if in one. Does not return; privileged flag bits are ignored.",
        .arguments = {{{"registers", "Registers to load"}}}, .errors = {BadAddress, InvalidArgument}};
    using Reply = NoReply;
    uint64_t registers;
};

// ---- futexes

struct FutexWait {
    static constexpr CallDoc doc{.number = 43, .name = "futex_wait", .summary = "Wait if the 32-bit word at an address has the expected value.",
        .arguments = {{{"address", "4-aligned"}, {"expected", "value"}, {"deadline", "absolute ns"}, {"shared", "1: waiters in other address spaces of the same memory count"}, {"mask", "32 bits; woken only by a wake whose mask shares one"}}},
        .errors = {InvalidArgument, BadAddress, WouldBlock, TimedOut, Interrupted}};
    using Reply = NoReply;
    uint64_t address;
    uint64_t expected;
    uint64_t deadline;
    uint64_t shared;
    uint64_t mask;
};

struct FutexWake {
    static constexpr CallDoc doc{.number = 44, .name = "futex_wake", .summary = "Wake waiters.",
        .arguments = {{{"address", "4-aligned"}, {"count", "at most so many"}, {"shared", "as they waited"}, {"mask", "32 bits"}}}, .errors = {InvalidArgument, BadAddress}};
    struct Reply { uint64_t woken; };
    uint64_t address;
    uint64_t count;
    uint64_t shared;
    uint64_t mask;
};

struct FutexRequeue {
    static constexpr CallDoc doc{.number = 45, .name = "futex_requeue", .summary = "If the word has the expected value: wake some waiters and move others to another word.",
        .arguments = {{{"address", "4-aligned"}, {"expected", "value, or above 32 bits: any"}, {"wake_count", "at most so many are woken"}, {"move_count", "at most so many are moved"}, {"target", "4-aligned"}, {"shared", "as they waited"}}},
        .errors = {InvalidArgument, BadAddress, WouldBlock}};
    struct Reply { uint64_t woken; uint64_t moved; };
    uint64_t address;
    uint64_t expected;
    uint64_t wake_count;
    uint64_t move_count;
    uint64_t target;
    uint64_t shared;
};

// ---- time

struct TimerCreate {
    static constexpr CallDoc doc{.number = 46, .name = "timer_create", .summary = "Make a timer that raises bits on a send handle.",
        .arguments = {{{"sender", "handle with Send"}, {"bits", "not kNotifyKernelBits"}}}, .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply { Handle timer; };
    Handle sender;
    uint64_t bits;
};

struct TimerSet {
    static constexpr CallDoc doc{.number = 47, .name = "timer_set", .summary = "Arm or stop a timer; periods that pass unseen join.",
        .arguments = {{{"timer", "handle with Control"}, {"deadline", "absolute ns; kForever stops it"}, {"period", "ns, at least 100,000; 0 for once"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle timer;
    uint64_t deadline;
    uint64_t period;
};

struct ClockRead {
    static constexpr CallDoc doc{.number = 48, .name = "clock_read", .summary = "Tell the time since boot. Programs compute it themselves from SystemInfo."};
    struct Reply { uint64_t now_ns; };
};

// ---- devices

struct InterruptCreate {
    static constexpr CallDoc doc{.number = 49, .name = "interrupt_create", .summary = "Bind an interrupt line to a send handle; when it fires, it is masked and the bits are raised.",
        .arguments = {{{"resource", "the hardware resource"}, {"line", "global system interrupt"}, {"sender", "handle with Send"}, {"bits", "not kNotifyKernelBits"}, {"level", "1: level-triggered, active low"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, Busy, NoMemory}};
    struct Reply { Handle interrupt; };
    Handle resource;
    uint64_t line;
    Handle sender;
    uint64_t bits;
    uint64_t level;
};

struct InterruptAck {
    static constexpr CallDoc doc{.number = 50, .name = "interrupt_ack", .summary = "Unmask the line again.",
        .arguments = {{{"interrupt", "handle with Control"}}}, .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle interrupt;
};

struct IoCreate {
    static constexpr CallDoc doc{.number = 51, .name = "io_create", .summary = "Make a handle to a range of x86 I/O ports.",
        .arguments = {{{"resource", "the hardware resource"}, {"base", "first port"}, {"count", "1 to 65536 - base"}}}, .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply { Handle io; };
    Handle resource;
    uint64_t base;
    uint64_t count;
};

struct IoRead {
    static constexpr CallDoc doc{.number = 52, .name = "io_read", .summary = "Read an I/O port.",
        .arguments = {{{"io", "handle with Read"}, {"offset", "from the range's base"}, {"width", "1, 2 or 4 bytes"}}}, .errors = {BadHandle, AccessDenied, InvalidArgument}};
    struct Reply { uint64_t value; };
    Handle io;
    uint64_t offset;
    uint64_t width;
};

struct IoWrite {
    static constexpr CallDoc doc{.number = 53, .name = "io_write", .summary = "Write an I/O port.",
        .arguments = {{{"io", "handle with Write"}, {"offset", "from the range's base"}, {"width", "1, 2 or 4 bytes"}, {"value", "to write"}}}, .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle io;
    uint64_t offset;
    uint64_t width;
    uint64_t value;
};

struct IoWriteBytes {
    static constexpr CallDoc doc{.number = 54, .name = "io_write_bytes", .summary = "Write bytes to one I/O port, one after the other.",
        .arguments = {{{"io", "handle with Write"}, {"offset", "from the range's base"}, {"address", "source"}, {"length", "at most kPageBytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress}};
    using Reply = NoReply;
    Handle io;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

// ---- accounts and the system

struct AccountCreate {
    static constexpr CallDoc doc{.number = 55, .name = "account_create", .summary = "Make an account that draws on another, up to a limit.",
        .arguments = {{{"parent", "handle with Control"}, {"limit", "bytes"}}}, .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply { Handle account; };
    Handle parent;
    uint64_t limit;
};

struct AccountQuery {
    static constexpr CallDoc doc{.number = 56, .name = "account_query", .summary = "Tell the state of an account.",
        .arguments = {{{"account", "handle with Read"}, {"info", "AccountInfo to fill"}}}, .errors = {BadHandle, AccessDenied, BadAddress}};
    using Reply = NoReply;
    Handle account;
    uint64_t info;
};

struct DebugLog {
    static constexpr CallDoc doc{.number = 57, .name = "debug_log", .summary = "Append bytes to the kernel log.",
        .arguments = {{{"address", "source"}, {"length", "at most 1024"}}}, .errors = {BadAddress, TooLarge}};
    using Reply = NoReply;
    uint64_t address;
    uint64_t length;
};

struct SystemQuery {
    static constexpr CallDoc doc{.number = 58, .name = "system_query", .summary = "Describe the machine and what it holds.",
        .arguments = {{{"info", "SystemInfo to fill"}}}, .errors = {BadAddress}};
    using Reply = NoReply;
    uint64_t info;
};

using Syscalls = CallList<Null, HandleClose, HandleDuplicate, HandleInstall, PortCreate, PortBadge, PortSend, PortCall, PortCallAsync,
                          PortReceive, PortReply, PortReplyReceive, CallCancel, PortNotify, WindowRead, WindowWrite, MemoryCreate,
                          MemoryClone, MemoryPhysical, MemoryResize, MemoryQuery, MemoryRead, MemoryWrite, SpaceCreate, SpaceMap,
                          SpaceUnmap, SpaceProtect, SpaceQuery, ProcessCreate, ProcessClone, ProcessSetEntries, ProcessExec, ProcessKill,
                          ProcessSuspend, ProcessResume, ProcessQuery, ThreadCreate, ThreadExit, ThreadAlert, ThreadSleep, ThreadYield,
                          UpcallQuery, UpcallReturn, FutexWait, FutexWake, FutexRequeue, TimerCreate, TimerSet, ClockRead,
                          InterruptCreate, InterruptAck, IoCreate, IoRead, IoWrite, IoWriteBytes, AccountCreate, AccountQuery, DebugLog,
                          SystemQuery>;

}  // namespace portico::abi
