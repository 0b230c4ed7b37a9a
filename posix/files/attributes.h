#pragma once

#include "libs/result.h"
#include "posix/files/linux_files.h"
#include "protocols/file.h"

/// Attributes of the file protocol as Linux's structures, and times the other way. Pure.
namespace portico::posix {

linux_abi::Stat to_stat(const protocols::file::Attributes& attributes);
linux_abi::Statx to_statx(const protocols::file::Attributes& attributes);

/// UTIME_NOW and UTIME_OMIT in the nanoseconds field.
inline constexpr int64_t kUtimeNow = 0x3FFF'FFFF, kUtimeOmit = 0x3FFF'FFFE;

/// What utimensat's two times change; none given: both are set to now. Errors: InvalidArgument.
Result<protocols::file::SetAttributes> times_to_set(const linux_abi::Timespec* times);

}  // namespace portico::posix
