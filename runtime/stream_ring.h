#pragma once

#include <algorithm>
#include <span>

#include "runtime/one_way_memory.h"

/// A stream of bytes or records from one process to another through a ring in shared memory: while both are busy nobody makes a
/// system call. Each side writes only memory of its own (runtime/one_way_memory.h):
///
///     writer's memory   [ moved = bytes written, wake_at ][ the ring: capacity bytes, a power of two ]
///     reader's memory   [ moved = bytes read,    wake_at ]
///
/// Counts are of all bytes ever; a position in the ring is a count modulo the capacity.
///
/// *Sleep and wake-up.* A side that must wait stores in `wake_at` the count that the other must reach, looks at the other's count once
/// more, and only then sleeps. A side that moved its count from `old` to `moved` looks at the other's `wake_at` and rings if it lies
/// between. Both do "store mine, then load yours" in sequentially consistent order, so of two that do it at the same moment one sees
/// the other's store: either the sleeper finds that it need not sleep, or the other finds that it must ring. No flag is to be
/// cleared, and a `wake_at` that was reached never rings again. (The event index of virtio, Virtual I/O Device 1.2, section 2.7.10.)
///
/// *A hostile peer* can write any count into its memory. A count must lie between what was seen of it before and what is possible,
/// or the stream is broken (BadProtocol) for good; so nothing outside the ring is ever touched, and the data are only as wrong as the peer
/// could have made them anyway. A peer that never rings lets the other sleep to its deadline.
namespace portico::ipc {

struct StreamEnd {
    alignas(64) uint64_t moved;
    alignas(64) uint64_t wake_at;
};
inline constexpr uint64_t kStreamHeaderBytes = 4096;
static_assert(sizeof(StreamEnd) <= kStreamHeaderBytes);

/// How the four counts are read and written. Tests that try all orders of events have another one.
struct StreamAccess {
    static uint64_t load(const uint64_t& shared) {
        return std::atomic_ref<uint64_t>(const_cast<uint64_t&>(shared)).load(std::memory_order_seq_cst);
    }
    static void store(uint64_t& shared, uint64_t value) { std::atomic_ref<uint64_t>(shared).store(value, std::memory_order_seq_cst); }
};

/// What both sides do: a count of one's own that the other watches, and the other's that one waits for.
///
/// `Doorbell` wakes and waits: Result<> ring(); Result<> wait(uint64_t deadline_ns), which may return for no reason. PeerClosed from
/// either means that the other side is gone.
template <class Doorbell, class Access = StreamAccess>
class StreamSide {
public:
    StreamSide(OwnMemory& own, PeerMemory& peer, Doorbell& doorbell)
        : own_(*reinterpret_cast<StreamEnd*>(own.base())), peer_(*reinterpret_cast<const StreamEnd*>(peer.base())), doorbell_(doorbell) {}

    uint64_t moved() const { return moved_; }
    uint64_t peer_moved() const { return peer_moved_; }
    bool is_closed() const { return closed_; }  ///< a ring or a wait told so

    /// How often to look again before sleeping; worth it only if the other side runs at the same time, on another CPU.
    void set_spins(unsigned spins) { spins_ = spins; }

    /// Looks at the peer's count, which must not be beyond `limit`. Errors: BadProtocol.
    Result<> look(uint64_t limit) {
        const uint64_t seen = Access::load(peer_.moved);
        if (broken_ || seen - peer_moved_ > limit - peer_moved_) return break_off();
        peer_moved_ = seen;
        return {};
    }

    /// The peer wrote what makes no sense: whatever it writes from now on, the stream is over.
    std::unexpected<Error> break_off() {
        broken_ = true;
        return fail(Error::BadProtocol);
    }

    /// Tells the peer that the count has moved on, and wakes it if that is what it sleeps for.
    void publish(uint64_t count) {
        const uint64_t old = moved_;
        moved_ = count;
        Access::store(own_.moved, count);
        const uint64_t wake_at = Access::load(peer_.wake_at);
        if (count - wake_at < count - old) note(doorbell_.ring());
    }

