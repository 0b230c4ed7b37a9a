#pragma once

#include "abi/call_doc.h"
#include "abi/handle.h"
#include "abi/message.h"
#include "abi/types.h"

namespace portico::abi {

using enum Error;

// ---- handles

struct Null {
    static constexpr CallDoc doc{.number = 0, .name = "null", .summary = "Do nothing; measures the cost of entry and exit."};
    using Reply = NoReply;
};

struct HandleClose {
    static constexpr CallDoc doc{.number = 1,
                                 .name = "handle_close",
                                 .summary = "Close a handle; the object goes when nothing refers to it.",
                                 .arguments = {{{"handle", "any handle"}}},
                                 .errors = {BadHandle}};
    using Reply = NoReply;
    Handle handle;
};

struct HandleDuplicate {
    static constexpr CallDoc doc{.number = 2,
                                 .name = "handle_duplicate",
                                 .summary = "Make another handle to the same object, with the same or fewer rights.",
                                 .arguments = {{{"handle", "handle with Duplicate"}, {"rights", "rights to keep; others are dropped"}}},
                                 .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply {
        Handle handle;
    };
    Handle handle;
    uint64_t rights;
};

struct HandleInstall {
    static constexpr CallDoc doc{
        .number = 3,
        .name = "handle_install",
        .summary = "Duplicate a handle into another process's table, at a slot of choice; what was there is closed.",
        .arguments = {{{"process", "handle with Control"},
                       {"slot", "the handle value to fill, of any generation; 0 picks a free one"},
                       {"handle", "handle with Duplicate and Transfer"},
                       {"rights", "rights to keep"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory, WrongState}};
    struct Reply {
        Handle handle;
    };
    Handle process;
    Handle slot;
    Handle handle;
    uint64_t rights;
};

// ---- ports

struct PortCreate {
    static constexpr CallDoc doc{
        .number = 4, .name = "port_create", .summary = "Make a port; the handle has Receive.", .errors = {NoMemory}};
    struct Reply {
        Handle port;
    };
};

struct PortBadge {
    static constexpr CallDoc doc{
        .number = 5,
        .name = "port_badge",
        .summary = "Make a send handle whose messages carry `badge`. When the last handle to it goes, the port gets kNotifySendersGone.",
        .arguments = {{{"port", "handle with Receive"},
                       {"badge", "any 64 bits"},
                       {"credits", "messages it may have queued (1 to 65535)"},
                       {"pages", "most pages that one of its messages may carry (0 to kMessagePagesMax)"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply {
        Handle sender;
    };
    Handle port;
    uint64_t badge;
    uint64_t credits;
    uint64_t pages = 0;
};

struct PortSend {
    static constexpr CallDoc doc{
        .number = 6,
        .name = "port_send",
        .summary =
            "Post a message; never waits for the receiver. Ports that it carries must be younger than the one it goes to, else it is "
            "InvalidArgument; a call may carry any.",
        .arguments = {{{"handle", "handle with Send"}, {"message", "header, words, pages"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, TooLarge, NoCredit, NoMemory, PeerClosed}};
    using Reply = MessageReply;
};

struct PortSendWait {
    static constexpr CallDoc doc{
        .number = 69,
        .name = "port_send_wait",
        .summary =
            "As port_send, but without a credit wait for one; those who wait get them in turn. Whatever the message carries is taken when "
            "there is one.",
        .arguments = {{{"handle", "handle with Send"},
                       {"message", "header, words, pages"},
                       {"deadline", "absolute ns; kNow: do not wait"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, TooLarge, NoCredit, NoMemory, PeerClosed, TimedOut, Interrupted}};
    using Reply = MessageReply;
};

struct PortCall {
    static constexpr CallDoc doc{
        .number = 7,
        .name = "port_call",
        .summary =
            "Post a message under a new id and wait for the reply with that id. The deadline, and an alert unless the header says steady, "
            "end the call.",
        .arguments = {{{"handle", "handle with Send"}, {"message", "header, words, windows or pages"}, {"deadline", "absolute ns"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, TooLarge, NoMemory, PeerClosed, TimedOut, Interrupted}};
    using Reply = MessageReply;
};

struct PortCallAsync {
    static constexpr CallDoc doc{.number = 8,
                                 .name = "port_call_async",
                                 .summary =
                                     "Post a message under a new id, which is returned at once (rdi); the reply arrives at `reply port` as "
                                     "a Reply with that id. A dead receiver replies PeerClosed.",
                                 .arguments = {{{"handle", "handle with Send"},
                                                {"message", "header and words, no windows or pages"},
                                                {"reply port", "handle with Receive (r14)"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory, PeerClosed}};
    using Reply = MessageReply;
};

struct PortReceive {
    static constexpr CallDoc doc{
        .number = 9,
        .name = "port_receive",
        .summary = "Take the oldest message, or wait for one. Its pages land at r15; if they cannot, it stays.",
        .arguments = {{{"handle", "handle with Receive"}, {"deadline", "absolute ns; kNow polls"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, TooLarge, NoMemory, WouldBlock, TimedOut, Interrupted}};
    using Reply = MessageReply;
};

struct PortReply {
    static constexpr CallDoc doc{
        .number = 10,
        .name = "port_reply",
        .summary =
            "Answer a call this process took. NoSuchCall means the caller no longer waits and saw no effect of "
            "the reply: undo or keep what it would have consumed. What the reply moves is gone all the same; after another error it "
            "is not.",
        .arguments = {{{"id", "of the call"}, {"message", "header (operation = status), words, pages"}}},
        .errors = {NoSuchCall, BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = MessageReply;
};

struct PortReplyReceive {
    static constexpr CallDoc doc{
        .number = 11,
        .name = "port_reply_receive",
        .summary = "port_reply then port_receive in one trap. A refused reply ends it with NoSuchCall before anything is received.",
        .arguments = {{{"handle", "handle with Receive"},
                       {"message", "the reply, no pages"},
                       {"deadline", "absolute ns, for the receive"},
                       {"id", "of the call to answer (r14); 0 for none"}}},
        .errors = {NoSuchCall, BadHandle, AccessDenied, InvalidArgument, BadAddress, TooLarge, NoMemory, WouldBlock, TimedOut,
                   Interrupted}};
    using Reply = MessageReply;
};

struct CallCancel {
    static constexpr CallDoc doc{
        .number = 12,
        .name = "call_cancel",
        .summary = "End an asynchronous call of this process; no reply will arrive.",
        .arguments = {{{"reply_port", "handle with Receive, as given to port_call_async"}, {"id", "as returned by port_call_async"}}},
        .errors = {BadHandle, AccessDenied, NoSuchCall}};
    using Reply = NoReply;
    Handle reply_port;
    uint64_t id;
};

struct PortNotify {
    static constexpr CallDoc doc{
        .number = 13,
        .name = "port_notify",
        .summary = "Raise bits; the receiver sees them once, joined with others not yet seen. Needs no memory, cannot fail for want of it.",
        .arguments = {{{"handle", "handle with Send"}, {"bits", "not kNotifyKernelBits"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, PeerClosed}};
    using Reply = NoReply;
    Handle handle;
    uint64_t bits;
};

struct WindowRead {
    static constexpr CallDoc doc{
        .number = 14,
        .name = "window_read",
        .summary = "Copy from the readable window of a call this process took.",
        .arguments = {{{"id", "of the call"}, {"offset", "in the window"}, {"address", "destination"}, {"length", "bytes"}}},
        .errors = {NoSuchCall, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    uint64_t id;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

struct WindowWrite {
    static constexpr CallDoc doc{
        .number = 15,
        .name = "window_write",
        .summary = "Copy to the writable window of a call this process took.",
        .arguments = {{{"id", "of the call"}, {"offset", "in the window"}, {"address", "source"}, {"length", "bytes"}}},
        .errors = {NoSuchCall, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    uint64_t id;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

// ---- more ways to send and receive

struct PortForward {
    static constexpr CallDoc doc{
        .number = 59,
        .name = "port_forward",
        .summary =
            "Hand a call that this process took on to another port, with a message of its own. The caller goes on waiting, under the same "
            "id, for whoever takes it there; what it lends goes along. After an error the call is still this process's, but after "
            "NoSuchCall "
            "the message has lost what it moves.",
        .arguments = {{{"handle", "handle with Send"}, {"message", "header, words, pages (r15)"}, {"id", "of the call (r14)"}}},
        .errors = {NoSuchCall, BadHandle, AccessDenied, InvalidArgument, BadAddress, TooLarge, NoMemory, PeerClosed}};
    using Reply = MessageReply;
};

struct PortSendBatch {
    static constexpr CallDoc doc{
        .number = 60,
        .name = "port_send_batch",
        .summary = "Post messages in order, as by port_send, until one is refused; its error if that is the first. No pages.",
        .arguments = {{{"handle", "handle with Send"}, {"address", "of Messages; id and badge are ignored"}, {"count", "1 to kBatchMax"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoCredit, NoMemory, PeerClosed}};
    struct Reply {
        uint64_t sent;
    };
    Handle handle;
    uint64_t address;
    uint64_t count;
};

struct PortReceiveBatch {
    static constexpr CallDoc doc{
        .number = 61,
        .name = "port_receive_batch",
        .summary =
            "Take messages into memory, oldest first, until the queue is empty; wait if it is. One that lends memory or carries pages ends "
            "the batch; if it is the first: NotSupported, and port_receive takes it.",
        .arguments = {{{"handle", "port, with Receive"},
                       {"address", "of Messages to fill"},
                       {"count", "1 to kBatchMax"},
                       {"deadline", "absolute ns; kNow polls"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory, NotSupported, WouldBlock, TimedOut}};
    struct Reply {
        uint64_t received;
    };
    Handle handle;
    uint64_t address;
    uint64_t count;
    uint64_t deadline;
};

struct SetCreate {
    static constexpr CallDoc doc{.number = 62,
                                 .name = "set_create",
                                 .summary = "Make a set of ports; what receives from a port can receive from it.",
                                 .errors = {NoMemory}};
    struct Reply {
        Handle set;
    };
};

struct SetAdd {
    static constexpr CallDoc doc{
        .number = 63,
        .name = "set_add",
        .summary = "Put a port into a set. A port is in one set at most. It leaves when it is closed.",
        .arguments = {{{"set", "handle with Receive"}, {"port", "handle with Receive"}, {"key", "told with each message (r14)"}}},
        .errors = {BadHandle, AccessDenied, Exists}};
    using Reply = NoReply;
    Handle set;
    Handle port;
    uint64_t key;
};

struct SetRemove {
    static constexpr CallDoc doc{.number = 64,
                                 .name = "set_remove",
                                 .summary = "Take a port out of a set.",
                                 .arguments = {{{"set", "handle with Receive"}, {"port", "handle with Receive"}}},
                                 .errors = {BadHandle, AccessDenied, NotFound}};
    using Reply = NoReply;
    Handle set;
    Handle port;
};

}  // namespace portico::abi
