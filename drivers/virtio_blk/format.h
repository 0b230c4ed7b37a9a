#pragma once

#include <cstdint>

/// What a virtio disk and its driver say to each other (Virtual I/O Device 1.2, section 5.2).
namespace portico::virtio_blk {

inline constexpr uint32_t kDeviceId = 2;
inline constexpr uint64_t kSectorBytes = 512;  ///< the unit of positions, whatever the disk's own sectors are

inline constexpr uint64_t kFeatureReadOnly = 1 << 5, kFeatureSectorSize = 1 << 6, kFeatureFlush = 1 << 9, kFeatureQueues = 1 << 12,
                          kFeatureDiscard = 1 << 13;

/// Offsets in the configuration.
inline constexpr uint32_t kCapacityOffset = 0, kSectorSizeOffset = 20, kQueueCountOffset = 34, kDiscardSectorsMaxOffset = 36;

enum class RequestType : uint32_t { Read = 0, Write = 1, Flush = 4, Discard = 11 };

struct RequestHeader {
    RequestType type;
    uint32_t zero = 0;
    uint64_t sector = 0;
};
static_assert(sizeof(RequestHeader) == 16);

struct DiscardRange {
    uint64_t sector = 0;
    uint32_t sector_count = 0;
    uint32_t flags = 0;
};

inline constexpr uint8_t kDone = 0, kFailed = 1, kUnsupported = 2;  // a request's status
inline constexpr uint8_t kNoStatus = 0xFF;                          // ours: the device has written none

}  // namespace portico::virtio_blk
