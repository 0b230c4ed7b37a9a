#pragma once

#include <array>
#include <string_view>

#include "abi/message.h"

/// What people are shown for numbers of the ABI (errors have theirs in errors.h, system calls in their docs).
namespace portico::abi {

inline constexpr std::array<std::string_view, 11> kFaultNames{"no fault",       "alert",        "page fault", "general protection",
                                                              "invalid opcode", "divide error", "breakpoint", "debug",
                                                              "floating point", "alignment",    "bad call"};
static_assert(kFaultNames.size() == static_cast<size_t>(FaultKind::BadCall) + 1);

inline constexpr std::array<std::string_view, 8> kMessageKindNames{"send",      "call",  "reply",        "notification",
                                                                   "cancelled", "fault", "foreign call", "foreign result"};
static_assert(kMessageKindNames.size() == static_cast<size_t>(MessageKind::ForeignResult) + 1);

constexpr std::string_view name_of(FaultKind kind) {
    const auto index = static_cast<size_t>(kind);
    return index < kFaultNames.size() ? kFaultNames[index] : "unknown fault";
}

}  // namespace portico::abi
