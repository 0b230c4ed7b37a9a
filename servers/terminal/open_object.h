#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "protocols/file.h"

namespace portico::terminal {

/// What can be opened.
enum class Target : uint8_t { Terminal, Input, Output, Error, Trace };

struct Name {
    std::string_view name;
    Target target;
    uint32_t mode;            ///< Linux's st_mode
    uint64_t special_device;  ///< Linux's st_rdev
    protocols::file::Kind kind() const {
        return target == Target::Terminal ? protocols::file::Kind::CharacterDevice : protocols::file::Kind::Fifo;
    }
};

constexpr uint64_t special_device(uint64_t major, uint64_t minor) {
    return major << 8 | minor;
}

inline constexpr std::array<Name, 6> kNames{{
    {"console", Target::Terminal, 0020620, special_device(5, 1)},
    {"tty0", Target::Terminal, 0020620, special_device(4, 0)},
    {"stdin", Target::Input, 0010600, 0},
    {"stdout", Target::Output, 0010600, 0},
    {"stderr", Target::Error, 0010600, 0},
    {"trace", Target::Trace, 0010600, 0},
}};

/// Null for none.
constexpr const Name* find_name(std::string_view name) {
    for (const Name& candidate : kNames)
        if (candidate.name == name) return &candidate;
    return nullptr;
}

/// One open object (POSIX: open file description). Handlers that wait share it, so it may outlive its last handle.
struct OpenObject {
    const Name& name;
    uint32_t flags;  ///< access mode, kAppend, kNonBlocking

    Target target() const { return name.target; }
    bool is_terminal() const { return name.target == Target::Terminal; }
    bool non_blocking() const { return (flags & protocols::file::kNonBlocking) != 0; }
    bool can_read() const {
        return (flags & protocols::file::kAccessMode) != protocols::file::kWriteOnly && (is_terminal() || target() == Target::Input);
    }
    bool can_write() const { return (flags & protocols::file::kAccessMode) != protocols::file::kReadOnly && target() != Target::Input; }
};

}  // namespace portico::terminal
