#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "servers/swap/pages.h"

namespace portico::swap {

/// How a disk is divided: a home for each swap page, so that pages evicted together, whose numbers are neighbours, are neighbours on the
/// disk; behind them spare slots for those whose home is bad.
struct Layout {
    uint64_t pages = 0, spares = 0;

    static constexpr uint64_t kPagesMax = uint64_t{1} << 30;
    static constexpr uint64_t kHeaderBytes = 64, kEntryBytes = 8;

    static constexpr Layout of_disk(uint64_t disk_bytes) {
        const uint64_t slots = disk_bytes / kPageBytes < kPagesMax ? disk_bytes / kPageBytes : kPagesMax;
        const uint64_t spares = (slots + 63) / 64;
        return {.pages = slots - spares, .spares = spares};
    }
    constexpr uint64_t map_bytes() const { return (kHeaderBytes + pages * kEntryBytes + kPageBytes - 1) / kPageBytes * kPageBytes; }
};

/// For each swap page where it is on the disk, and the CRC-32 of what was written there. It lies in memory that outlives the server, so
/// that a successor goes on with it.
///
/// Ownership: borrows the memory, which is zero at first.
/// Locks:     none.
/// Bound:     8 bytes a swap page.
/// Restart:   an entry is changed only while the kernel still has the page, dirty: a server that dies half-way through has its successor
///            write that page anew.
class SlotMap {
public:
    /// `memory`: at least layout.map_bytes(), aligned as memory from the kernel is.
    SlotMap(const Layout& layout, std::span<std::byte> memory);

    uint64_t page_count() const { return layout_.pages; }
    uint64_t spares_left() const;

    /// The slot of a page on the disk, where it is or is to be written.
    uint64_t slot_of(uint64_t page) const;
    bool is_written(uint64_t page) const;
    uint32_t checksum_of(uint64_t page) const;

    /// The page was written to slot_of(page).
    void note_written(uint64_t page, uint32_t checksum);
    /// What is in its slot is nothing any more, and the slot is not to be used again: the page gets a spare one. False: there is none left,
    /// and it keeps its slot, which may serve after all.
    bool leave_slot(uint64_t page);

private:
    struct Header {
        uint64_t spares_taken;  ///< in order; none is ever given back
        uint64_t zero[7];
    };
    struct Entry {
        uint32_t place;
        uint32_t checksum;
    };
    static_assert(sizeof(Header) == Layout::kHeaderBytes && sizeof(Entry) == Layout::kEntryBytes);
    static constexpr uint32_t kWritten = uint32_t{1} << 31;  // of a place; the rest is the number of a spare slot + 1, or 0: its home

    Layout layout_;
    Header* header_;
    std::span<Entry> entries_;
};

}  // namespace portico::swap
