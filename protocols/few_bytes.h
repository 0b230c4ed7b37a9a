#pragma once

#include "protocols/socket.h"

/// Few bytes to or from a pipe or a stream socket, in the words of a message instead of a window: no memory is lent or copied. What these
/// methods do not do at once and simply, they leave to file.Write, socket.Send and their like.
namespace portico::protocols::few {

inline constexpr uint64_t kPutBytesMax = 24;   ///< in a Put
inline constexpr uint64_t kTakenInWords = 32;  ///< of a Take: what is no longer comes in the reply's words, else in the writable window

struct Put {
    static constexpr Method method{
        0x760, "few.put",
        "Write or send all of the bytes, at once. WouldBlock: it is to be asked by the general method, as there is "
        "no room or the object is no such one."};
    using Reply = Empty;
    uint32_t length_bytes;
    socket::Credentials credentials;  ///< of interest to sockets
    std::byte bytes[kPutBytesMax];
};

struct Take {
    static constexpr Method method{
        0x761, "few.take",
        "Read or receive what there is, up to `length_bytes`; 0 bytes is the end. Waits if there is nothing yet. "
        "NotSupported: it is to be asked by the general method."};
    struct Reply {
        uint64_t length_bytes;
        std::byte bytes[kTakenInWords];
    };
    uint64_t length_bytes;
};

using Protocol = MethodList<Put, Take>;

}  // namespace portico::protocols::few
