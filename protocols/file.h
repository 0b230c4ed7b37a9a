#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocols/method.h"
#include "protocols/short_path.h"

/// The interface of everything a descriptor can stand for: files, directories, devices, pipes, terminals. Each open object
/// (POSIX: open file description) is one badge; descriptors that share it hold handles with that badge, so fork and dup
/// share the offset, and the server learns of the last close by kNotifySendersGone.
///
/// Reads and writes that have to wait do so in the server, which replies later. A server replies first and only then
/// consumes or adds data: a refused reply (the caller was interrupted) must leave the data as it was.
namespace portico::protocols::file {

inline constexpr uint64_t kCurrentOffset = ~uint64_t{0};  ///< use and advance the open object's own offset
inline constexpr uint32_t kPathBytesMax = 4095;
inline constexpr uint32_t kNameBytesMax = 255;

/// Those behind Socket are no files of a file system: an event counter, a timer, a set of signals, an epoll (protocols/event.h).
enum class Kind : uint32_t {
    None,
    File,
    Directory,
    SymbolicLink,
    CharacterDevice,
    BlockDevice,
    Fifo,
    Socket,
    Event,
    Timer,
    SignalSet,
    Epoll
};

/// Badges of a server's own making. Its open objects have others, from kFirstObjectBadge on.
inline constexpr uint64_t kRootBadge = 0;     ///< the root directory; at the pipe server: what any process may ask (MakePipe)
inline constexpr uint64_t kControlBadge = 1;  ///< as kRootBadge, and RegisterDevice; at the pipe server: the file server's, for OpenFifo
inline constexpr uint64_t kFirstObjectBadge = 16;

/// Open flags: numbers are Linux's O_ values (x86-64), so no table translates them.
inline constexpr uint32_t kAccessMode = 3, kReadOnly = 0, kWriteOnly = 1, kReadWrite = 2;
inline constexpr uint32_t kCreate = 0100, kExclusive = 0200, kNoControllingTerminal = 0400, kTruncate = 01000, kAppend = 02000,
                          kNonBlocking = 04000, kDirectory = 0200000, kNoFollow = 0400000, kPathOnly = 010000000,
                          kTemporary = 020000000 | kDirectory;  ///< a file without a name in that directory

/// Attributes of a file, 128 bytes. mode is Linux's st_mode (type and permissions), times are CLOCK_REALTIME.
struct Attributes {
    uint64_t device = 0, inode = 0, links = 0;
    uint32_t mode = 0, uid = 0;
    uint32_t gid = 0, block_bytes = 4096;
    uint64_t special_device = 0;
    uint64_t size_bytes = 0, blocks_512 = 0;
    int64_t access_ns = 0, modify_ns = 0, change_ns = 0, birth_ns = 0;
    uint64_t zero[4]{};
};
static_assert(sizeof(Attributes) == 128);

/// One entry of ReadDirectory: Linux's struct linux_dirent64, so that the window may be a program's own buffer. The name follows, with
/// a zero, padded with zeros to a multiple of 8.
struct DirectoryEntry {
    uint64_t inode;
    uint64_t next_cookie;  ///< where to go on after this entry
    uint16_t entry_bytes;  ///< of all of it
    uint8_t type;          ///< DT_ value

