#pragma once

#include "abi/call_doc.h"
#include "abi/handle.h"
#include "abi/message.h"
#include "abi/types.h"

namespace portico::abi {

using enum Error;

// ---- time

struct TimerCreate {
    static constexpr CallDoc doc{.number = 46,
                                 .name = "timer_create",
                                 .summary = "Make a timer that raises bits on a send handle.",
                                 .arguments = {{{"sender", "handle with Send"}, {"bits", "not kNotifyKernelBits"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply {
        Handle timer;
    };
    Handle sender;
    uint64_t bits;
};

struct TimerSet {
    static constexpr CallDoc doc{.number = 47,
                                 .name = "timer_set",
                                 .summary = "Arm or stop a timer; periods that pass unseen join.",
                                 .arguments = {{{"timer", "handle with Control"},
                                                {"deadline", "absolute ns; kForever stops it"},
                                                {"period", "ns, at least 100,000; 0 for once"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle timer;
    uint64_t deadline;
    uint64_t period;
};

struct ClockRead {
    static constexpr CallDoc doc{
        .number = 48, .name = "clock_read", .summary = "Tell the time since boot. Programs compute it themselves from SystemInfo."};
    struct Reply {
        uint64_t now_ns;
    };
};

// ---- devices

struct InterruptCreate {
    static constexpr CallDoc doc{.number = 49,
                                 .name = "interrupt_create",
                                 .summary =
                                     "Bind an interrupt to a send handle; when it fires, it is masked and the bits are raised. A "
                                     "message interrupt fires when a device writes `data` to `address`.",
                                 .arguments = {{{"resource", "the hardware resource"},
                                                {"line", "global system interrupt; or kMessageInterrupt: one that a message raises"},
                                                {"sender", "handle with Send"},
                                                {"bits", "not kNotifyKernelBits"},
                                                {"level", "1: level-triggered, active low"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, Busy, NoSpace, NoMemory}};
    struct Reply {
        Handle interrupt;
        uint64_t address;  ///< of a message interrupt; else 0
        uint64_t data;
    };
    Handle resource;
    uint64_t line;
    Handle sender;
    uint64_t bits;
    uint64_t level;
};

struct InterruptAck {
    static constexpr CallDoc doc{.number = 50,
                                 .name = "interrupt_ack",
                                 .summary = "Unmask the line again.",
                                 .arguments = {{{"interrupt", "handle with Control"}}},
                                 .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle interrupt;
};

struct IoCreate {
    static constexpr CallDoc doc{
        .number = 51,
        .name = "io_create",
        .summary = "Make a handle to a range of x86 I/O ports.",
        .arguments = {{{"resource", "the hardware resource"}, {"base", "first port"}, {"count", "1 to 65536 - base"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply {
        Handle io;
    };
    Handle resource;
    uint64_t base;
    uint64_t count;
};

struct IoRead {
    static constexpr CallDoc doc{
        .number = 52,
        .name = "io_read",
        .summary = "Read an I/O port.",
        .arguments = {{{"io", "handle with Read"}, {"offset", "from the range's base"}, {"width", "1, 2 or 4 bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument}};
    struct Reply {
        uint64_t value;
    };
    Handle io;
    uint64_t offset;
    uint64_t width;
};

struct IoWrite {
    static constexpr CallDoc doc{.number = 53,
                                 .name = "io_write",
                                 .summary = "Write an I/O port.",
                                 .arguments = {{{"io", "handle with Write"},
                                                {"offset", "from the range's base"},
                                                {"width", "1, 2 or 4 bytes"},
                                                {"value", "to write"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle io;
    uint64_t offset;
    uint64_t width;
    uint64_t value;
};

struct IoWriteBytes {
    static constexpr CallDoc doc{.number = 54,
                                 .name = "io_write_bytes",
                                 .summary = "Write bytes to one I/O port, one after the other.",
                                 .arguments = {{{"io", "handle with Write"},
                                                {"offset", "from the range's base"},
                                                {"address", "source"},
                                                {"length", "at most kPageBytes"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress}};
    using Reply = NoReply;
    Handle io;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

// ---- accounts and the system

struct AccountCreate {
    static constexpr CallDoc doc{.number = 55,
                                 .name = "account_create",
                                 .summary = "Make an account that draws on another, up to a limit.",
                                 .arguments = {{{"parent", "handle with Control"},
                                                {"limit", "bytes"},
                                                {"kept_free", "bytes of RAM that it and those below it leave free for others"}}},
                                 .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply {
        Handle account;
    };
    Handle parent;
    uint64_t limit;
    uint64_t kept_free = 0;
};

struct AccountSetLimit {
    static constexpr CallDoc doc{
        .number = 73,
        .name = "account_set_limit",
        .summary = "Change an account's limit. Nothing is taken away: what uses more is refused more until it uses less.",
        .arguments = {{{"account", "handle with Write, as account_create gives it"}, {"limit", "bytes"}}},
        .errors = {BadHandle, AccessDenied}};
    using Reply = NoReply;
    Handle account;
    uint64_t limit;
};

struct AccountWatch {
    static constexpr CallDoc doc{
        .number = 74,
        .name = "account_watch",
        .summary = "Raise bits on a send handle, once, when the account uses more than a mark or is refused. Replaces the watch before it.",
        .arguments = {{{"account", "handle with Write"},
                       {"sender", "handle with Send; 0: watch no longer"},
                       {"bits", "not kNotifyKernelBits"},
                       {"used", "the mark in bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument}};
    using Reply = NoReply;
    Handle account;
    Handle sender;
    uint64_t bits;
    uint64_t used;
};

struct AccountQuery {
    static constexpr CallDoc doc{.number = 56,
                                 .name = "account_query",
                                 .summary = "Tell the state of an account.",
                                 .arguments = {{{"account", "handle with Read"}, {"info", "AccountInfo to fill"}}},
                                 .errors = {BadHandle, AccessDenied, BadAddress}};
    using Reply = NoReply;
    Handle account;
    uint64_t info;
};

struct DebugLog {
    static constexpr CallDoc doc{.number = 57,
                                 .name = "debug_log",
                                 .summary = "Append bytes to the kernel log.",
                                 .arguments = {{{"address", "source"}, {"length", "at most 1024"}}},
                                 .errors = {BadAddress, TooLarge}};
    using Reply = NoReply;
    uint64_t address;
    uint64_t length;
};

struct SystemQuery {
    static constexpr CallDoc doc{.number = 58,
                                 .name = "system_query",
                                 .summary = "Describe the machine and what it holds.",
                                 .arguments = {{{"info", "SystemInfo to fill"}}},
                                 .errors = {BadAddress}};
    using Reply = NoReply;
    uint64_t info;
};

// ---- for those who look on

struct ObjectSetName {
    static constexpr CallDoc doc{
        .number = 67,
        .name = "object_set_name",
        .summary = "Name a process or thread for traces and lists; 16 bytes, zero-padded.",
        .arguments = {{{"object", "process or thread, with Control"}, {"low", "first 8 bytes"}, {"high", "the rest"}}},
        .errors = {BadHandle, AccessDenied, WrongType}};
    using Reply = NoReply;
    Handle object;
    uint64_t low;
    uint64_t high;
};

struct ProcessInspect {
    static constexpr CallDoc doc{
        .number = 75,
        .name = "process_inspect",
        .summary =
            "Describe the first mapping of a process that ends above an address, and its pages from there on; as "
            "many as a bounded time allows: the rest by further calls.",
        .arguments = {{{"process", "handle with Read"}, {"above", "an address"}, {"info", "MappingUsage to fill"}}},
        .errors = {BadHandle, AccessDenied, NotFound, WrongState, BadAddress}};
    using Reply = NoReply;
    Handle process;
    uint64_t above;
    uint64_t info;
};

struct PortList {
    static constexpr CallDoc doc{.number = 68,
                                 .name = "port_list",
                                 .summary = "Describe the ports with ids above a cursor, in the order of their ids.",
                                 .arguments = {{{"resource", "the hardware resource, with Read"},
                                                {"cursor", "the last id seen; 0 to begin"},
                                                {"address", "of PortInfos to fill"},
                                                {"count", "at most 64"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress}};
    struct Reply {
        uint64_t count;
    };
    Handle resource;
    uint64_t cursor;
    uint64_t address;
    uint64_t count;
};

}  // namespace portico::abi
