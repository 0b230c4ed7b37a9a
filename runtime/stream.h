#pragma once

#include <bit>

#include "protocols/stream.h"
#include "runtime/channel.h"
#include "runtime/ipc.h"
#include "runtime/shared_memory.h"
#include "runtime/stream_ring.h"

namespace portico::ipc {

/// Wakes the other side of a stream by a notification, and sleeps at a port of its own.
class PortDoorbell {
public:
    explicit PortDoorbell(OwnedHandle port) : port_(std::move(port)) {}
    void connect(OwnedHandle peer) { peer_ = std::move(peer); }

    Result<> ring() { return native::call(abi::PortNotify{peer_.get(), 1}); }

    Result<> wait(uint64_t deadline_ns) {
        const native::Received received = TRY(native::receive(port_.get(), deadline_ns));
        const Message& message = received.message;
        if (message.header.kind() != MessageKind::Notification) {
            close_handles(message);  // nobody has reason to send such; it wakes up for nothing
            return {};
        }
        if ((message.word[0] & abi::kNotifySendersGone) != 0) return fail(Error::PeerClosed);
        return {};
    }

private:
    OwnedHandle port_;
    OwnedHandle peer_;
};

/// One end of a stream between two processes: `End` is a StreamWriter or a StreamReader, which do the work (`end()`).
///
/// Ownership: owns its memory, the view of the peer's, a port and a handle to the peer's. Locks: none, one thread, which may sleep here.
/// Bound:     the ring's capacity, fixed; the writer's account pays for it.
/// Death:     the end of either side's process wakes the other (PeerClosed, after what was written has been read).
template <class End>
class Stream {
    using Connect = protocols::stream::Connect;
    static constexpr bool kWrites = std::is_same_v<End, StreamWriter<PortDoorbell>>;

public:
    static constexpr uint64_t kCapacityDefault = 64 << 10;

    /// As a client of a server that serves protocols::stream. Errors: those of the call, BadProtocol.
    static Result<std::unique_ptr<Stream>> connect(Handle server, uint64_t capacity_bytes = kCapacityDefault) {
        Parts parts = TRY(make_parts(capacity_bytes));
        const auto reply = TRY(call(server, Connect{.direction = kWrites ? Direction::ToServer : Direction::ToClient,
                                                    .capacity_bytes = capacity_bytes,
                                                    .memory = parts.reader.get(),
                                                    .doorbell = parts.channel.sender.get()}));
        return join(std::move(parts), capacity_bytes, OwnedHandle(reply.memory), OwnedHandle(reply.doorbell));
    }

    /// As a server: what a Connect asks for. Errors: NotSupported (the other direction), InvalidArgument, BadProtocol, NoMemory.
    struct Answer {
        std::unique_ptr<Stream> stream;
        Connect::Reply reply;
    };
    static Result<Answer> answer(const Connect& request, uint64_t capacity_bytes_max = 1 << 20) {
        OwnedHandle memory(request.memory), doorbell(request.doorbell);
        if ((request.direction == Direction::ToServer) == kWrites) return fail(Error::NotSupported);
        if (request.capacity_bytes > capacity_bytes_max) return fail(Error::InvalidArgument);
        Parts parts = TRY(make_parts(request.capacity_bytes));
        OwnedHandle reader = std::move(parts.reader), sender = std::move(parts.channel.sender);
        auto stream = TRY(join(std::move(parts), request.capacity_bytes, std::move(memory), std::move(doorbell)));
        return Answer{std::move(stream), {.memory = reader.release(), .doorbell = sender.release()}};
    }

    End& end() { return end_; }

private:
    using Direction = protocols::stream::Direction;

    /// What a side makes of its own: memory, a handle to read it, a port to sleep at.
    struct Parts {
        std::unique_ptr<MappedOwnMemory> memory;
        OwnedHandle reader;
        Channel channel;
    };

    static constexpr uint64_t own_bytes(uint64_t capacity) { return kStreamHeaderBytes + (kWrites ? capacity : 0); }
    static constexpr uint64_t peer_bytes(uint64_t capacity) { return kStreamHeaderBytes + (kWrites ? 0 : capacity); }

    static Result<Parts> make_parts(uint64_t capacity) {
        if (!std::has_single_bit(capacity) || capacity < abi::kPageBytes || capacity > abi::kWindowBytesMax)
            return fail(Error::InvalidArgument);
        auto memory = TRY(MappedOwnMemory::create(own_bytes(capacity), own_bytes(capacity)));
        OwnedHandle reader = TRY(memory->reader());
        return Parts{std::move(memory), std::move(reader), TRY(Channel::create())};
    }

    static Result<std::unique_ptr<Stream>> join(Parts parts, uint64_t capacity, OwnedHandle peer_memory, OwnedHandle peer_doorbell) {
        auto peer = TRY(MappedPeerMemory::create(std::move(peer_memory), peer_bytes(capacity), peer_bytes(capacity)));
        return std::unique_ptr<Stream>(new Stream(std::move(parts), capacity, std::move(peer), std::move(peer_doorbell)));
    }

    Stream(Parts parts, uint64_t capacity, std::unique_ptr<MappedPeerMemory> peer, OwnedHandle peer_doorbell)
        : own_(std::move(parts.memory)),
          peer_(std::move(peer)),
          doorbell_(std::move(parts.channel.port)),
          end_(make_end(*own_, *peer_, doorbell_, capacity)) {
        doorbell_.connect(std::move(peer_doorbell));
    }

    static End make_end(OwnMemory& own, PeerMemory& peer, PortDoorbell& doorbell, uint64_t capacity) {
        if constexpr (kWrites)
            return End(own, peer, doorbell);
        else
            return End(own, peer, doorbell, capacity);
    }

    std::unique_ptr<MappedOwnMemory> own_;
    std::unique_ptr<MappedPeerMemory> peer_;
    PortDoorbell doorbell_;
    End end_;
};

using OutStream = Stream<StreamWriter<PortDoorbell>>;
using InStream = Stream<StreamReader<PortDoorbell>>;

}  // namespace portico::ipc