    /// Waits until the peer's count has reached `count`, at most `limit`. Errors: TimedOut, Interrupted, PeerClosed, BadProtocol.
    Result<> wait_for(uint64_t count, uint64_t limit, uint64_t deadline_ns) {
        for (unsigned i = 0; i < spins_; ++i) {
            TRY(look(limit));
            if (reached(count)) return {};
            __builtin_ia32_pause();
        }
        Access::store(own_.wake_at, count);
        for (;;) {
            TRY(look(limit));  // after the store: see the comment at the head
            if (reached(count)) return {};
            if (closed_) return fail(Error::PeerClosed);
            const Result<> woken = doorbell_.wait(deadline_ns);
            note(woken);
            if (!woken && !closed_) return woken;
        }
    }

private:
    bool reached(uint64_t count) const { return static_cast<int64_t>(peer_moved_ - count) >= 0; }
    void note(const Result<>& result) { closed_ = closed_ || (!result && result.error() == Error::PeerClosed); }

    StreamEnd& own_;
    const StreamEnd& peer_;
    Doorbell& doorbell_;
    uint64_t moved_ = 0;       ///< what own_.moved says
    uint64_t peer_moved_ = 0;  ///< what peer_.moved said when last looked at
    unsigned spins_ = 0;
    bool broken_ = false;
    bool closed_ = false;
};

/// Records have their length in front and are padded, so that the next one begins at a multiple of 8.
inline constexpr uint64_t kRecordHeaderBytes = 8;
constexpr uint64_t record_bytes(uint64_t length_bytes) {
    return kRecordHeaderBytes + (length_bytes + 7) / 8 * 8;
}

/// The writing end. Use it for bytes or for records, not both.
///
/// Ownership: memory and doorbell are the caller's and outlive this. Locks: none, one thread.
template <class Doorbell, class Access = StreamAccess>
class StreamWriter {
public:
    /// `own` is kStreamHeaderBytes longer than the ring.
    StreamWriter(OwnMemory& own, PeerMemory& peer, Doorbell& doorbell)
        : side_(own, peer, doorbell), ring_(own.base() + kStreamHeaderBytes), capacity_(own.size_bytes() - kStreamHeaderBytes) {}

    StreamSide<Doorbell, Access>& side() { return side_; }

    /// Writes at least one byte, waiting for room if there is none. Returns how many.
    Result<size_t> write_some(std::span<const std::byte> bytes, uint64_t deadline_ns) {
        if (bytes.empty()) return 0;
        TRY(wait_for_room(1, deadline_ns));
        const size_t count = std::min<uint64_t>(room(), bytes.size());
        copy_in(side_.moved(), bytes.first(count));
        side_.publish(side_.moved() + count);
        return count;
    }

    /// Writes a record or nothing. Errors: TooLarge, TimedOut, Interrupted, PeerClosed, BadProtocol.
    Result<> write_record(std::span<const std::byte> record, uint64_t deadline_ns) {
        const uint64_t needed = record_bytes(record.size());
        if (record.size() > capacity_ || needed > capacity_) return fail(Error::TooLarge);
        TRY(wait_for_room(needed, deadline_ns));
        const uint64_t length = record.size();
        std::memcpy(ring_ + (side_.moved() & (capacity_ - 1)), &length, sizeof(length));  // at a multiple of 8, so in one piece
        copy_in(side_.moved() + kRecordHeaderBytes, record);
        side_.publish(side_.moved() + needed);
        return {};
    }

private:
    uint64_t room() const { return capacity_ - (side_.moved() - side_.peer_moved()); }

    Result<> wait_for_room(uint64_t needed, uint64_t deadline_ns) {
        if (side_.is_closed()) return fail(Error::PeerClosed);
        if (room() >= needed) return {};
        TRY(side_.look(side_.moved()));
        if (room() >= needed) return {};
        // To be woken at every record the reader takes would be a system call for each: sleep until half of the ring is free.
        const uint64_t enough = std::max(needed, capacity_ / 2);
        return side_.wait_for(side_.moved() - capacity_ + enough, side_.moved(), deadline_ns);
    }

