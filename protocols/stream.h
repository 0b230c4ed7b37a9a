#pragma once

#include <cstdint>

#include "protocols/method.h"

/// How two processes come to a stream (runtime/stream.h). A server that offers streams serves this protocol beside its own.
namespace portico::protocols::stream {

enum class Direction : uint64_t { ToServer, ToClient };

struct Connect {
    static constexpr Method method{0x510, "stream.connect",
                                   "Exchange memory (GrowOnly, each side writes its own) and doorbells (send handles that are notified)."};
    struct Reply {
        static constexpr unsigned kHandles = 2;
        uint64_t zero[3]{};
        Handle memory;
        Handle doorbell;
    };
    static constexpr unsigned kHandles = 2;
    Direction direction;
    uint64_t capacity_bytes;  ///< of the ring: a power of two, at least a page
    uint64_t zero = 0;
    Handle memory;
    Handle doorbell;
};

using Protocol = MethodList<Connect>;

}  // namespace portico::protocols::stream
