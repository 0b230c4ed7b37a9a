#pragma once

#include <cstdint>

#include "servers/process/process.h"

/// What the badges on the process server's port mean: whose they are and what kind of message carries them.
/// The serial number tells a process from a later one with the same pid.
namespace portico::process {

enum class BadgeKind : uint64_t {
    Client = 1,      ///< requests of the process
    Supervisor = 2,  ///< the kernel's word of its faults and its end
    Timer = 3,       ///< its kernel timer
};

constexpr uint64_t make_badge(BadgeKind kind, int32_t pid, uint32_t serial) {
    return static_cast<uint64_t>(kind) << 56 | uint64_t{serial} << 16 | static_cast<uint16_t>(pid);
}
constexpr BadgeKind badge_kind(uint64_t badge) {
    return static_cast<BadgeKind>(badge >> 56);
}
constexpr int32_t badge_pid(uint64_t badge) {
    return static_cast<uint16_t>(badge);
}
constexpr uint32_t badge_serial(uint64_t badge) {
    return static_cast<uint32_t>(badge >> 16);
}

}  // namespace portico::process
