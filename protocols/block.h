#pragma once

#include <cstdint>

#include "protocols/method.h"

/// A disk: sectors by number, read and written whole. Positions and lengths are in bytes, multiples of Info::sector_bytes.
///
/// Data goes by one of two ways. Through windows: Read and Write, for who may wait. Through a memory object that the client attaches once:
/// ReadInto and WriteFrom, which carry no windows and so may be called asynchronously, any number at a time, and end in any order.
///
/// Restart: a driver that dies fails the calls it had taken with PeerClosed. All methods may be made again (what is written is the same,
/// wherever the first try got to), but attached memory is forgotten: a request that names it gets NotFound, and the client attaches it
/// again.
///
/// Errors: InvalidArgument (not whole sectors, beyond the end, outside the attached memory), TooLarge (beyond transfer_bytes_max),
/// ReadOnly, NotFound, BadAddress (the attached memory was made smaller), IoError (the device says so, or did not answer in time; other
/// requests go on), NoDevice (it is broken for good).
namespace portico::protocols::block {

inline constexpr uint64_t kFlagReadOnly = 1;  ///< Write, WriteFrom and Discard get ReadOnly
inline constexpr uint64_t kFlagFlush = 2;     ///< what is written is safe only after Flush; without: when the write is replied to
inline constexpr uint64_t kFlagDiscard = 4;   ///< Discard does something

inline constexpr unsigned kAttachedMax = 8;  ///< memory objects of one client

struct Info {
    static constexpr Method method{0x600, "block.info", "Describe the disk.", Repeat::Yes};
    struct Reply {
        uint64_t size_bytes;
        uint64_t sector_bytes;        ///< at least 512, a power of two
        uint64_t transfer_bytes_max;  ///< of one request
        uint64_t flags;
    };
};

struct Read {
    static constexpr Method method{0x601, "block.read", "Read into the writable window, all or nothing.", Repeat::Yes};
    using Reply = Empty;
    uint64_t position_bytes;
    uint64_t length_bytes;
};

struct Write {
    static constexpr Method method{0x602, "block.write", "Write from the readable window. After an error any part may be written.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t position_bytes;
    uint64_t length_bytes;
};

struct Flush {
    static constexpr Method method{0x603, "block.flush", "Reply when all that was written before this call is on stable storage.",
                                   Repeat::Yes};
    using Reply = Empty;
};

struct Discard {
    static constexpr Method method{0x604, "block.discard",
                                   "Tell that these sectors are not needed; they may read as anything. NotSupported without kFlagDiscard.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t position_bytes;
    uint64_t length_bytes;
};

struct Attach {
    static constexpr Method method{0x605, "block.attach",
                                   "Let ReadInto and WriteFrom use a memory object (Read, Write; none that a pager supplies). NoSpace "
                                   "beyond kAttachedMax. It is let go by Detach "
                                   "and when the last handle with the caller's badge is closed.",
                                   Repeat::Yes};
    static constexpr unsigned kHandles = 1;
    struct Reply {
        uint64_t buffer;  ///< never 0; a number for this badge alone
    };
    uint64_t zero[4];
    Handle memory;
};

struct Detach {
    static constexpr Method method{0x606, "block.detach", "Let go of attached memory, 0: of all; requests that are on their way end.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t buffer;
};

struct ReadInto {
    static constexpr Method method{0x607, "block.read_into", "Read into attached memory. After an error any part of it may have changed.",
                                   Repeat::Yes};
    using Reply = Empty;
    uint64_t buffer;
    uint64_t offset_bytes;  ///< in the memory; any
    uint64_t position_bytes;
    uint64_t length_bytes;
};

struct WriteFrom {
    static constexpr Method method{
        0x608, "block.write_from",
        "Write from attached memory, which must not be changed meanwhile. After an error any part may be written.", Repeat::Yes};
    using Reply = Empty;
    uint64_t buffer;
    uint64_t offset_bytes;
    uint64_t position_bytes;
    uint64_t length_bytes;
};

using Protocol = MethodList<Info, Read, Write, Flush, Discard, Attach, Detach, ReadInto, WriteFrom>;

}  // namespace portico::protocols::block
