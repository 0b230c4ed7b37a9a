#pragma once

#include "runtime/handle.h"
#include "servers/sysv/identified.h"

namespace portico::sysv_server {

/// struct shmid64_ds.
struct SegmentStat {
    Permissions permissions;
    uint64_t size_bytes = 0;
    int64_t attached_s = 0, detached_s = 0, changed_s = 0;
    int32_t creator = 0, last = 0;
    uint64_t attachments = 0, reserved[2]{};
};
static_assert(sizeof(SegmentStat) == 112);

/// A segment of shared memory: an object of the kernel, which programs map.
struct Segment {
    static constexpr uint32_t kDoomed = 01000, kLocked = 02000;  ///< bits of its mode: removed, but still attached; SHM_LOCK

    Permissions permissions;
    int32_t index = 0;
    SegmentStat state;  ///< but for permissions
    OwnedHandle memory;

    SegmentStat stat() const {
        SegmentStat told = state;
        told.permissions = permissions;
        return told;
    }
};

}  // namespace portico::sysv_server
