#pragma once

#include <array>
#include <cstdint>

/// What a Linux system call is to the runtime library.
namespace portico::posix {

class Thread;

/// rdi rsi rdx r10 r8 r9
using Arguments = std::array<uint64_t, 6>;

/// Returns the call's value, or a negative errno (posix/errno_map.h), which may be one of the restart codes below.
using Handler = int64_t (*)(Thread& thread, const Arguments& arguments);

enum class Support : uint8_t {
    None,     ///< ENOSYS
    Partial,  ///< works but for what `missing` says
    Full,
};

struct LinuxCall {
    unsigned number;
    const char* name;
    Support support;
    const char* missing;  ///< what is not there; "" if nothing
    Handler handler;      ///< null for Support::None
};

/// Results the program never sees: what a call says that an alert interrupted. They become EINTR, or the call is made again.
inline constexpr int64_t kRestart = 512;           ///< again, unless a handler without SA_RESTART runs (read, write, wait, …)
inline constexpr int64_t kRestartNoHandler = 514;  ///< again only if no handler runs (poll, select, sigsuspend, sleep, …)

}  // namespace portico::posix
