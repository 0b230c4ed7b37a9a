#pragma once

#include "abi/call_doc.h"
#include "abi/handle.h"
#include "abi/types.h"

namespace portico::abi {

// ---- memory objects whose pages come from a pager: see docs/memory.md

struct MemoryCreatePaged {
    static constexpr CallDoc doc{.number = 70,
                                 .name = "memory_create_paged",
                                 .summary =
                                     "Make a memory object whose pages the receiver of a port supplies, asked by PageIn messages. The "
                                     "handle has Control, which is the pager's: give others one without.",
                                 .arguments = {{{"size", "bytes, rounded up to pages"},
                                                {"sender", "send handle of the pager's port; its badge names the object there"},
                                                {"wait", "ns that who misses a page waits for it, at most an hour; 0: 20 s"}}},
                                 .errors = {BadHandle, WrongType, AccessDenied, InvalidArgument, NoMemory, PeerClosed}};
    struct Reply {
        Handle memory;
    };
    uint64_t size;
    Handle sender;
    uint64_t wait = 0;
};

struct MemorySupply {
    static constexpr CallDoc doc{
        .number = 71,
        .name = "memory_supply",
        .summary =
            "Move pages of the caller's private anonymous memory into a paged object, clean, or say that there are none. The range "
            "is empty afterwards; where the object has a page, that one stays. Whoever waited for one of the pages goes on.",
        .arguments = {{{"memory", "handle with Control"},
                       {"offset", "bytes, page-aligned"},
                       {"address", "of the pages; 0 for zero pages"},
                       {"length", "bytes, whole pages, at most 64"},
                       {"error", "not None: no page can be had, and waits for them fail"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
    uint64_t error = 0;
};

struct MemoryDetach {
    static constexpr CallDoc doc{
        .number = 72,
        .name = "memory_detach",
        .summary =
            "Get the dirty pages of a range of a paged object, to write them where they come from. They land in the caller's private "
            "anonymous memory, shared copy-on-write, each at its place in the range. What becomes of the pages in the object is told by "
            "the mode.",
        .arguments = {{{"memory", "handle with Control"},
                       {"offset", "bytes, page-aligned"},
                       {"address", "where dirty pages land (not 0 to Copy), or did (Written); 0: dirty ones stay as they are"},
                       {"length", "bytes, whole pages, at most 64"},
                       {"mode", "DetachMode"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    struct Reply {
        uint64_t present;  ///< bit N: page N of the range was there
        uint64_t dirty;    ///< bit N: and was dirty; Written: and has left
    };
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
    uint64_t mode = 0;
};

struct MemoryCreateSwap {
    static constexpr CallDoc doc{
        .number = 76,
        .name = "memory_create_swap",
        .summary =
            "Make the swap space: a paged object, of which the kernel alone writes and reads pages. While it is there, pages of anonymous "
            "memory whose account leaves memory free for others are moved into it when memory is short. WrongState: there is one.",
        .arguments = {{{"resource", "the hardware resource"},
                       {"size", "bytes, whole pages"},
                       {"sender", "send handle of the pager's port; its badge names the object there"},
                       {"wait", "ns that who misses a page waits for it, at most an hour; 0: 20 s"}}},
        .errors = {BadHandle, WrongType, AccessDenied, InvalidArgument, NoMemory, PeerClosed, WrongState}};
    struct Reply {
        Handle memory;
    };
    Handle resource;
    uint64_t size;
    Handle sender;
    uint64_t wait = 0;
};

}  // namespace portico::abi
