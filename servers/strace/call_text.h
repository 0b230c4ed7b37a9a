#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "servers/strace/caller_memory.h"
#include "servers/strace/signature.h"

namespace portico::strace {

/// A Linux call as it was made.
struct LinuxCall {
    unsigned number = 0;
    std::array<uint64_t, 6> arguments{};
};

/// How calls are written: in two parts, for what a call fills in is known only when it returns.
///
///     read(3, | "abc", 10) | = 3
class CallText {
public:
    /// Of strings that are no paths, `string_max` bytes are shown.
    explicit CallText(size_t string_max = 32) : string_max_(string_max) {}

    static std::string name(unsigned number);
    /// "read(3, "
    std::string at_entry(const LinuxCall& call, const CallerMemory& memory) const;
    /// "\"abc\", 10)"
    std::string at_return(const LinuxCall& call, const CallerMemory& memory, int64_t result) const;
    /// "3", "-1 ENOENT (No such file or directory)"
    static std::string result(const LinuxCall& call, int64_t result);
    static bool is_error(int64_t result) { return result < 0 && result >= -4095; }

private:
    struct Seen;  // the call, the memory, and, once it has returned, the result
    std::string text(const Argument& argument, const Seen& seen) const;
    std::string out_text(const Argument& argument, const Seen& seen) const;
    std::string bytes(uint64_t address, uint64_t length, const Seen& seen) const;
    std::string string(uint64_t address, size_t bytes_max, const Seen& seen) const;
    std::string strings(uint64_t address, const Seen& seen) const;
    std::string vectors(uint64_t address, uint64_t count, uint64_t bytes_max, const Seen& seen) const;
    std::string control_argument(const Argument& argument, const Seen& seen) const;

    size_t string_max_;
};

}  // namespace portico::strace