    static constexpr uint64_t kNameAt = 19;
    static constexpr uint64_t bytes_of(uint64_t name_bytes) { return (kNameAt + name_bytes + 1 + 7) & ~uint64_t{7}; }
    static constexpr uint8_t type_of(Kind kind) {
        constexpr uint8_t kTypes[] = {0, 8, 4, 10, 2, 6, 1, 12};
        const auto number = static_cast<uint32_t>(kind);
        return number < sizeof(kTypes) ? kTypes[number] : 0;
    }
    /// Writes an entry, for which there must be room. Returns its bytes.
    static uint64_t write(std::byte* to, uint64_t inode, uint64_t next_cookie, Kind kind, std::string_view name) {
        const uint64_t entry_bytes = bytes_of(name.size());
        const uint64_t head[3] = {inode, next_cookie, entry_bytes | uint64_t{type_of(kind)} << 16};
        const uint64_t zeros = 0;
        std::memcpy(to, head, sizeof(head));
        std::memcpy(to + entry_bytes - sizeof(zeros), entry_bytes == sizeof(head) ? head + 2 : &zeros, sizeof(zeros));
        std::memcpy(to + kNameAt, name.data(), name.size());
        return entry_bytes;
    }
};

// ---- on any open object

struct Read {
    static constexpr Method method{
        0x100, "file.read",
        "Read into the writable window; 0 bytes is the end. Waits if there is nothing yet and the object is not non-blocking."};
    struct Reply {
        uint64_t length_bytes;
    };
    uint64_t offset;  ///< or kCurrentOffset
    uint64_t length_bytes;
    uint64_t process_group;  ///< the caller's, for terminals' job control; 0 if it has none
};

struct Write {
    static constexpr Method method{0x101, "file.write", "Write from the readable window."};
    struct Reply {
        uint64_t length_bytes;
    };
    uint64_t offset;  ///< or kCurrentOffset
    uint64_t length_bytes;
    uint64_t process_group;
};

struct Seek {
    static constexpr Method method{0x102, "file.seek", "Set the current offset; whence is Linux's (0 set, 1 current, 2 end)."};
    struct Reply {
        uint64_t offset;
    };
    int64_t offset;
    uint64_t whence;
};

struct GetAttributes {
    static constexpr Method method{0x103, "file.get_attributes", "Fill the writable window with Attributes.", Repeat::Yes};
    using Reply = Empty;
};

/// What SetAttributes changes.
enum class Change : uint32_t { Mode = 1, Owner = 2, Group = 4, AccessTime = 8, ModifyTime = 16, AccessNow = 32, ModifyNow = 64 };

struct SetAttributes {
    static constexpr Method method{
        0x104, "file.set_attributes",
        "Change what `changes` names; with readable window bytes beyond zero, of the file at that path below this directory."};
    using Reply = Empty;
    uint32_t changes;  ///< bits of Change
    uint32_t mode;     ///< permission bits
    uint32_t uid, gid;
    int64_t access_ns, modify_ns;
    uint64_t no_follow;  ///< 1: a final symbolic link itself
};

struct Truncate {
    static constexpr Method method{0x105, "file.truncate", "Set the size.", Repeat::Yes};
    using Reply = Empty;
    uint64_t size_bytes;
};

struct Sync {
    static constexpr Method method{0x106, "file.sync", "Return when what was written is on stable storage.", Repeat::Yes};
    using Reply = Empty;
};

struct GetFlags {
    static constexpr Method method{0x107, "file.get_flags", "Tell the open flags as they are now.", Repeat::Yes};
    struct Reply {
        uint64_t flags;
    };
};

struct SetFlags {
    static constexpr Method method{0x108, "file.set_flags", "Set kAppend and kNonBlocking; other bits are ignored.", Repeat::Yes};
    using Reply = Empty;
    uint64_t flags;
};

struct Control {
    static constexpr Method method{0x109, "file.control",
                                   "ioctl: the argument structure goes through both windows. Errors: NotTerminal, NotSupported."};
    struct Reply {
        uint64_t result;
    };
    uint64_t request;        ///< Linux's number
    uint64_t argument;       ///< by value, for requests that take one
    uint64_t process_group;  ///< the caller's
    uint64_t session;        ///< the caller's
    uint64_t pid;
};

/// Readiness bits are Linux's: POLLIN 1, POLLPRI 2, POLLOUT 4, POLLERR 8, POLLHUP 0x10, POLLRDHUP 0x2000.
struct Poll {
    static constexpr Method method{
        0x10A, "file.poll",
        "Tell which of `events` (and POLLERR, POLLHUP) hold; if none and wait is 1, reply when one does. Waiting with `seen`, the "
        "`changes` of an earlier reply, is for something that became ready since (edges); a server that does not count tells 0.",
        Repeat::Yes};
    struct Reply {
        uint64_t events;
        uint64_t changes = 0;
    };
    uint64_t events;
    uint64_t wait;
    uint64_t seen = 0;
};

struct GetMemory {
    static constexpr Method method{
        0x10B, "file.get_memory",
        "Give the memory object that holds the file's bytes (read, write or execute rights as opened). It stays the file's: writes show."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t size_bytes;
        uint64_t zero[3];
        Handle memory;
    };
};

struct ReadDirectory {
    static constexpr Method method{0x10C, "file.read_directory",
                                   "Fill the writable window with DirectoryEntry records from a cookie on (0: start; kCurrentOffset: where "
                                   "the last one ended); 0 bytes is the end."};
    struct Reply {
        uint64_t length_bytes;
    };
    uint64_t cookie;
};

struct GetPath {
    static constexpr Method method{0x10D, "file.get_path",
                                   "Write the object's absolute path (no zero) to the writable window. NotFound if it was removed.",
                                   Repeat::Yes};
    struct Reply {
        uint64_t length_bytes;
    };
};

struct GetSpace {
    static constexpr Method method{0x10E, "file.get_space", "Describe the file system (statfs).", Repeat::Yes};
    struct Reply {
        uint64_t block_bytes, blocks, blocks_free, files, files_free;
    };
};

enum class LockKind : uint32_t { None, Shared, Exclusive };

/// Whose lock: flock's of the open object; fcntl's of a process, or (F_OFD_) of the open object. The first does not see the others.
enum class LockHolder : uint16_t { WholeFile, Process, OpenObject };

struct Lock {
    static constexpr Method method{0x10F, "file.lock",
                                   "Set (kind None: take back) a lock on bytes start to end - 1. Waits if `wait` is 1, else WouldBlock; "
                                   "NoSpace if there are too many locks."};
    struct Reply {
        uint64_t deadlock;  ///< 1: not set, as processes would wait for each other for ever
    };
    LockKind kind;
    LockHolder holder;
    uint16_t wait;
    uint64_t pid;  ///< the caller's
    uint64_t start, end;
};

struct QueryLock {
    static constexpr Method method{0x119, "file.query_lock",
                                   "Tell the first lock that keeps this one from being set; kind None if none does.", Repeat::Yes};
    struct Reply {
        LockKind kind;
        LockHolder holder;
        uint16_t zero;
        uint64_t pid;  ///< of a Process's
        uint64_t start, end;
    };
    LockKind kind;
    LockHolder holder;
    uint16_t zero;
    uint64_t pid;
    uint64_t start, end;
};

// ---- on a directory; the readable window holds a path, relative to it or absolute (no zero at the end)

struct Open {
    static constexpr Method method{0x110, "file.open",
                                   "Open the path. Also on a non-directory with an empty path: open the same file anew."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        Kind kind;
        uint32_t mode;
        uint64_t size_bytes;
        uint64_t special_device;
        uint64_t zero;
        Handle file;
    };
    uint32_t flags;    ///< Linux's O_ values
    uint32_t mode;     ///< permission bits for kCreate, umask applied by the caller
    uint32_t session;  ///< the caller's, for terminals
    uint32_t process_group;
    ShortPath<23> path;
};

struct OpenProgram {
    static constexpr Method method{
        0x124, "file.open_program",
        "What execve needs of the file at the path: it may be executed (AccessDenied), here is its memory to read, "
        "execute and map; its absolute path goes to the writable window, if it has one that fits.",
        Repeat::Yes};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t size_bytes;
        uint64_t path_bytes;  ///< 0: none
        uint64_t zero[2];
        Handle memory;
    };
};

