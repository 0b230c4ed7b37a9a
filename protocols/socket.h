#pragma once

#include <cstdint>

#include "protocols/method.h"

/// AF_UNIX sockets, objects of the pipe server. Like all open objects they also answer protocols/file.h (Poll, GetFlags, SetFlags,
/// GetAttributes, Control). Who a caller is (Credentials) is what it says of itself.
namespace portico::protocols::socket {

enum class Form : uint32_t { Stream = 1, Datagram = 2, Packet = 5 };  ///< SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET

/// What only sockets can answer, beside Error.
enum class Trouble : uint32_t {
    None,
    AddressInUse,
    AlreadyBound,
    AlreadyConnected,
    BrokenPipe,  ///< of a stream: worth a SIGPIPE
    Ended,       ///< the same of other forms
    ConnectionRefused,
    ConnectionReset,
    NoDestination,
    NotConnected,
    NotPermitted,
    TooLong,
    WrongForm,
    AskAgain,  ///< it would wait, and the socket has a time limit: the caller asks again, with kLimited and that deadline
};

struct Credentials {
    int32_t pid = 0;
    uint32_t uid = 0, gid = 0;
};

/// How a socket is named: by the file that stands for it (then inode is not 0), or by the abstract name in the readable window.
struct Address {
    uint64_t device, inode;
};

inline constexpr uint32_t kPeek = 2, kDoNotWait = 0x40, kLimited = 0x1000, kDropRights = 0x2000;  ///< flags of Send and Receive
inline constexpr uint32_t kNameBytesMax = 108;
inline constexpr uint32_t kSendBytesMax = 64 << 10;  ///< of a stream one request takes at most so much
inline constexpr uint32_t kRightsMax = 253;

struct Outcome {
    Trouble trouble;
    uint32_t zero = 0;
};

// ---- on the pipe server's handle

struct MakeSocket {
    static constexpr Method method{0x740, "socket.make_socket", "Make a socket."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4]{};
        Handle object;
    };
    Form form;
    uint32_t flags;  ///< file::kNonBlocking
    Credentials credentials;
    uint32_t zero = 0;
};

struct MakePair {
    static constexpr Method method{0x741, "socket.make_pair", "Make two sockets that are connected to each other."};
    struct Reply {
        static constexpr unsigned kHandles = 2;
        uint64_t zero[3]{};
        Handle first, second;
    };
    Form form;
    uint32_t flags;
    Credentials credentials;
    uint32_t zero = 0;
};

// ---- on a socket

struct Bind {
    static constexpr Method method{
        0x742, "socket.bind",
        "Give a name; the readable window holds what GetName is to tell (of an abstract name, all of it). Without "
        "inode and window: an abstract name of the server's choice."};
    using Reply = Outcome;
    Address address;
};

struct Listen {
    static constexpr Method method{0x743, "socket.listen", "Take connections, as many at a time as `backlog`."};
    using Reply = Outcome;
    uint32_t backlog;
    Credentials credentials;
};

struct Connect {
    static constexpr Method method{0x744, "socket.connect",
                                   "Connect to a name; waits while the listener's backlog is full. A datagram socket with neither inode "
                                   "nor window is connected to nobody any more."};
    using Reply = Outcome;
    Address address;
    Credentials credentials;
    uint32_t zero = 0;
};

struct Accept {
    static constexpr Method method{0x745, "socket.accept", "Take the oldest connection; waits for one. WrongState: it does not listen."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4]{};
        Handle object;
    };
    uint64_t flags;  ///< of the new socket
};

struct Shutdown {
    static constexpr Method method{0x746, "socket.shutdown", "End receiving (0), sending (1) or both (2)."};
    using Reply = Outcome;
    uint64_t how;
};

struct GetName {
    static constexpr Method method{0x747, "socket.get_name", "Write the socket's name, or its peer's, to the writable window."};
    struct Reply {
        uint32_t length_bytes;
        Trouble trouble;
    };
    uint64_t of_peer;
};

struct Send {
    static constexpr Method method{
        0x748, "socket.send",
        "Send what is in the readable window behind `name_bytes` of a destination's name. Of a stream, what there "
        "is room for. `rights`: of AddRights, or 0."};
    struct Reply {
        uint32_t length_bytes;
        Trouble trouble;
        uint64_t limit_ns;  ///< with AskAgain
    };
    uint16_t flags;
    uint16_t name_bytes;
    uint32_t rights;
    Credentials credentials;
    uint32_t has_destination;
    Address destination;
};

struct Receive {
    static constexpr Method method{0x749, "socket.receive",
                                   "Receive into the writable window: `length_bytes` at most, and behind them the sender's name. 0 bytes "
                                   "of a stream: its end."};
    struct Reply {
        uint32_t length_bytes;
        uint32_t full_bytes;  ///< of the datagram, which may have been cut
        Trouble trouble;
        uint32_t name_bytes;
        uint32_t rights;  ///< for TakeRights
        uint16_t rights_count;
        uint16_t with_sender;  ///< 1: the socket is to pass credentials (SO_PASSCRED)
        Credentials sender;
        uint32_t limit_ms;  ///< with AskAgain
    };
    uint32_t length_bytes;
    uint32_t flags;
};

/// Descriptors on their way. `meta` is what the sender's library says of each, for the receiver's.
struct AddRights {
    static constexpr Method method{0x74A, "socket.add_rights", "Put up to three handles aside for a Send; `rights` 0 begins a new list."};
    static constexpr unsigned kHandles = 3;
    static constexpr uint32_t kEach = 3;
    struct Reply {
        uint64_t rights;
    };
    uint32_t rights;
    uint32_t meta[kEach];
    Handle handle[kEach];
};

struct TakeRights {
    static constexpr Method method{0x74B, "socket.take_rights", "Take the next three handles that came with a message."};
    struct Reply {
        static constexpr unsigned kHandles = 3;
        uint32_t count;
        uint32_t meta[AddRights::kEach];
        Handle handle[AddRights::kEach];
    };
    uint64_t rights;
};

/// By Linux's SO_ numbers; what has no value of a number or two is not for the server.
struct GetOption {
    static constexpr Method method{0x74C, "socket.get_option", "Tell an option. NotSupported: no such option."};
    struct Reply {
        uint64_t value[2];
    };
    uint64_t option;
};

struct SetOption {
    static constexpr Method method{0x74D, "socket.set_option", "Set an option. Times are in ns. NotSupported: no such option."};
    using Reply = Empty;
    uint64_t option;
    uint64_t value;
};

using Protocol = MethodList<MakeSocket, MakePair, Bind, Listen, Connect, Accept, Shutdown, GetName, Send, Receive, AddRights, TakeRights,
                            GetOption, SetOption>;

}  // namespace portico::protocols::socket