    void copy_in(uint64_t count, std::span<const std::byte> bytes) {
        if (bytes.empty()) return;
        const uint64_t at = count & (capacity_ - 1);
        const size_t first = std::min<uint64_t>(capacity_ - at, bytes.size());
        std::memcpy(ring_ + at, bytes.data(), first);
        if (first < bytes.size()) std::memcpy(ring_, bytes.data() + first, bytes.size() - first);
    }

    StreamSide<Doorbell, Access> side_;
    std::byte* ring_;
    uint64_t capacity_;
};

/// The reading end.
///
/// Ownership, locks: as the writing end's. After the writer's death what it wrote can still be read, then comes PeerClosed.
template <class Doorbell, class Access = StreamAccess>
class StreamReader {
public:
    /// `peer` covers kStreamHeaderBytes and the ring, `capacity` is what both sides agreed on.
    StreamReader(OwnMemory& own, PeerMemory& peer, Doorbell& doorbell, uint64_t capacity)
        : side_(own, peer, doorbell), ring_(peer.base() + kStreamHeaderBytes), capacity_(capacity) {}

    StreamSide<Doorbell, Access>& side() { return side_; }

    /// Reads at least one byte, waiting if there is none. Returns how many.
    Result<size_t> read_some(std::span<std::byte> bytes, uint64_t deadline_ns) {
        if (bytes.empty()) return 0;
        TRY(wait_for_data(deadline_ns));
        const size_t count = std::min<uint64_t>(available(), bytes.size());
        copy_out(read_, bytes.first(count));
        consume(count);
        return count;
    }

    /// Reads a record into the beginning of `into`; returns its length. Errors: TooLarge (it stays), TimedOut, Interrupted,
    /// PeerClosed, BadProtocol.
    Result<size_t> read_record(std::span<std::byte> into, uint64_t deadline_ns) {
        TRY(wait_for_data(deadline_ns));
        if (available() < kRecordHeaderBytes || read_ % kRecordHeaderBytes != 0) return side_.break_off();
        uint64_t length = 0;
        copy_once(&length, ring_ + (read_ & (capacity_ - 1)), sizeof(length));
        // Records are published whole, so this one is here to its end or the writer lies.
        if (length > capacity_ || record_bytes(length) > available()) return side_.break_off();
        if (length > into.size()) return fail(Error::TooLarge);
        copy_out(read_ + kRecordHeaderBytes, into.first(length));
        consume(record_bytes(length));
        return length;
    }

private:
    uint64_t available() const { return side_.peer_moved() - read_; }

    Result<> wait_for_data(uint64_t deadline_ns) {
        if (available() > 0) return {};
        TRY(side_.look(read_ + capacity_));
        if (available() > 0) return {};
        if (side_.moved() != read_) side_.publish(read_);  // the writer may wait for this before it writes more
        return side_.wait_for(read_ + 1, read_ + capacity_, deadline_ns);
    }

    /// Tells the writer now and then only: it sleeps until half of the ring is free.
    void consume(uint64_t count) {
        read_ += count;
        if (read_ - side_.moved() >= capacity_ / 4) side_.publish(read_);
    }

    void copy_out(uint64_t count, std::span<std::byte> bytes) {
        const uint64_t at = count & (capacity_ - 1);
        const size_t first = std::min<uint64_t>(capacity_ - at, bytes.size());
        copy_once(bytes.data(), ring_ + at, first);
        if (first < bytes.size()) copy_once(bytes.data() + first, ring_, bytes.size() - first);
    }

    StreamSide<Doorbell, Access> side_;
    const std::byte* ring_;
    uint64_t capacity_;
    uint64_t read_ = 0;
};

}  // namespace portico::ipc
