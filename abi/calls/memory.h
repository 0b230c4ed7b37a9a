#pragma once

#include "abi/call_doc.h"
#include "abi/handle.h"
#include "abi/message.h"
#include "abi/types.h"

namespace portico::abi {

using enum Error;

// ---- memory

struct MemoryCreate {
    static constexpr CallDoc doc{.number = 16,
                                 .name = "memory_create",
                                 .summary = "Make an anonymous memory object; pages are zero and paid for when touched.",
                                 .arguments = {{{"size", "bytes, rounded up to pages"}, {"flags", "MemoryFlags"}}},
                                 .errors = {InvalidArgument, NoMemory}};
    struct Reply {
        Handle memory;
    };
    uint64_t size;
    uint64_t flags = 0;
};

struct MemoryClone {
    static constexpr CallDoc doc{.number = 17,
                                 .name = "memory_clone",
                                 .summary = "Make a copy-on-write snapshot of a page range of a memory object.",
                                 .arguments = {{{"memory", "handle with Read"},
                                                {"offset", "bytes, page-aligned"},
                                                {"size", "bytes, rounded up to pages; past the end is zeros"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply {
        Handle memory;
    };
    Handle memory;
    uint64_t offset;
    uint64_t size;
};

struct MemoryPhysical {
    static constexpr CallDoc doc{
        .number = 18,
        .name = "memory_physical",
        .summary =
            "Make a memory object of device memory, mapped uncached; or of RAM that devices may use: zeroed "
            "pages, one after the other, that keep their place.",
        .arguments = {{{"resource", "the hardware resource"},
                       {"physical", "address, page-aligned, not RAM; kAnyRam: of free RAM, at most kDeviceRamBytesMax"},
                       {"size", "bytes, whole pages"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    struct Reply {
        Handle memory;
    };
    Handle resource;
    uint64_t physical;
    uint64_t size;
};

struct MemoryResize {
    static constexpr CallDoc doc{
        .number = 19,
        .name = "memory_resize",
        .summary =
            "Change the size; pages past the new end are freed and unmapped, and the tail of the last page is zeroed. WrongState: "
            "smaller, and GrowOnly.",
        .arguments = {{{"memory", "handle with Write"}, {"size", "bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory, WrongState}};
    using Reply = NoReply;
    Handle memory;
    uint64_t size;
};

struct MemoryQuery {
    static constexpr CallDoc doc{.number = 20,
                                 .name = "memory_query",
                                 .summary = "Tell the size of a memory object, whether it can shrink, and whether others use it.",
                                 .arguments = {{{"memory", "handle with Read"}, {"info", "MemoryInfo to fill"}}},
                                 .errors = {BadHandle, AccessDenied, BadAddress}};
    using Reply = NoReply;
    Handle memory;
    uint64_t info;
};

struct MemoryRead {
    static constexpr CallDoc doc{
        .number = 21,
        .name = "memory_read",
        .summary = "Copy out of a memory object that need not be mapped.",
        .arguments = {{{"memory", "handle with Read"}, {"offset", "bytes"}, {"address", "destination"}, {"length", "bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

struct MemoryWrite {
    static constexpr CallDoc doc{
        .number = 22,
        .name = "memory_write",
        .summary = "Copy into a memory object that need not be mapped.",
        .arguments = {{{"memory", "handle with Write"}, {"offset", "bytes"}, {"address", "source"}, {"length", "bytes"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
};

// ---- address spaces

struct SpaceCreate {
    static constexpr CallDoc doc{
        .number = 23,
        .name = "space_create",
        .summary = "Make an empty address space.",
        .arguments = {{{"account", "who pays for it and its anonymous memory: handle with Control; 0: who pays for the caller"}}},
        .errors = {BadHandle, AccessDenied, NoMemory}};
    struct Reply {
        Handle space;
    };
    Handle account{};
};

struct SpaceMap {
    static constexpr CallDoc doc{.number = 24,
                                 .name = "space_map",
                                 .summary = "Map a memory object, or fresh anonymous memory.",
                                 .arguments = {{{"space", "handle with Map"},
                                                {"memory", "handle with the rights of the access wanted; 0 for anonymous"},
                                                {"offset", "bytes, page-aligned"},
                                                {"address", "page-aligned; a hint unless Fixed, 0 for none"},
                                                {"length", "bytes, rounded up to pages"},
                                                {"flags", "MapFlags"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, Overlap, NoSpace, NoMemory}};
    struct Reply {
        uint64_t address;
    };
    Handle space;
    Handle memory;
    uint64_t offset;
    uint64_t address;
    uint64_t length;
    uint64_t flags;
};

struct SpaceUnmap {
    static constexpr CallDoc doc{
        .number = 25,
        .name = "space_unmap",
        .summary = "Unmap whatever is mapped in a range; holes are no error.",
        .arguments = {{{"space", "handle with Map"}, {"address", "page-aligned"}, {"length", "bytes, rounded up to pages"}}},
        .errors = {BadHandle, AccessDenied, InvalidArgument, NoMemory}};
    using Reply = NoReply;
    Handle space;
    uint64_t address;
    uint64_t length;
};

struct SpaceProtect {
    static constexpr CallDoc doc{.number = 26,
                                 .name = "space_protect",
                                 .summary = "Change the access of a range that is mapped throughout.",
                                 .arguments = {{{"space", "handle with Map"},
                                                {"address", "page-aligned"},
                                                {"length", "bytes, rounded up to pages"},
                                                {"access", "Access"}}},
                                 .errors = {BadHandle, AccessDenied, InvalidArgument, BadAddress, NoMemory}};
    using Reply = NoReply;
    Handle space;
    uint64_t address;
    uint64_t length;
    uint64_t access;
};

struct SpaceQuery {
    static constexpr CallDoc doc{.number = 27,
                                 .name = "space_query",
                                 .summary = "Describe the first mapping that ends above an address.",
                                 .arguments = {{{"space", "handle with Read"}, {"address", "any"}, {"info", "MappingInfo to fill"}}},
                                 .errors = {BadHandle, AccessDenied, NotFound, BadAddress}};
    using Reply = NoReply;
    Handle space;
    uint64_t address;
    uint64_t info;
};

}  // namespace portico::abi
