#pragma once

#include "posix/errno_map.h"
#include "posix/process.h"
#include "protocols/sysv.h"

namespace portico::posix {

/// The server of System V's things and POSIX's message queues, which the file server is asked for once a process.
/// Errors: NotSupported if there is none.
Result<abi::Handle> sysv_server(Process& process);

/// 0 for none.
int64_t trouble_errno(protocols::sysv::Trouble trouble);

/// The value of an answer, or a negative errno.
int64_t outcome(const Result<protocols::sysv::Answer>& answer);

}  // namespace portico::posix
