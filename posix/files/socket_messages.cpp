#include <algorithm>
#include <cstring>

#include "posix/clock.h"
#include "posix/files/file_calls.h"
#include "posix/files/raise_signal.h"
#include "posix/files/requests.h"
#include "posix/files/sockets.h"
#include "posix/files/vectors.h"

/// Sockets: sending and receiving.
namespace portico::posix {
namespace {

using linux_abi::Iovec;
using sockets::Trouble;

constexpr uint32_t kOutOfBand = 1, kPeek = 2, kControlCut = 8, kCut = 0x20, kDoNotWait = 0x40, kWaitForAll = 0x100, kNoSignal = 0x4000,
                   kCloseOnExecFlag = 0x4000'0000;
constexpr uint64_t kBounceBytesMax = 256 << 10;  // of scattered ranges, at once; no datagram is larger
constexpr uint32_t kOptionForm = 3;              // SO_TYPE

/// struct msghdr.
struct MessageHeader {
    uint64_t name, name_bytes_and_padding;
    uint64_t vectors, vector_count;
    uint64_t control, control_bytes;
    int32_t flags, zero;
    uint32_t name_bytes() const { return static_cast<uint32_t>(name_bytes_and_padding); }
};
static_assert(sizeof(MessageHeader) == 56);

/// Memory of the library for what does not lie in one piece in the program's. Ownership: frees it.
class Bounce {
public:
    explicit Bounce(uint64_t bytes) : memory_(bytes == 0 ? nullptr : static_cast<std::byte*>(heap::allocate(bytes))), bytes_(bytes) {}
    Bounce(const Bounce&) = delete;
    Bounce& operator=(const Bounce&) = delete;
    ~Bounce() { heap::release(memory_); }
    explicit operator bool() const { return bytes_ == 0 || memory_ != nullptr; }
    std::span<std::byte> all() const { return {memory_, memory_ != nullptr ? bytes_ : 0}; }

private:
    std::byte* memory_;
    uint64_t bytes_;
};

uint64_t sum_of(std::span<const Iovec> vectors) {
    uint64_t sum = 0;
    for (const Iovec& vector : vectors) sum += vector.length_bytes;
    return sum;
}

/// The only range with bytes; null if there are several, an empty one if there is none.
const Iovec* single_of(std::span<const Iovec> vectors) {
    static constexpr Iovec kEmpty{};
    const Iovec* found = &kEmpty;
    for (const Iovec& vector : vectors) {
        if (vector.length_bytes == 0) continue;
        if (found != &kEmpty) return nullptr;
        found = &vector;
    }
    return found;
}

Result<> gather(std::span<const Iovec> vectors, uint64_t skip, std::span<std::byte> to) {
    for (const Iovec& vector : vectors) {
        const uint64_t skipped = std::min(skip, vector.length_bytes);
        skip -= skipped;
        const uint64_t part = std::min<uint64_t>(vector.length_bytes - skipped, to.size());
        TRY(copy_from_user(to.data(), vector.address + skipped, part));
        to = to.subspan(part);
    }
    return {};
}

Result<> scatter(std::span<const std::byte> from, std::span<const Iovec> vectors) {
    for (const Iovec& vector : vectors) {
        const uint64_t part = std::min<uint64_t>(vector.length_bytes, from.size());
        TRY(copy_to_user(vector.address, from.data(), part));
        from = from.subspan(part);
    }
    return {};
}

struct Outgoing {
    sockets::Send method;
    const SocketName* name = nullptr;
    uint32_t flags = 0;
};

/// One request, and if the socket has a time limit for sending, another with that.
Result<sockets::Send::Reply> send_once(Thread& thread, abi::Handle socket, sockets::Send method, const ipc::Lend& lend) {
    auto reply = interruptible::call(thread, socket, method, lend);
    if (!reply || reply->trouble != Trouble::AskAgain) return reply;
    method.flags |= sockets::kLimited;
    reply = interruptible::call(thread, socket, method, lend, deadline_after(reply->limit_ns));
    if (!reply && reply.error() == Error::TimedOut) return fail(Error::WouldBlock);
    return reply;
}

int64_t send_all(Thread& thread, abi::Handle socket, std::span<const Iovec> vectors, Outgoing outgoing) {
    const uint64_t whole_bytes = sum_of(vectors);
    const Iovec* const single = single_of(vectors);
    const uint64_t name_bytes = outgoing.name != nullptr && !outgoing.name->is_path() ? outgoing.name->length_bytes : 0;
    const bool direct = single != nullptr && name_bytes == 0;
    const Bounce bounce(direct ? 0 : name_bytes + std::min(whole_bytes, kBounceBytesMax));
    if (!bounce) return -ENOMEM;
    if (name_bytes != 0) std::memcpy(bounce.all().data(), outgoing.name->text, name_bytes);
    outgoing.method.name_bytes = static_cast<uint16_t>(name_bytes);
    uint64_t done = 0;
    do {
        ipc::Lend lend;
        if (direct) {
            const uint64_t part = std::min<uint64_t>(whole_bytes - done, abi::kWindowBytesMax);
            lend.readable = {reinterpret_cast<const std::byte*>(single->address + done), part};
        } else {
            const std::span<std::byte> room = bounce.all().first(name_bytes + std::min(whole_bytes - done, kBounceBytesMax));
            if (const auto copied = gather(vectors, done, room.subspan(name_bytes)); !copied) return to_errno(copied.error());
            lend.readable = room;
        }
        const auto reply = send_once(thread, socket, outgoing.method, lend);
        int64_t error = 0;
        if (!reply)
            error = to_errno(reply.error());
        else if (reply->trouble == Trouble::AlreadyConnected)
            error = -EISCONN;
        else
            error = trouble_errno(reply->trouble);
        if (reply && reply->trouble == Trouble::BrokenPipe && (outgoing.flags & kNoSignal) == 0)
            raise_signal(thread, kPipe, thread.process->pid);
        if (error != 0) return done > 0 ? static_cast<int64_t>(done) : error;
        done += std::min<uint64_t>(reply->length_bytes, whole_bytes - done);
        if (reply->length_bytes == 0) break;
        outgoing.method.rights = 0;  // they go with the first bytes
    } while (done < whole_bytes);
    return static_cast<int64_t>(done);
}

struct Incoming {
    sockets::Receive::Reply reply{};
    char name[SocketName::kBytesMax];
};

/// One message, or what there is of a stream. The bytes received, or a negative errno.
int64_t receive_once(Thread& thread, abi::Handle socket, std::span<const Iovec> vectors, uint32_t flags, bool wants_name, Incoming& to) {
    const Iovec* const single = single_of(vectors);
    const bool direct = single != nullptr && !wants_name;
    const uint64_t length_bytes = std::min<uint64_t>(sum_of(vectors), direct ? abi::kWindowBytesMax : kBounceBytesMax);
    const Bounce bounce(direct ? 0 : length_bytes + sizeof to.name);
    if (!bounce) return -ENOMEM;
    const ipc::Lend lend{.writable = direct ? std::span(reinterpret_cast<std::byte*>(single->address), length_bytes) : bounce.all()};
    sockets::Receive method{.length_bytes = static_cast<uint32_t>(length_bytes), .flags = flags};
    auto reply = interruptible::call(thread, socket, method, lend);
    if (reply && reply->trouble == Trouble::AskAgain) {
        method.flags |= sockets::kLimited;
        reply = interruptible::call(thread, socket, method, lend, deadline_after(uint64_t{reply->limit_ms} * 1'000'000));
        if (!reply && reply.error() == Error::TimedOut) return -EAGAIN;
    }
    if (!reply) return to_errno(reply.error());
    if (reply->trouble == Trouble::WrongForm) return -EINVAL;  // it listens
    if (reply->trouble == Trouble::NotConnected) return -ENOTCONN;
    if (reply->trouble != Trouble::None) return trouble_errno(reply->trouble);
    to.reply = *reply;
    to.reply.length_bytes = static_cast<uint32_t>(std::min<uint64_t>(reply->length_bytes, length_bytes));
    to.reply.name_bytes = std::min<uint32_t>(reply->name_bytes, sizeof to.name);
    if (!direct) {
        const std::span<const std::byte> got = bounce.all();
        if (wants_name) std::memcpy(to.name, got.data() + length_bytes, to.reply.name_bytes);
        if (const auto copied = scatter(got.first(to.reply.length_bytes), vectors); !copied) return to_errno(copied.error());
    }
    return to.reply.length_bytes;
}

bool is_stream(abi::Handle socket) {
    const auto form = settled_call(socket, sockets::GetOption{.option = kOptionForm});
    return form && form->value[0] == static_cast<uint64_t>(sockets::Form::Stream);
}

/// MSG_WAITALL: the rest of a stream into the one range there is.
int64_t receive_rest(Thread& thread, abi::Handle socket, std::span<const Iovec> vectors, uint32_t flags, int64_t got) {
    const Iovec* const single = single_of(vectors);
    if (single == nullptr || !is_stream(socket)) return got;
    while (got > 0 && static_cast<uint64_t>(got) < single->length_bytes) {
        const Iovec rest{single->address + static_cast<uint64_t>(got), single->length_bytes - static_cast<uint64_t>(got)};
        Incoming more;
        const int64_t part = receive_once(thread, socket, std::span(&rest, 1), flags | sockets::kDropRights, false, more);
        if (part <= 0) break;
        got += part;
    }
    return got;
}

uint32_t server_flags(uint32_t flags) {
    return (flags & kPeek ? sockets::kPeek : 0) | (flags & kDoNotWait ? sockets::kDoNotWait : 0);
}

int64_t send_message(Thread& thread, abi::Handle socket, const MessageHeader& header, uint32_t flags) {
    if ((flags & kOutOfBand) != 0) return -EOPNOTSUPP;
    Vectors vectors;
    if (const int64_t error = vectors.load(header.vectors, header.vector_count); error != 0) return error == -EINVAL ? -EMSGSIZE : error;
    SocketName name;
    Outgoing outgoing{.method = {.flags = static_cast<uint16_t>(server_flags(flags)), .credentials = own_credentials(thread)},
                      .flags = flags};
    if (header.name != 0 && header.name_bytes() != 0) {
        uint16_t family = 0;
        if (const int64_t error = load_socket_name(header.name, header.name_bytes(), name, family); error != 0) return error;
        if (family != kFamilyUnix || name.length_bytes == 0) return -EINVAL;
        if (const int64_t error = find_socket_file(thread, name); error != 0) return error;
        outgoing.name = &name;
        outgoing.method.has_destination = 1;
        outgoing.method.destination = name.file;
    }
    if (header.control != 0 && header.control_bytes != 0) {
        OutgoingControl control{.credentials = outgoing.method.credentials};
        if (const int64_t error = load_control(thread, socket, header.control, header.control_bytes, control); error != 0) return error;
        outgoing.method.rights = control.rights;
        outgoing.method.credentials = control.credentials;
    }
    return send_all(thread, socket, vectors.all(), outgoing);
}

/// Fills in what recvmsg tells in the header, which the caller stores.
int64_t receive_message(Thread& thread, abi::Handle socket, MessageHeader& header, uint32_t flags) {
    if ((flags & kOutOfBand) != 0) return -EOPNOTSUPP;
    Vectors vectors;
    if (const int64_t error = vectors.load(header.vectors, header.vector_count); error != 0) return error == -EINVAL ? -EMSGSIZE : error;
    const bool takes_rights = header.control != 0 && header.control_bytes != 0;
    const uint32_t asked = server_flags(flags) | (takes_rights ? 0 : sockets::kDropRights);
    Incoming incoming;
    int64_t got = receive_once(thread, socket, vectors.all(), asked, header.name != 0, incoming);
    if (got < 0) return got;
    const sockets::Receive::Reply& reply = incoming.reply;
    if ((flags & kWaitForAll) != 0 && (flags & kPeek) == 0 && reply.rights_count == 0)
        got = receive_rest(thread, socket, vectors.all(), asked, got);
    header.flags = static_cast<int32_t>(flags & kCloseOnExecFlag);
    if (reply.full_bytes > reply.length_bytes) header.flags |= kCut;
    if (header.name != 0) {
        char whole[sizeof(uint16_t) + SocketName::kBytesMax + 1]{};
        std::memcpy(whole, &kFamilyUnix, sizeof kFamilyUnix);
        std::memcpy(whole + sizeof kFamilyUnix, incoming.name, reply.name_bytes);
        const bool path = reply.name_bytes != 0 && incoming.name[0] != '\0';
        const auto whole_bytes = static_cast<uint32_t>(reply.name_bytes == 0 ? 0 : sizeof kFamilyUnix + reply.name_bytes + (path ? 1 : 0));
        const auto copied = copy_to_user(header.name, whole, std::min(whole_bytes, header.name_bytes()));
        if (!copied) return to_errno(copied.error());
        header.name_bytes_and_padding = whole_bytes;
    }
    const uint64_t control_room = takes_rights ? header.control_bytes : 0;
    const IncomingControl control = store_control(thread, socket, reply, header.control, control_room, (flags & kCloseOnExecFlag) != 0);
    header.control_bytes = control.length_bytes;
    if (control.cut) header.flags |= kControlCut;
    return (flags & kCut) != 0 && reply.full_bytes > reply.length_bytes ? static_cast<int64_t>(reply.full_bytes) : got;
}

/// A header on the library's stack, as if the program had passed it.
MessageHeader header_of(const Iovec& range) {
    return {.vectors = reinterpret_cast<uint64_t>(&range), .vector_count = 1};
}

}  // namespace

int64_t receive_vectors(Thread& thread, const OpenNumber& from, std::span<const Iovec> vectors) {
    if (sum_of(vectors) == 0) return 0;
    Incoming incoming;
    return receive_once(thread, from.descriptor.handle, vectors, sockets::kDropRights, false, incoming);
}

int64_t send_vectors(Thread& thread, const OpenNumber& to, std::span<const Iovec> vectors) {
    return send_all(thread, to.descriptor.handle, vectors, {.method = {.credentials = own_credentials(thread)}});
}

int64_t sys_sendto(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const Iovec range{arguments[1], arguments[2]};
    MessageHeader header = header_of(range);
    header.name = arguments[4];
    header.name_bytes_and_padding = static_cast<uint32_t>(arguments[5]);
    return send_message(thread, socket->descriptor.handle, header, static_cast<uint32_t>(arguments[3]));
}

int64_t sys_recvfrom(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const Iovec range{arguments[1], arguments[2]};
    MessageHeader header = header_of(range);
    header.name = arguments[4];
    if (header.name != 0) {
        const auto room = read_user<int32_t>(arguments[5]);
        if (!room) return to_errno(room.error());
        if (*room < 0) return -EINVAL;
        header.name_bytes_and_padding = static_cast<uint32_t>(*room);
    }
    const int64_t got = receive_message(thread, socket->descriptor.handle, header, static_cast<uint32_t>(arguments[3]));
    if (got < 0 || header.name == 0) return got;
    const auto written = write_user(arguments[5], header.name_bytes());
    return written ? got : to_errno(written.error());
}

int64_t sys_sendmsg(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    const auto header = read_user<MessageHeader>(arguments[1]);
    if (!header) return to_errno(header.error());
    return send_message(thread, socket->descriptor.handle, *header, static_cast<uint32_t>(arguments[2]));
}

int64_t sys_recvmsg(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    auto header = read_user<MessageHeader>(arguments[1]);
    if (!header) return to_errno(header.error());
    const int64_t got = receive_message(thread, socket->descriptor.handle, *header, static_cast<uint32_t>(arguments[2]));
    if (got < 0) return got;
    const auto written = write_user(arguments[1], *header);
    return written ? got : to_errno(written.error());
}

namespace {

/// struct mmsghdr.
struct ManyHeader {
    MessageHeader header;
    uint32_t moved_bytes, zero;
};
static_assert(sizeof(ManyHeader) == 64);

/// Messages one by one until one does not go; how many went, or the first one's errno.
template <class Move>
int64_t move_many(uint64_t address, uint32_t count, Move&& move) {
    constexpr uint32_t kCountMax = 1024;
    uint32_t done = 0;
    for (; done < std::min(count, kCountMax); ++done) {
        const uint64_t at = address + done * sizeof(ManyHeader);
        auto message = read_user<ManyHeader>(at);
        if (!message) return done > 0 ? done : to_errno(message.error());
        const int64_t moved = move(message->header, done);
        if (moved < 0) return done > 0 ? done : moved;
        message->moved_bytes = static_cast<uint32_t>(moved);
        if (const auto written = write_user(at, *message); !written) return done > 0 ? done : to_errno(written.error());
    }
    return done;
}

}  // namespace

int64_t sys_sendmmsg(Thread& thread, const Arguments& arguments) {
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    return move_many(arguments[1], static_cast<uint32_t>(arguments[2]), [&](const MessageHeader& header, uint32_t) {
        return send_message(thread, socket->descriptor.handle, header, static_cast<uint32_t>(arguments[3]));
    });
}

int64_t sys_recvmmsg(Thread& thread, const Arguments& arguments) {
    constexpr uint32_t kWaitForOne = 0x10000;
    const auto socket = socket_descriptor(thread, arguments[0]);
    if (!socket) return socket_errno(socket.error());
    uint64_t deadline_ns = abi::kForever;
    if (arguments[4] != 0) {
        const auto timeout = read_user<TimeSpec>(arguments[4]);
        if (!timeout) return to_errno(timeout.error());
        if (!timeout->valid()) return -EINVAL;
        deadline_ns = deadline_after(timeout->to_ns());
    }
    const auto flags = static_cast<uint32_t>(arguments[3]);
    // As on Linux, the time is looked at after each message only.
    return move_many(arguments[1], static_cast<uint32_t>(arguments[2]), [&](MessageHeader& header, uint32_t done) -> int64_t {
        if (done > 0 && monotonic_ns() >= deadline_ns) return -EAGAIN;
        const uint32_t more = done > 0 && (flags & kWaitForOne) != 0 ? kDoNotWait : 0;
        return receive_message(thread, socket->descriptor.handle, header, (flags & ~kWaitForOne) | more);
    });
}

}  // namespace portico::posix
