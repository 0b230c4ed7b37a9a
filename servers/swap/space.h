#pragma once

#include "servers/block_store/block_store.h"
#include "servers/swap/slot_map.h"

namespace portico::swap {

/// What is done about each message of the kernel: pages to the disk, pages from the disk.
///
/// Ownership: borrows all it uses. The buffers are private anonymous memory of kPagesAtOnce pages each (no others can be moved).
/// Locks:     none, the server is one thread, which waits for the disk.
/// Bound:     takes no memory but what the two buffers lose when pages are supplied.
/// Errors:    a page that cannot be written stays with the kernel, dirty. One that cannot be read, or is not what was written, is refused.
class Space {
public:
    static constexpr uint64_t kAheadMin = 4, kAheadMax = 32;  ///< pages read at once: for who jumps about, for who goes on where he was

    struct Buffers {
        std::span<std::byte> landing, reading;
    };
    Space(SlotMap& map, Pages& pages, block_store::BlockStore& disk, const Buffers& buffers)
        : map_(map), pages_(pages), disk_(disk), buffers_(buffers) {}

    /// The kernel would have these dirty pages written.
    void page_out(uint64_t first, uint64_t count);
    /// A page is missed; so many from it on are absent.
    void page_in(uint64_t first, uint64_t absent);

    static uint32_t checksum_of(std::span<const std::byte> page);

private:
    uint64_t write_part(uint64_t first, uint64_t landed);
    bool write_one(uint64_t page, std::span<const std::byte> bytes);
    uint64_t cluster(uint64_t first, uint64_t absent);
    uint64_t read_cluster(uint64_t first, uint64_t count);
    bool read_one(uint64_t page, std::span<std::byte> to);
    bool is_sound(uint64_t page, std::span<const std::byte> bytes) const;
    void supply(uint64_t first, uint64_t sound);
    uint64_t neighbours(uint64_t first, uint64_t count_max) const;
    std::span<std::byte> landed_page(uint64_t index) const { return buffers_.landing.subspan(index * kPageBytes, kPageBytes); }
    std::span<std::byte> read_page(uint64_t index) const { return buffers_.reading.subspan(index * kPageBytes, kPageBytes); }

    SlotMap& map_;
    Pages& pages_;
    block_store::BlockStore& disk_;
    Buffers buffers_;
    uint64_t next_ = 0;           // behind what was read last
    uint64_t ahead_ = kAheadMin;  // how much is read at once now
    bool full_told_ = false;
};

}  // namespace portico::swap
