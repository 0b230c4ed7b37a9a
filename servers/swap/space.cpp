#include "servers/swap/space.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdio>

namespace portico::swap {

namespace {

unsigned long long number(uint64_t value) {
    return value;
}

/// The first run of set bits.
struct Run {
    uint64_t first, count;
    explicit Run(uint64_t bits)
        : first(static_cast<uint64_t>(std::countr_zero(bits))), count(static_cast<uint64_t>(std::countr_one(bits >> first))) {}
    uint64_t bits() const { return (count == 64 ? ~uint64_t{0} : (uint64_t{1} << count) - 1) << first; }
};

}  // namespace

uint32_t Space::checksum_of(std::span<const std::byte> page) {
    return static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(page.data()), static_cast<uInt>(page.size())));
}

/// How many pages from `first` on are neighbours on the disk, too.
uint64_t Space::neighbours(uint64_t first, uint64_t count_max) const {
    uint64_t count = 1;
    while (count < count_max && map_.slot_of(first + count) == map_.slot_of(first) + count) ++count;
    return count;
}

void Space::page_out(uint64_t first, uint64_t count) {
    const uint64_t end = first + std::min(count, map_.page_count() - std::min(first, map_.page_count()));
    while (first < end) {
        const uint64_t part = std::min(end - first, kPagesAtOnce);
        const std::span<std::byte> landing = buffers_.landing.first(part * kPageBytes);
        const Result<uint64_t> landed = pages_.copy(first, landing);
        if (!landed) {
            fprintf(stderr, "swap: cannot get pages %llu to %llu: error %u\n", number(first), number(first + part - 1),
                    static_cast<unsigned>(landed.error()));
            return;
        }
        if (*landed != 0) {
            for (uint64_t done = write_part(first, *landed); done != 0;) {
                const Run run(done);
                pages_.written(first + run.first, landing.subspan(run.first * kPageBytes, run.count * kPageBytes));
                done &= ~run.bits();
            }
        }
        first += part;
    }
}

/// Tells which of the pages that landed are on the disk.
uint64_t Space::write_part(uint64_t first, uint64_t landed) {
    uint64_t written = 0;
    while (landed != 0) {
        Run run(landed);
        run.count = neighbours(first + run.first, run.count);
        landed &= ~run.bits();
        const auto bytes = buffers_.landing.subspan(run.first * kPageBytes, run.count * kPageBytes);
        const bool at_once = disk_.write(map_.slot_of(first + run.first) * kPageBytes, bytes).has_value();
        for (uint64_t i = run.first; i < run.first + run.count; ++i) {
            if (at_once)
                map_.note_written(first + i, checksum_of(landed_page(i)));
            else if (!write_one(first + i, landed_page(i)))
                continue;
            written |= uint64_t{1} << i;
        }
    }
    return written;
}

/// After an error: to its slot once more, then to a spare one.
bool Space::write_one(uint64_t page, std::span<const std::byte> bytes) {
    for (;;) {
        const uint64_t slot = map_.slot_of(page);
        const Result<> outcome = disk_.write(slot * kPageBytes, bytes);
        if (outcome) {
            map_.note_written(page, checksum_of(bytes));
            return true;
        }
        if (outcome.error() != Error::IoError) return false;  // the disk is no more: no other slot is better
        if (!map_.leave_slot(page)) {
            if (!std::exchange(full_told_, true))
                fprintf(stderr, "swap: no spare slots left: pages that cannot be written stay in memory\n");
            return false;
        }
        fprintf(stderr, "swap: slot %llu cannot be written; page %llu goes to slot %llu\n", number(slot), number(page),
                number(map_.slot_of(page)));
    }
}

void Space::page_in(uint64_t first, uint64_t absent) {
    if (first >= map_.page_count()) return pages_.refuse(first);
    if (!map_.is_written(first)) {
        fprintf(stderr, "swap: page %llu was never written\n", number(first));
        return pages_.refuse(first);
    }
    supply(first, read_cluster(first, cluster(first, absent)));
}

/// How much to read at once.
uint64_t Space::cluster(uint64_t first, uint64_t absent) {
    ahead_ = first == next_ ? std::min(ahead_ * 2, kAheadMax) : std::max(ahead_ / 2, kAheadMin);
    uint64_t wanted = std::min({absent, ahead_, map_.page_count() - first});
    if (pages_.is_memory_short()) wanted = 1;
    uint64_t count = 1;
    while (count < wanted && map_.is_written(first + count)) ++count;
    return neighbours(first, count);
}

/// Tells which of the pages are in the buffer, and are what was written. The first one is refused if it is not.
uint64_t Space::read_cluster(uint64_t first, uint64_t count) {
    next_ = first + count;
    uint64_t sound = 0;
    const Result<> outcome = disk_.read(map_.slot_of(first) * kPageBytes, buffers_.reading.first(count * kPageBytes));
    if (outcome)
        for (uint64_t i = 0; i < count; ++i)
            if (is_sound(first + i, read_page(i))) sound |= uint64_t{1} << i;
    // Others are asked for when they are needed.
    if ((sound & 1) == 0 && read_one(first, read_page(0))) sound |= 1;
    if ((sound & 1) != 0) return sound;
    pages_.refuse(first);
    // The page is lost, and with it who needs it. Its number comes again: not to this slot.
    (void)map_.leave_slot(first);
    return sound;
}

/// Once more, and alone.
bool Space::read_one(uint64_t page, std::span<std::byte> to) {
    const uint64_t slot = map_.slot_of(page);
    if (const Result<> outcome = disk_.read(slot * kPageBytes, to); !outcome) {
        fprintf(stderr, "swap: page %llu is lost: slot %llu cannot be read\n", number(page), number(slot));
        return false;
    }
    if (is_sound(page, to)) return true;
    fprintf(stderr, "swap: page %llu is lost: slot %llu does not hold what was written\n", number(page), number(slot));
    return false;
}

bool Space::is_sound(uint64_t page, std::span<const std::byte> bytes) const {
    return checksum_of(bytes) == map_.checksum_of(page);
}

void Space::supply(uint64_t first, uint64_t sound) {
    while (sound != 0) {
        const Run run(sound);
        sound &= ~run.bits();
        const auto bytes = buffers_.reading.subspan(run.first * kPageBytes, run.count * kPageBytes);
        if (const Result<> supplied = pages_.supply(first + run.first, bytes); !supplied)
            fprintf(stderr, "swap: cannot supply page %llu: error %u\n", number(first + run.first),
                    static_cast<unsigned>(supplied.error()));
    }
}

}  // namespace portico::swap
