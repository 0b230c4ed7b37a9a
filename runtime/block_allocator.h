#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <optional>
#include <vector>

#include "runtime/arena_layout.h"

namespace portico::ipc {

/// Which granules of an arena are in use: a buddy system (Knuth, TAOCP vol. 1, 2.5) that gives back what a block does not need of
/// its power of two. All it knows is in private memory; the arena itself is never read or written.
///
///     granule   16       24   28 29        32                48
///               [ block  ][ bl.][..free..]  [ free           ]
///
/// Short blocks that are released stay as they are, ready for the next of their length, until memory runs short: cutting up and joining
/// again would be most of what a message costs.
///
/// Bound: 32 bytes for each granule that was ever added, addresses for the most there can be.
class BlockAllocator {
public:
    /// Granules below `first` are never handed out; those from there on are once they are added.
    BlockAllocator(uint32_t first, uint32_t granules_max) {
        granules_.reserve(granules_max);  // so that the lists' nodes stay where they are
        granules_.resize(first);
    }

    uint32_t granule_count() const { return static_cast<uint32_t>(granules_.size()); }

    void add(uint32_t count) {
        const uint32_t first = granule_count();
        granules_.resize(first + count);
        free_range(first, count);
    }

    struct Block {
        uint32_t first;
        uint16_t serial;
    };

    /// Neighbouring granules; nullopt if there are none so many.
    std::optional<Block> allocate(uint32_t count) {
        if (count == 0) return std::nullopt;
        if (count <= kShortMax && !short_[count].empty()) {
            Granule& block = short_[count].front();
            short_[count].pop_front();
            return take(block);
        }
        std::optional<Block> block = cut(count);
        if (!block && join_short_blocks()) block = cut(count);
        return block;
    }

    /// Whether this names a block that is in use now: anybody may have made the name up.
    bool is_block(uint32_t first, uint16_t serial) const {
        return first < granules_.size() && granules_[first].state == State::Taken && granules_[first].serial == serial;
    }

    /// `first` is that of a block in use.
    void release(uint32_t first) {
        Granule& block = granules_[first];
        if (block.count > kShortMax) return free_range(first, block.count);
        block.state = State::Short;
        short_[block.count].push_front(block);
    }

private:
    static constexpr uint32_t kOrders = std::bit_width(BlockName::kGranulesMax);
    static constexpr uint32_t kShortMax = 32;
    enum class State : uint8_t { Inner, Free, Short, Taken };

    struct Granule : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>> {
        uint32_t count = 0;   ///< Taken, Short: granules of the block
        uint16_t serial = 0;  ///< of the last block that began here
        uint8_t order = 0;    ///< Free: of two
        State state = State::Inner;
    };
    using FreeBlocks = boost::intrusive::list<Granule, boost::intrusive::constant_time_size<false>>;

    uint32_t index_of(const Granule& granule) const { return static_cast<uint32_t>(&granule - granules_.data()); }

    Block take(Granule& block) {
        block.state = State::Taken;
        return {index_of(block), ++block.serial};
    }

    std::optional<Block> cut(uint32_t count) {
        const auto order = static_cast<uint32_t>(std::bit_width(count - 1));
        const uint32_t fitting = order < kOrders ? nonempty_ >> order << order : 0;
        if (fitting == 0) return std::nullopt;
        Granule& block = granules_[take_out(static_cast<uint32_t>(std::countr_zero(fitting)), count)];
        block.count = count;
        return take(block);
    }

    /// False if there were none.
    bool join_short_blocks() {
        bool found = false;
        for (FreeBlocks& list : short_) {
            for (; !list.empty(); found = true) {
                Granule& block = list.front();
                list.pop_front();
                free_range(index_of(block), block.count);
            }
        }
        return found;
    }

    /// Takes a free block of 2^order granules from its list; what is behind `count` of them becomes free again.
    uint32_t take_out(uint32_t order, uint32_t count) {
        Granule& found = free_[order].front();
        unlink(found);
        const uint32_t first = index_of(found);
        free_range(first + count, (1u << order) - count);
        return first;
    }

    /// Cuts a range at the powers of two it contains.
    void free_range(uint32_t first, uint32_t count) {
        while (count > 0) {
            const uint32_t aligned = first == 0 ? kOrders - 1 : static_cast<uint32_t>(std::countr_zero(first));
            const uint32_t order = std::min({aligned, static_cast<uint32_t>(std::bit_width(count)) - 1, kOrders - 1});
            free_block(first, order);
            first += 1u << order;
            count -= 1u << order;
        }
    }

    void free_block(uint32_t first, uint32_t order) {
        granules_[first].state = State::Inner;
        for (; order + 1 < kOrders; ++order) {
            const uint32_t buddy = first ^ (1u << order);
            if (buddy >= granules_.size() || granules_[buddy].state != State::Free || granules_[buddy].order != order) break;
            unlink(granules_[buddy]);
            first = std::min(first, buddy);
        }
        Granule& block = granules_[first];
        block.state = State::Free;
        block.order = static_cast<uint8_t>(order);
        free_[order].push_front(block);
        nonempty_ |= 1u << order;
    }

    void unlink(Granule& block) {
        FreeBlocks& list = free_[block.order];
        list.erase(list.iterator_to(block));
        if (list.empty()) nonempty_ &= ~(1u << block.order);
        block.state = State::Inner;
    }

    std::vector<Granule> granules_;
    std::array<FreeBlocks, kOrders> free_;
    std::array<FreeBlocks, kShortMax + 1> short_;  ///< by length
    uint32_t nonempty_ = 0;                        ///< bit n: free_[n] has blocks
};

}  // namespace portico::ipc
