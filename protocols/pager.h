#pragma once

#include <cstdint>

#include "protocols/method.h"

/// What the users of a pager ask of it beside its pages (runtime/pager.h, docs/memory.md): the object to map, and that their writes be
/// kept.
namespace portico::protocols::pager {

struct Open {
    static constexpr Method method{0x600, "pager.open", "A handle to the memory object, to read and write it, and its size."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t size_bytes;
        uint64_t zero[3]{};
        Handle memory;
    };
};

struct Sync {
    static constexpr Method method{
        0x601, "pager.sync", "Write the dirty pages of a range where they come from; they stay in memory. Tells how many those were."};
    struct Reply {
        uint64_t pages;
    };
    uint64_t offset_bytes;  ///< page-aligned
    uint64_t length_bytes;
};

using Protocol = MethodList<Open, Sync>;

}  // namespace portico::protocols::pager
