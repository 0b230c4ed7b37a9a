#pragma once

#include <cstdint>

#include "protocols/method.h"

/// What System V's shared memory, semaphores and message queues and POSIX's message queues ask of their server (docs/sysv.md). Structures
/// in windows are Linux's, so that nobody translates them.
namespace portico::protocols::sysv {

/// The badge of the handle that any process gets; an open POSIX queue's are from file::kFirstObjectBadge on.
inline constexpr uint64_t kAnyBadge = 0;

enum class Kind : uint32_t { Memory, Semaphores, Messages };

/// What goes wrong that no other server knows.
enum class Trouble : int32_t {
    None,
    Removed,      ///< EIDRM: it was removed while the caller waited, or before
    NoMessage,    ///< ENOMSG
    TooBig,       ///< E2BIG: more than there is room for
    OutOfRange,   ///< ERANGE: a semaphore would have too high a value
    NoSemaphore,  ///< EFBIG: an operation is on a semaphore beyond the last
    TooLong,      ///< EMSGSIZE
};

/// Numbers of Linux's that both sides know: flags of Get and of operations, commands of Control.
inline constexpr uint32_t kCreate = 01000, kExclusive = 02000, kNoWait = 04000;
inline constexpr uint32_t kUndo = 0x1000;                        ///< of a semaphore operation
inline constexpr uint32_t kTruncate = 010000, kExcept = 020000;  ///< of Receive
inline constexpr uint32_t kAttachReadOnly = 010000;              ///< of Attach
inline constexpr uint32_t kRemove = 0, kSet = 1, kStat = 2, kInfo = 3;
namespace semaphore {
inline constexpr uint32_t kGetPid = 11, kGetValue = 12, kGetAll = 13, kCountWaiting = 14, kCountForZero = 15, kSetValue = 16, kSetAll = 17,
                          kStatIndex = 18, kUsage = 19, kStatAny = 20;
}
namespace message {
inline constexpr uint32_t kStatIndex = 11, kUsage = 12, kStatAny = 13;
}
namespace memory {
inline constexpr uint32_t kLock = 11, kUnlock = 12, kStatIndex = 13, kUsage = 14, kStatAny = 15;
}

/// What leads the calls that change something: who does it.
struct Answer {
    Trouble trouble = Trouble::None;
    int32_t zero = 0;
    int64_t value = 0;
};

struct Get {
    static constexpr Method method{0x800, "sysv.get",
                                   "Find or make what a key stands for; the value is its id. Private (key 0) is always new."};
    using Reply = Answer;
    Kind kind;
    int32_t key;
    uint32_t flags;  ///< kCreate, kExclusive, permissions
    uint32_t count;  ///< of semaphores
    uint64_t size_bytes;
    int32_t pid;
    uint32_t uid, gid;
    uint32_t zero;
};

struct Control {
    static constexpr Method method{0x801, "sysv.control", "semctl, msgctl, shmctl: structures and values go through both windows."};
    using Reply = Answer;
    Kind kind;
    uint32_t command;
    int32_t id;
    int32_t index;  ///< of a semaphore
    int64_t argument;
    int32_t pid;
    uint32_t zero;
};

struct Operate {
    static constexpr Method method{0x802, "sysv.operate", "semop: the operations (struct sembuf) are in the readable window. Waits."};
    using Reply = Answer;
    int32_t id;
    int32_t pid;
};

struct Send {
    static constexpr Method method{0x803, "sysv.send", "msgsnd: the text is in the readable window. Waits."};
    using Reply = Answer;
    int32_t id;
    uint32_t flags;
    int64_t type;
    int32_t pid;
    uint32_t zero;
};

struct Receive {
    static constexpr Method method{0x804, "sysv.receive", "msgrcv: the text goes to the writable window, its length is the value. Waits."};
    struct Reply {
        Answer answer;
        int64_t type;
    };
    int32_t id;
    uint32_t flags;
    int64_t type;
    int32_t pid;
    uint32_t zero;
};

struct Attach {
    static constexpr Method method{0x805, "sysv.attach",
                                   "shmat: the memory, and a handle that is the attachment: it counts until its last duplicate is closed."};
    struct Reply {
        static constexpr unsigned kHandles = 2;
        Trouble trouble;
        int32_t zero;
        uint64_t size_bytes;
        uint64_t reserved;
        Handle memory, attachment;
    };
    int32_t id;
    uint32_t flags;
    int32_t pid;
};

struct AttachAgain {
    static constexpr Method method{0x806, "sysv.attach_again",
                                   "On an attachment: another one, for the child that the caller is about to make."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle attachment;
    };
};

struct List {
    static constexpr Method method{0x807, "sysv.list", "Write the text of /proc/sysvipc/… to the writable window.", Repeat::Yes};
    struct Reply {
        uint64_t length_bytes;  ///< of all of it; what does not fit is not written
    };
    Kind kind;
    uint32_t zero;
};

/// POSIX message queues. An open one is an object of the file protocol (read, poll, flags); the rest is here.
struct QueueAttributes {
    int64_t flags = 0, messages_max = 0, message_bytes_max = 0, messages = 0, zero[4]{};
};
static_assert(sizeof(QueueAttributes) == 64);

struct OpenQueue {
    static constexpr Method method{0x810, "sysv.open_queue", "mq_open: the name is in the readable window. 0 messages_max: as usual."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle queue;
    };
    uint32_t flags;  ///< O_ values
    uint32_t mode;
    int64_t messages_max, message_bytes_max;
    uint32_t uid, gid;
};

struct UnlinkQueue {
    static constexpr Method method{0x811, "sysv.unlink_queue", "mq_unlink: the name is in the readable window."};
    using Reply = Empty;
};

struct SendQueued {
    static constexpr Method method{0x812, "sysv.send_queued",
                                   "mq_timedsend: the text is in the readable window. Waits unless the queue is non-blocking."};
    using Reply = Answer;
    uint32_t priority;
    int32_t pid;
    uint32_t uid, zero;
};

struct ReceiveQueued {
    static constexpr Method method{0x813, "sysv.receive_queued",
                                   "mq_timedreceive: to the writable window; the value is the length. Waits likewise."};
    struct Reply {
        Answer answer;
        uint64_t priority;
    };
};

struct NotifyQueued {
    static constexpr Method method{0x814, "sysv.notify_queued",
                                   "mq_notify: be told of the next message to the empty queue. Busy: another is."};
    using Reply = Empty;
    enum class How : uint32_t { Signal, Nothing, Cancel } how;
    int32_t signal;
    uint64_t value;
    int32_t pid;
    uint32_t zero;
};

struct QueueState {
    static constexpr Method method{0x815, "sysv.queue_state", "Fill the writable window with QueueAttributes.", Repeat::Yes};
    using Reply = Empty;
};

using Protocol = MethodList<Get, Control, Operate, Send, Receive, Attach, AttachAgain, List, OpenQueue, UnlinkQueue, SendQueued,
                            ReceiveQueued, NotifyQueued, QueueState>;

}  // namespace portico::protocols::sysv
