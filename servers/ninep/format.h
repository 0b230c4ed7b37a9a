#pragma once

#include <cstdint>

/// The messages of 9P2000.L, the version of 9P that Linux and QEMU speak. All is little-endian; a string is its length in two bytes and its
/// bytes.
///
///     size[4] type[1] tag[2] …    the size counts itself
namespace portico::ninep {

/// Requests; the answer's type is one more, or kErrorAnswer with an errno of Linux in four bytes.
enum class Request : uint8_t {
    StatFs = 8,
    Open = 12,
    Create = 14,
    MakeLink = 16,  ///< a symbolic one
    MakeNode = 18,
    ReadLink = 22,
    GetAttributes = 24,
    SetAttributes = 26,
    ReadDirectory = 40,
    Sync = 50,
    Link = 70,
    MakeDirectory = 72,
    Rename = 74,
    Unlink = 76,
    Version = 100,
    Attach = 104,
    Walk = 110,
    Read = 116,
    Write = 118,
    Clunk = 120,  ///< a fid is not needed any more
};

inline constexpr uint8_t kErrorAnswer = 7;
inline constexpr uint16_t kNoTag = 0xFFFF;  ///< of Version
inline constexpr uint32_t kNoFid = ~0u;
inline constexpr uint32_t kHeaderBytes = 7;
inline constexpr uint32_t kReadHeaderBytes = kHeaderBytes + 4;           ///< of an answer with data
inline constexpr uint32_t kWriteHeaderBytes = kHeaderBytes + 4 + 8 + 4;  ///< of a request with data
inline constexpr uint32_t kDataHeaderBytes = 24;                         ///< of the message size, so much is not for data
inline constexpr uint32_t kRemoveDirectory = 0x200;                      ///< of Unlink

inline constexpr uint64_t kAllAttributes = 0x7FF;  ///< of GetAttributes: all that QEMU tells
enum SetAttribute : uint32_t {
    kSetMode = 1,
    kSetUid = 2,
    kSetGid = 4,
    kSetSize = 8,
    kSetAccessTime = 0x10,  ///< to now, or with the bits below to what is given
    kSetModifyTime = 0x20,
    kAccessTimeGiven = 0x80,
    kModifyTimeGiven = 0x100,
};

/// What the server calls a file: `path` is its alone while it exists.
struct Qid {
    uint8_t type = 0;
    uint32_t version = 0;
    uint64_t path = 0;
};

struct Time {
    uint64_t seconds = 0, nanoseconds = 0;
};

/// A file's attributes as the host has them. Nothing in them can be trusted to make sense.
struct HostAttributes {
    Qid qid;
    uint32_t mode = 0, uid = 0, gid = 0;
    uint64_t links = 0, special_device = 0, size_bytes = 0, block_bytes = 0, blocks_512 = 0;
    Time access, modify, change;
};

struct AttributesToSet {
    uint32_t valid = 0, mode = 0, uid = 0, gid = 0;
    uint64_t size_bytes = 0;
    Time access{}, modify{};
};

struct FileSystemSpace {
    uint32_t block_bytes = 0;
    uint64_t blocks = 0, blocks_free = 0, files = 0, files_free = 0;
};

}  // namespace portico::ninep
