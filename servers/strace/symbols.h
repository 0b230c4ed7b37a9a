#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace portico::strace {

/// A name for a value: of a flag, of a field of flags (the bits of `mask`), or, with all bits as mask, of the value alone.
struct Symbol {
    uint64_t value;
    std::string_view name;
    uint64_t mask = value;
};

inline constexpr uint64_t kWhole = ~uint64_t{0};

/// What an argument's values are called.
struct Symbols {
    std::span<const Symbol> all;
    std::string_view family;  ///< "MAP_": for values without a name
};

/// "O_WRONLY|O_CREAT|0x8000000", "0x77 /* MAP_??? */", "0".
std::string named(uint64_t value, const Symbols& symbols);

/// "SIGCHLD", or the number.
std::string signal_name(uint64_t number);
/// "[INT CHLD]", or "~[INT]" if most signals are in it.
std::string signal_set(uint64_t bits);
/// "ENOENT", empty if there is no such error; and what it means.
std::string_view error_name(int error);
std::string_view error_meaning(int error);

extern const Symbols kOpenFlags, kAccessModes, kAtFlags, kProtections, kMapFlags, kSeekOrigins, kFcntlCommands, kDescriptorFlags,
    kPipeFlags, kCloneFlags, kWaitFlags, kPollEvents, kMaskChanges, kActionFlags, kFutexOperations, kClocks, kClockFlags, kResources,
    kUsers, kAdvice, kRemapFlags, kRandomFlags, kArchCodes, kControlRequests, kProcessOptions, kTimers, kRenameFlags, kStatxFlags,
    kStatxMask, kFileTypes, kSyncFlags, kRseqFlags;

}  // namespace portico::strace
