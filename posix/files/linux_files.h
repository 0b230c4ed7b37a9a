#pragma once

#include <cstdint>

/// Structures and constants of Linux's file calls (x86-64), as programs pass them.
namespace portico::posix::linux_abi {

inline constexpr int32_t kAtFdcwd = -100;
inline constexpr uint32_t kAtSymlinkNoFollow = 0x100, kAtRemoveDir = 0x200, kAtEaccess = 0x200, kAtSymlinkFollow = 0x400,
                          kAtNoAutomount = 0x800, kAtEmptyPath = 0x1000, kAtStatxSyncType = 0x6000;

inline constexpr uint32_t kOpenCloseOnExec = 02000000, kOpenDirect = 040000, kOpenTemporary = 020000000, kOpenLargeFile = 0100000,
                          kOpenAsync = 020000;

inline constexpr uint64_t kTransferBytesMax = 0x7FFF'F000;  ///< Linux moves at most so much in one call
inline constexpr uint32_t kIovecsMax = 1024;

struct Iovec {
    uint64_t address;
    uint64_t length_bytes;
};
static_assert(sizeof(Iovec) == 16);

struct Timespec {
    int64_t seconds;
    int64_t nanoseconds;
};

struct Timeval {
    int64_t seconds;
    int64_t microseconds;
};

struct Stat {
    uint64_t device, inode, links;
    uint32_t mode, uid, gid, zero;
    uint64_t special_device;
    int64_t size_bytes, block_bytes, blocks_512;
    Timespec access, modify, change;
    int64_t unused[3];
};
static_assert(sizeof(Stat) == 144);

struct StatxTime {
    int64_t seconds;
    uint32_t nanoseconds;
    int32_t zero;
};

struct Statx {
    uint32_t mask, block_bytes;
    uint64_t attributes;
    uint32_t links, uid, gid;
    uint16_t mode, zero;
    uint64_t inode, size_bytes, blocks_512, attributes_mask;
    StatxTime access, birth, change, modify;
    uint32_t special_major, special_minor, device_major, device_minor;
    uint64_t spare[14];
};
static_assert(sizeof(Statx) == 256);
inline constexpr uint32_t kStatxBasicAndBirth = 0xFFF, kStatxReserved = 0x8000'0000;

struct Statfs {
    int64_t type, block_bytes;
    uint64_t blocks, blocks_free, blocks_available, files, files_free;
    int32_t id[2];
    int64_t name_bytes_max, fragment_bytes, flags, spare[4];
};
static_assert(sizeof(Statfs) == 120);

struct PollDescriptor {
    int32_t number;
    int16_t events, happened;
};
static_assert(sizeof(PollDescriptor) == 8);
inline constexpr int16_t kPollIn = 1, kPollPriority = 2, kPollOut = 4, kPollError = 8, kPollHangUp = 0x10, kPollInvalid = 0x20,
                         kPollReadNormal = 0x40, kPollWriteNormal = 0x100, kPollReadHangUp = 0x2000;

struct OpenHow {
    uint64_t flags, mode, resolve;
};
static_assert(sizeof(OpenHow) == 24);

struct Flock {
    int16_t type, whence;
    int32_t zero;
    int64_t start, length_bytes;
    int32_t pid, zero2;
};
static_assert(sizeof(Flock) == 32);

struct Utimbuf {
    int64_t access_seconds, modify_seconds;
};

/// Device numbers, packed as in st_dev and st_rdev.
inline constexpr uint64_t kPseudoMultiplexer = 0x502;  // st_rdev of /dev/ptmx

constexpr uint32_t device_major(uint64_t device) {
    return static_cast<uint32_t>(((device >> 8) & 0xFFF) | ((device >> 32) & ~0xFFFull));
}
constexpr uint32_t device_minor(uint64_t device) {
    return static_cast<uint32_t>((device & 0xFF) | ((device >> 12) & ~0xFFull));
}

}  // namespace portico::posix::linux_abi
