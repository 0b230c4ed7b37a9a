#pragma once

#include "protocols/method.h"

struct Add {  // the protocol: one method, its request and its reply
    static constexpr portico::protocols::Method method{.ordinal = 1, .name = "Add", .summary = "Add to the total."};
    struct Reply {
        uint64_t total;
    };
    uint64_t amount;
};
using Counter = portico::protocols::MethodList<Add>;
