#pragma once

#include <algorithm>
#include <array>

#include "abi/message.h"
#include "kernel/memory/page_tree.h"

namespace portico::kernel {

class Mapping;

/// Where the pages of a range are: which mappings show them, and their places in page trees. Found once, before anything changes, and
/// valid until something else changes the address space or its trees, so only within one kernel entry.
///
/// Bound: a range in more than kMappingsMax mappings is refused.
class PagePlan {
public:
    static constexpr uint32_t kMappingsMax = 8;

    /// What one mapping shows of the range.
    struct Piece {
        Mapping* mapping;
        uint32_t first, count;  ///< in the range
    };
    /// Neighbouring places.
    struct Run {
        uint64_t* slots;  ///< null: there are none yet
        PageTree* tree;
        uint32_t first, count;  ///< in the range
    };

    PagePlan() {}  // leaves the arrays as they are: most plans use one element of each

    std::span<const Piece> pieces() const { return {pieces_.data(), piece_count_}; }
    std::span<const Run> runs() const { return {runs_.data(), run_count_}; }

    /// Adds pages of a tree that a mapping shows. `needs_places(run, first)` tells whether pages will be put at a run, or taken from it:
    /// then it gets places in nodes that are the tree's alone. Errors: NoMemory, InvalidArgument (too many mappings).
    template <class Needs>
    Result<> add(Mapping& mapping, PageTree& tree, uint64_t first_page, uint32_t count, Needs needs_places) {
        if (piece_count_ == kMappingsMax) return fail(Error::InvalidArgument);
        const uint32_t first = piece_count_ == 0 ? 0 : pieces_[piece_count_ - 1].first + pieces_[piece_count_ - 1].count;
        pieces_[piece_count_++] = {&mapping, first, count};
        const uint32_t runs_before = run_count_;
        for (uint32_t done = 0; done < count;) {
            const PageTree::Run run = tree.run(first_page + done, count - done);
            if (needs_places(run, first + done)) [[unlikely]] {
                TRY(tree.make_exclusive(first_page + done, run.count));
                run_count_ = runs_before;  // places found before may have moved
                done = 0;
                continue;
            }
            ASSERT(run_count_ < kRunsMax);
            runs_[run_count_++] = {run.slots, &tree, first + done, static_cast<uint32_t>(run.count)};
            done += static_cast<uint32_t>(run.count);
        }
        return {};
    }

private:
    /// A piece has one run more than it crosses ends of nodes, and another if its tree is a single page as yet.
    static constexpr uint32_t kRunsMax = 3 * kMappingsMax + abi::kMessagePagesMax / PageTree::kSlots;

    uint32_t piece_count_ = 0, run_count_ = 0;
    std::array<Piece, kMappingsMax> pieces_;
    std::array<Run, kRunsMax> runs_;
};

}  // namespace portico::kernel
