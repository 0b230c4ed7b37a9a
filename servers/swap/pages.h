#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "libs/result.h"

namespace portico::swap {

inline constexpr uint64_t kPageBytes = 4096;
inline constexpr uint64_t kPagesAtOnce = 64;  ///< the kernel's limit for one call

/// The swap object as its pager has it: the kernel in the server, a fake in tests. Page N of it is swap page N (docs/swap.md).
class Pages {
public:
    virtual ~Pages() = default;

    /// Copies of dirty pages land, each at its place, while the pages themselves stay, marked. Bit N: page `first` + N landed.
    virtual Result<uint64_t> copy(uint64_t first, std::span<std::byte> landing) = 0;
    /// They are on the disk: marked ones are dropped, and so is what landed. One that came anew under its number since copy() has no mark
    /// and stays.
    virtual void written(uint64_t first, std::span<std::byte> landed) = 0;
    /// The buffer's pages are moved, and it is zeros afterwards; for places that have a page already it is only that.
    virtual Result<> supply(uint64_t first, std::span<std::byte> pages) = 0;
    /// A page cannot be had: who waits for it gets PageLost.
    virtual void refuse(uint64_t page) = 0;
    /// Whether reading ahead would take frames that others need more.
    virtual bool is_memory_short() = 0;
};

}  // namespace portico::swap