struct GetAttributesAt {
    static constexpr Method method{0x111, "file.get_attributes_at", "Fill the writable window with the Attributes of a path.", Repeat::Yes};
    using Reply = Empty;
    uint8_t no_follow;
    ShortPath<38> path;
};

struct MakeNode {
    static constexpr Method method{0x112, "file.make_node", "Make a directory, an empty file, a fifo or a device node."};
    using Reply = Empty;
    Kind kind;
    uint32_t mode;
    uint64_t special_device;
};

struct Remove {
    static constexpr Method method{0x113, "file.remove", "Remove a name; directory is 1 for an (empty) directory, 0 for anything else."};
    using Reply = Empty;
    uint8_t directory;
    ShortPath<38> path;
};

struct Rename {
    static constexpr Method method{0x114, "file.rename",
                                   "Rename. The readable window holds both paths, one behind the other; the new one is relative to "
                                   "`new_directory`. Flags are renameat2's."};
    using Reply = Empty;
    static constexpr unsigned kHandles = 1;
    uint64_t old_path_bytes;
    uint64_t flags;
    uint64_t zero[2];
    Handle new_directory;
};

struct Link {
    static constexpr Method method{0x115, "file.link",
                                   "Make a hard link. Paths and handle as in Rename; follow: 1 to follow a symbolic link."};
    using Reply = Empty;
    static constexpr unsigned kHandles = 1;
    uint64_t old_path_bytes;
    uint64_t follow;
    uint64_t zero[2];
    Handle new_directory;
};

struct MakeSymbolicLink {
    static constexpr Method method{0x116, "file.make_symbolic_link", "Make a symbolic link: the window holds its target, then its path."};
    using Reply = Empty;
    uint64_t target_bytes;
};

