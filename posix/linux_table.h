#pragma once

#include <cstdint>

#include "abi/boot_block.h"
#include "posix/linux_call.h"
#include "posix/linux_call_list.h"

namespace portico::posix {

/// Who handles a call in a mode; null if nobody does.
Handler linux_handler(abi::RuntimeMode mode, uint64_t number);

/// "unknown" for numbers that Linux does not have either.
const char* linux_call_name(uint64_t number);

/// All of one call.
LinuxCall linux_call(uint64_t number);

}  // namespace portico::posix
