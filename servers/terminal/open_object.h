#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "servers/terminal/pseudo_terminal.h"

namespace portico::terminal {

/// What can be opened.
enum class Target : uint8_t { Terminal, Outer, Input, Output, Error, Trace };

struct Name {
    std::string_view name;
    Target target;
    uint32_t mode;            ///< Linux's st_mode
    uint64_t special_device;  ///< Linux's st_rdev
    protocols::file::Kind kind() const {
        return target == Target::Terminal || target == Target::Outer ? protocols::file::Kind::CharacterDevice : protocols::file::Kind::Fifo;
    }
};

using protocols::terminal::special_device;

inline constexpr std::array<Name, 7> kNames{{
    {"console", Target::Terminal, 0020620, special_device(5, 1)},
    {"tty0", Target::Terminal, 0020620, special_device(4, 0)},
    {"ptmx", Target::Outer, 0020666, special_device(5, 2)},
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

/// The inner side of a pseudo-terminal; its number is its device's.
inline constexpr Name kPseudoName{"pts", Target::Terminal, 0020620, 0};

/// One open object (POSIX: open file description). Handlers that wait share it, so it may outlive its last handle.
///
/// One that is a reference (kPathOnly) keeps nothing open: it leads to the object it was made of, while that lives, and to its terminal.
struct OpenObject {
    OpenObject(const Name& opened_name, uint32_t open_flags, std::shared_ptr<TerminalDevice> opened_device)
        : name(opened_name), flags(open_flags), device(std::move(opened_device)), hang_ups(device ? device->hang_ups() : 0) {}

    const Name& name;
    uint32_t flags;                          ///< access mode, kAppend, kNonBlocking; kPathOnly
    std::shared_ptr<TerminalDevice> device;  ///< of a terminal's two targets
    uint64_t hang_ups;                       ///< of the device, when it was opened
    std::weak_ptr<OpenObject> original;      ///< of a reference
    int64_t controls_session = 0;            ///< a reference by which a session holds its controlling terminal

    Target target() const { return name.target; }
    bool is_reference() const { return (flags & protocols::file::kPathOnly) != 0; }
    bool is_terminal() const { return name.target == Target::Terminal; }
    bool is_outer() const { return name.target == Target::Outer; }
    PseudoTerminal* pseudo() const { return device ? device->pseudo() : nullptr; }
    bool is_dead() const { return is_terminal() && hang_ups != device->hang_ups(); }
    bool non_blocking() const { return (flags & protocols::file::kNonBlocking) != 0; }
    bool can_read() const {
        return !is_reference() && (flags & protocols::file::kAccessMode) != protocols::file::kWriteOnly &&
               (device || target() == Target::Input);
    }
    bool can_write() const {
        return !is_reference() && (flags & protocols::file::kAccessMode) != protocols::file::kReadOnly && target() != Target::Input;
    }
};

}  // namespace portico::terminal
