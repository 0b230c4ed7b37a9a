#pragma once

#include "protocols/heap.h"
#include "runtime/heap_receiver.h"
#include "runtime/heap_sender.h"
#include "runtime/ipc.h"
#include "runtime/shared_memory.h"

namespace portico::ipc {

/// The shared heap of one connection: each side has an arena, which it alone writes and allocates from, and which the other reads.
///
///     client:  auto heap = TRY(SharedHeap::connect(server));      server:  on(call, Connect): heaps[badge] = TRY(SharedHeap::answer(…))
///              Block block = TRY(heap->allocate(bytes));
///              … block.name() in a message …              ──▶              Untrusted got = TRY(heap.accept(request.block));
///                                                                          Copied text = got.take_copy();
///
/// Ownership: owns its arena and the view of the peer's. Blocks and untrusted blocks must not outlive it.
/// Locks:     none, one thread.
/// Bound:     each arena grows to `bytes_max`, which both sides must agree on; its owner's account pays.
/// Death:     a side that dies leaves what the other has mapped; the survivor goes on reading, what it allocates is never returned.
///            The memory goes when both have let go of it.
class SharedHeap {
public:
    static constexpr uint64_t kBytesMaxDefault = 16 << 20;
    static constexpr uint64_t kFirstBytes = 64 << 10;

    /// As a client: exchanges arenas with a server that serves protocols::heap. Errors: those of the call, BadProtocol.
    static Result<std::unique_ptr<SharedHeap>> connect(Handle server, uint64_t bytes_max = kBytesMaxDefault) {
        auto own = TRY(MappedOwnMemory::create(kFirstBytes, bytes_max));
        const OwnedHandle reader = TRY(own->reader());
        const auto reply = TRY(call(server, protocols::heap::Connect{.arena = reader.get()}));
        return pair(std::move(own), OwnedHandle(reply.arena), bytes_max);
    }

    /// As a server: what a Connect asks for. The heap is one with the client whose badge the call had.
    struct Answer {
        std::unique_ptr<SharedHeap> heap;
        protocols::heap::Connect::Reply reply;
    };
    static Result<Answer> answer(const protocols::heap::Connect& request, uint64_t bytes_max = kBytesMaxDefault) {
        OwnedHandle peer(request.arena);
        auto own = TRY(MappedOwnMemory::create(kFirstBytes, bytes_max));
        OwnedHandle reader = TRY(own->reader());
        auto heap = TRY(pair(std::move(own), std::move(peer), bytes_max));
        return Answer{std::move(heap), {.arena = reader.release()}};
    }

    /// A block to fill and hand over. Errors: TooLarge, NoSpace, NoMemory, BadProtocol.
    Result<Block> allocate(uint64_t length_bytes) { return sender_.allocate(length_bytes); }

    /// The block that a message named. Errors: BadProtocol.
    Result<Untrusted> accept(BlockName name) { return receiver_.accept(name); }

private:
    static Result<std::unique_ptr<SharedHeap>> pair(std::unique_ptr<MappedOwnMemory> own, OwnedHandle peer_memory, uint64_t bytes_max) {
        auto peer = TRY(MappedPeerMemory::create(std::move(peer_memory), kArenaHeaderBytes, bytes_max));
        return std::unique_ptr<SharedHeap>(new SharedHeap(std::move(own), std::move(peer)));
    }
    SharedHeap(std::unique_ptr<MappedOwnMemory> own, std::unique_ptr<MappedPeerMemory> peer)
        : own_(std::move(own)), peer_(std::move(peer)), sender_(*own_, *peer_), receiver_(*own_, *peer_) {}

    std::unique_ptr<MappedOwnMemory> own_;
    std::unique_ptr<MappedPeerMemory> peer_;
    HeapSender sender_;
    HeapReceiver receiver_;
};

}  // namespace portico::ipc
