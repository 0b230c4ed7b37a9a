#pragma once

#include <cstdint>

namespace portico::ipc {

/// What travels in a message for a block: where it is in its owner's arena, which of the blocks that were there in the course of
/// time, and its length. One word.
struct BlockName {
    uint64_t value = 0;

    static constexpr uint32_t kGranuleBytes = 256;
    static constexpr uint32_t kGranulesMax = 1u << 20;
    static constexpr uint32_t kLengthMax = (1u << 28) - 1;

    static constexpr BlockName make(uint32_t first_granule, uint16_t serial, uint32_t length_bytes) {
        return {first_granule | (uint64_t{serial} << 20) | (uint64_t{length_bytes} << 36)};
    }
    constexpr uint32_t first_granule() const { return static_cast<uint32_t>(value) & (kGranulesMax - 1); }
    constexpr uint16_t serial() const { return static_cast<uint16_t>(value >> 20); }
    constexpr uint32_t length_bytes() const { return static_cast<uint32_t>(value >> 36); }
    constexpr uint64_t offset_bytes() const { return uint64_t{first_granule()} * kGranuleBytes; }
    bool operator==(const BlockName&) const = default;
};

/// The beginning of an arena. Its owner hands out blocks behind it, and here gives back the blocks of the peer's arena that it got:
///
///     owner's arena   [ returned, returns[], collected ][ blocks … ]
///     peer's arena    [ returned, returns[], collected ][ blocks … ]
///
/// `returned` counts what the owner has given back so far; the last kReturnsMax of these names are in `returns`, the n-th at n modulo
/// kReturnsMax. `collected` counts how many of the peer's returns the owner has taken in, so that the peer overwrites none before.
struct ArenaHeader {
    static constexpr uint64_t kReturnsMax = 256;

    alignas(64) uint64_t returned;
    alignas(64) uint64_t collected;
    alignas(64) uint64_t returns[kReturnsMax];
};
inline constexpr uint64_t kArenaHeaderBytes = 4096;
static_assert(sizeof(ArenaHeader) <= kArenaHeaderBytes);
inline constexpr uint64_t kArenaBytesMax = uint64_t{BlockName::kGranulesMax} * BlockName::kGranuleBytes;

}  // namespace portico::ipc
