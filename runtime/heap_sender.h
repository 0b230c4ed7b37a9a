#pragma once

#include <span>
#include <utility>

#include "abi/types.h"
#include "runtime/block_allocator.h"
#include "runtime/one_way_memory.h"

namespace portico::ipc {

class HeapSender;

/// A block of this side's arena. Fill it, send its name in a message; when the message has been sent the block is the peer's:
///
///     Block block = TRY(heap.allocate(text.size()));
///     std::ranges::copy(text, block.bytes().begin());
///     TRY(ipc::call(peer, Print{block.name()}));
///     block.handed_over();
///
/// Ownership: owns the block until it is handed over, so if the message could not be sent the block is free again. After a call that
///            was interrupted or timed out, too: what the peer may still do with the name is no harm to anybody but itself.
class Block {
public:
    Block() = default;
    Block(Block&& other) noexcept : heap_(std::exchange(other.heap_, nullptr)), name_(other.name_), base_(other.base_) {}
    Block& operator=(Block&& other) noexcept {
        if (this == &other) return *this;
        release();
        heap_ = std::exchange(other.heap_, nullptr);
        name_ = other.name_;
        base_ = other.base_;
        return *this;
    }
    ~Block() { release(); }

    BlockName name() const { return name_; }
    std::span<std::byte> bytes() const { return {base_, name_.length_bytes()}; }

    /// The message with its name has been sent: the peer gives it back.
    void handed_over() { heap_ = nullptr; }

private:
    friend class HeapSender;
    Block(HeapSender& heap, BlockName name, std::byte* base) : heap_(&heap), name_(name), base_(base) {}
    void release();

    HeapSender* heap_ = nullptr;
    BlockName name_;
    std::byte* base_ = nullptr;
};

/// Hands out blocks of this side's arena and takes them in again when the peer returns them.
///
/// Ownership: the arena is the caller's and outlives this; blocks must not outlive this.
/// Locks:     none, one thread.
/// Bound:     the arena's bytes_max; it grows as needed and never shrinks.
/// Trust:     what is free and what is not stands in private memory. Of the peer only its returns are read: a return of what is not in
///            use changes nothing, and a peer that returns a block it still reads harms itself.
class HeapSender {
public:
    /// `own` begins with an ArenaHeader, all zero; `peer` too.
    HeapSender(OwnMemory& own, PeerMemory& peer)
        : own_(own),
          peer_(*reinterpret_cast<const ArenaHeader*>(peer.base())),
          blocks_(kArenaHeaderBytes / BlockName::kGranuleBytes, granules_in(std::min(own.bytes_max(), kArenaBytesMax))) {
        blocks_.add(granules_in(own_.size_bytes()) - blocks_.granule_count());
    }
    HeapSender(const HeapSender&) = delete;
    HeapSender& operator=(const HeapSender&) = delete;

    /// Errors: TooLarge, NoSpace (the peer has too much), NoMemory, BadProtocol (the peer's returns make no sense).
    Result<Block> allocate(uint64_t length_bytes) {
        if (length_bytes == 0 || length_bytes > BlockName::kLengthMax) return fail(Error::TooLarge);
        TRY(collect());
        const uint32_t count = granules_in(length_bytes + BlockName::kGranuleBytes - 1);
        auto found = blocks_.allocate(count);
        if (!found) {
            TRY(grow(count));
            found = blocks_.allocate(count);
            if (!found) return fail(Error::NoSpace);
        }
        const BlockName name = BlockName::make(found->first, found->serial, static_cast<uint32_t>(length_bytes));
        return Block(*this, name, own_.base() + name.offset_bytes());
    }

    /// Takes in what the peer has returned; allocate does so, too.
    Result<> collect() {
        const uint64_t returned = load_acquire(peer_.returned);
        if (returned == collected_) return {};
        if (returned - collected_ > ArenaHeader::kReturnsMax) return fail(Error::BadProtocol);
        while (collected_ != returned) {
            const BlockName name{load_relaxed(peer_.returns[collected_ % ArenaHeader::kReturnsMax])};
            ++collected_;
            if (blocks_.is_block(name.first_granule(), name.serial())) blocks_.release(name.first_granule());
        }
        store_release(reinterpret_cast<ArenaHeader*>(own_.base())->collected, collected_);
        return {};
    }

private:
    friend class Block;
    static uint32_t granules_in(uint64_t bytes) { return static_cast<uint32_t>(bytes / BlockName::kGranuleBytes); }

    /// By half of what there is at least, so that many small blocks do not mean many system calls.
    Result<> grow(uint32_t count) {
        const uint64_t size = own_.size_bytes();
        const uint64_t most = std::min(own_.bytes_max(), kArenaBytesMax);
        // A block of a buddy system begins at a multiple of its rounded length: twice the length always contains one.
        const uint64_t wanted = std::max(size / 2, uint64_t{2} * std::bit_ceil(count) * BlockName::kGranuleBytes);
        const uint64_t target = std::min(most, (size + wanted + abi::kPageBytes - 1) / abi::kPageBytes * abi::kPageBytes);
        if (target <= size) return fail(Error::NoSpace);
        TRY(own_.grow(target));
        blocks_.add(granules_in(target) - blocks_.granule_count());
        return {};
    }

    OwnMemory& own_;
    const ArenaHeader& peer_;
    BlockAllocator blocks_;
    uint64_t collected_ = 0;
};

inline void Block::release() {
    HeapSender* const heap = std::exchange(heap_, nullptr);
    if (heap != nullptr && heap->blocks_.is_block(name_.first_granule(), name_.serial())) heap->blocks_.release(name_.first_granule());
}

}  // namespace portico::ipc
