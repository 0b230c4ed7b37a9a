#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/arena_layout.h"
#include "runtime/one_way_memory.h"

namespace portico::ipc {

class HeapReceiver;

/// Bytes that were the peer's and are now ours alone.
class Copied {
public:
    explicit Copied(size_t length_bytes) : bytes_(std::make_unique_for_overwrite<std::byte[]>(length_bytes)), length_bytes_(length_bytes) {}

    std::span<const std::byte> bytes() const { return {bytes_.get(), length_bytes_}; }
    std::span<std::byte> bytes() { return {bytes_.get(), length_bytes_}; }
    std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.get()), length_bytes_}; }

private:
    std::unique_ptr<std::byte[]> bytes_;
    size_t length_bytes_;
};

/// A block that the peer handed over: readable, inside its arena, of a fixed length, but its bytes may change at any moment, for
/// the peer still has it mapped. So nothing in it can be looked at twice: copy what must stay the same, then look at the copy.
///
/// Ownership: returns the block to the peer at the end of its life. Must not outlive the HeapReceiver.
class Untrusted {
public:
    Untrusted(Untrusted&& other) noexcept : heap_(std::exchange(other.heap_, nullptr)), name_(other.name_), base_(other.base_) {}
    Untrusted& operator=(Untrusted&&) = delete;
    ~Untrusted();

    uint32_t length_bytes() const { return name_.length_bytes(); }

    Copied take_copy() const {
        Copied copy(length_bytes());
        copy_once(copy.bytes().data(), base_, length_bytes());
        return copy;
    }

    /// Copies a part to where the caller wants it. Errors: InvalidArgument past the end.
    Result<> copy_to(std::span<std::byte> to, uint32_t offset = 0) const {
        if (offset > length_bytes() || to.size() > length_bytes() - offset) return fail(Error::InvalidArgument);
        copy_once(to.data(), base_ + offset, to.size());
        return {};
    }

    /// One value, read once. Errors: InvalidArgument past the end.
    template <class T>
        requires std::is_trivially_copyable_v<T>
    Result<T> read(uint32_t offset = 0) const {
        T value;
        TRY(copy_to(std::as_writable_bytes(std::span(&value, 1)), offset));
        return value;
    }

    /// For readers to whom it is all one if the bytes change meanwhile, as one that adds them up or passes them on.
    std::span<const volatile std::byte> changing_bytes() const { return {base_, length_bytes()}; }

private:
    friend class HeapReceiver;
    Untrusted(HeapReceiver& heap, BlockName name, const std::byte* base) : heap_(&heap), name_(name), base_(base) {}

    HeapReceiver* heap_;
    BlockName name_;
    const std::byte* base_;
};

/// Takes blocks of the peer's arena, and gives them back through the header of this side's.
///
/// Ownership: the arenas are the caller's and outlive this.
/// Locks:     none, one thread.
/// Bound:     returns that the peer has not collected wait in private memory, kWaitingMax of them; more are forgotten, and then the peer
/// has
///            lost those blocks until the arena goes. A peer collects whenever it allocates.
/// Trust:     a name is checked against the size of the arena as the kernel tells it, and used as it was checked.
class HeapReceiver {
public:
    static constexpr size_t kWaitingMax = 4096;

    HeapReceiver(OwnMemory& own, PeerMemory& peer)
        : own_(*reinterpret_cast<ArenaHeader*>(own.base())),
          peer_(peer),
          peer_header_(*reinterpret_cast<const ArenaHeader*>(peer.base())) {}
    HeapReceiver(const HeapReceiver&) = delete;
    HeapReceiver& operator=(const HeapReceiver&) = delete;

    /// The block that a message named. Errors: BadProtocol, if the name cannot be one.
    Result<Untrusted> accept(BlockName name) {
        if (!waiting_.empty()) put_waiting();
        if (name.length_bytes() == 0 || name.offset_bytes() < kArenaHeaderBytes) return fail(Error::BadProtocol);
        if (!peer_.covers(name.offset_bytes(), name.length_bytes())) return fail(Error::BadProtocol);
        return Untrusted(*this, name, peer_.base() + name.offset_bytes());
    }

private:
    friend class Untrusted;

    void give_back(BlockName name) {
        if (waiting_.empty() && room() > 0) return put(name);
        if (waiting_.size() < kWaitingMax) waiting_.push_back(name);
        put_waiting();
    }

    /// How many returns the peer can still take in. If what it says makes no sense, none: it only loses what it owns.
    uint64_t room() const {
        return ArenaHeader::kReturnsMax - std::min(returned_ - load_acquire(peer_header_.collected), ArenaHeader::kReturnsMax);
    }

    void put(BlockName name) {
        store_relaxed(own_.returns[returned_ % ArenaHeader::kReturnsMax], name.value);
        store_release(own_.returned, ++returned_);
    }

    void put_waiting() {
        const auto count = static_cast<ptrdiff_t>(std::min<uint64_t>(room(), waiting_.size()));
        for (ptrdiff_t i = 0; i < count; ++i) put(waiting_[static_cast<size_t>(i)]);
        waiting_.erase(waiting_.begin(), waiting_.begin() + count);
    }

    ArenaHeader& own_;
    PeerMemory& peer_;
    const ArenaHeader& peer_header_;
    uint64_t returned_ = 0;
    std::vector<BlockName> waiting_;
};

inline Untrusted::~Untrusted() {
    if (heap_ != nullptr) heap_->give_back(name_);
}

}  // namespace portico::ipc
