#pragma once

#include "servers/file/content.h"

#include <memory>

/// The devices that need no hardware. Numbers are Linux's (admin-guide/devices.txt).
namespace portico::file_server {

constexpr uint64_t device_number(uint64_t major, uint64_t minor) {
    return (major << 8) | minor;
}

inline constexpr uint64_t kNullDevice = device_number(1, 3);
inline constexpr uint64_t kZeroDevice = device_number(1, 5);
inline constexpr uint64_t kFullDevice = device_number(1, 7);
inline constexpr uint64_t kRandomDevice = device_number(1, 8);
inline constexpr uint64_t kUrandomDevice = device_number(1, 9);

/// The content of a built-in device; null if the number is none of them.
std::shared_ptr<Content> memory_device(uint64_t special_device);

}  // namespace portico::file_server
