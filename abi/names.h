#pragma once

#include <array>
#include <string_view>

#include "abi/message.h"

/// What people are shown for numbers of the ABI (errors have theirs in errors.h, system calls in their docs).
namespace portico::abi {

inline constexpr std::array<std::string_view, 13> kFaultNames{
    "no fault", "alert",          "page fault", "general protection", "invalid opcode", "divide error", "breakpoint",
    "debug",    "floating point", "alignment",  "bad call",           "page lost",      "no memory"};
static_assert(kFaultNames.size() == static_cast<size_t>(FaultKind::NoMemory) + 1);

inline constexpr std::array<std::string_view, 10> kMessageKindNames{"send",  "call",         "reply",          "notification", "cancelled",
                                                                    "fault", "foreign call", "foreign result", "page in",      "page out"};
static_assert(kMessageKindNames.size() == static_cast<size_t>(MessageKind::PageOut) + 1);

constexpr std::string_view name_of(FaultKind kind) {
    const auto index = static_cast<size_t>(kind);
    return index < kFaultNames.size() ? kFaultNames[index] : "unknown fault";
}

}  // namespace portico::abi
