#pragma once

#include <cerrno>
#include <cstdint>

#include "libs/result.h"
#include "posix/linux_call.h"

/// Translates kernel and server errors to Linux's errno, once, at the edge.
namespace portico::posix {

/// The negative errno of `error`. Interrupted becomes -kRestart: the exit path makes EINTR of it or repeats the call;
/// calls that are never repeated after a handler (poll, select, sleep) use `to_errno_no_restart`.
int64_t to_errno(Error error);

inline int64_t to_errno_no_restart(Error error) {
    return error == Error::Interrupted ? -kRestartNoHandler : to_errno(error);
}

/// 0 or the negative errno.
inline int64_t to_errno(const Result<>& result) {
    return result ? 0 : to_errno(result.error());
}

}  // namespace portico::posix