struct ReadSymbolicLink {
    static constexpr Method method{0x117, "file.read_symbolic_link", "Write the target of the link at the path to the writable window.",
                                   Repeat::Yes};
    struct Reply {
        uint64_t length_bytes;
    };
};

struct CheckAccess {
    static constexpr Method method{0x118, "file.check_access", "access(2): mode is R_OK 4, W_OK 2, X_OK 1, or 0 for existence.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t mode;
    uint64_t no_follow;
};

/// Leads the methods on extended attributes: the readable window holds the attribute's name, a value, and a path, which may be empty.
struct AttributeName {
    uint32_t name_bytes, value_bytes;
    uint64_t no_follow;
};

struct GetExtended {
    static constexpr Method method{
        0x11A, "file.get_extended",
        "Write an extended attribute's value, or without a name the names of all, each with a zero, to the writable "
        "window if it fits. NotFound: there is no such attribute.",
        Repeat::Yes};
    struct Reply {
        uint64_t length_bytes;
    };
    AttributeName of;
};

struct SetExtended {
    static constexpr Method method{0x11B, "file.set_extended", "Set one; mode 1: only a new one (else Exists), 2: only one that is there."};
    using Reply = Empty;
    AttributeName of;
    uint64_t mode;
};

struct RemoveExtended {
    static constexpr Method method{0x11C, "file.remove_extended", "Remove one. NotFound: there is no such attribute."};
    using Reply = Empty;
    AttributeName of;
};

/// Change notification. A watcher is an open object: Read gives inotify_event records, Poll tells when there are some.
struct MakeWatcher {
    static constexpr Method method{0x11D, "file.make_watcher", "Make a watcher (inotify_init); flags kNonBlocking."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle watcher;
    };
    uint64_t flags;
};

struct Watch {
    static constexpr Method method{0x11E, "file.watch", "Have a watcher told of changes of the path: mask as for inotify_add_watch."};
    struct Reply {
        int64_t watch;
    };
    static constexpr unsigned kHandles = 1;
    uint64_t mask;
    uint64_t zero[3];
    Handle watcher;
};

struct Unwatch {
    static constexpr Method method{0x11F, "file.unwatch", "On a watcher: end one of its watches."};
    using Reply = Empty;
    uint64_t watch;
};

// ---- between servers

struct RegisterDevice {
    static constexpr Method method{0x120, "file.register_device",
                                   "Make /dev/NAME (readable window) a character device: opening it asks `server` to Open, with the name "
                                   "as the path. For the holder of the file server's control handle."};
    using Reply = Empty;
    static constexpr unsigned kHandles = 1;
    uint64_t special_device;  ///< Linux's st_rdev
    uint32_t mode, zero;
    uint64_t reserved[2];
    Handle server;
};

struct End {
    static constexpr Method method{0x123, "file.end",
                                   "Write all to stable storage and mark file systems on disks as left cleanly; nothing is changed "
                                   "any more. For the holder of the file server's control handle.",
                                   Repeat::Yes};
    using Reply = Empty;
};

struct MakePipe {
    static constexpr Method method{0x121, "file.make_pipe", "On the pipe server's handle: make a pipe; flags kNonBlocking."};
    struct Reply {
        static constexpr unsigned kHandles = 2;
        uint64_t zero[3];
        Handle read_end, write_end;
    };
    uint64_t flags;
};

struct OpenFifo {
    static constexpr Method method{0x122, "file.open_fifo",
                                   "On the pipe server's handle, by the file server: open an end of the pipe that stands for a fifo; waits "
                                   "for the other end as open(2) says."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle file;
    };
    uint64_t inode;
    uint64_t flags;
    uint64_t device;  ///< with inode: which fifo, and what GetAttributes of the end tells
    uint32_t mode;    ///< of the fifo
    uint32_t uid;
    uint32_t gid;
    uint32_t zero;
};

using Protocol = MethodList<Read, Write, Seek, GetAttributes, SetAttributes, Truncate, Sync, GetFlags, SetFlags, Control, Poll, GetMemory,
                            ReadDirectory, GetPath, GetSpace, Open, OpenProgram, GetAttributesAt, MakeNode, Remove, Rename, Link,
                            MakeSymbolicLink, ReadSymbolicLink, CheckAccess, Lock, QueryLock, GetExtended, SetExtended, RemoveExtended,
                            MakeWatcher, Watch, Unwatch, RegisterDevice, End, MakePipe, OpenFifo>;

}  // namespace portico::protocols::file
