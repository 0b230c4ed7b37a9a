#pragma once

#include <cstdint>

#include "protocols/method.h"

/// How two processes come to a shared heap (runtime/shared_heap.h). A server that takes blocks serves this protocol beside its own.
namespace portico::protocols::heap {

struct Connect {
    static constexpr Method method{0x500, "heap.connect",
                                   "Exchange arenas: each side sends a memory object that it writes (GrowOnly) with the right to read it. "
                                   "One heap for each badge."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4]{};
        Handle arena;
    };
    static constexpr unsigned kHandles = 1;
    uint64_t zero[4]{};
    Handle arena;
};

using Protocol = MethodList<Connect>;

}  // namespace portico::protocols::heap
