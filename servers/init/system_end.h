#pragma once

#include "servers/init/supervisor.h"

/// How the system tells the host how it ended, and ends.
namespace portico::init {

enum class Outcome : uint8_t { Ended = 0, Failed = 1 };  ///< what the host sees of a machine that powers itself off

/// Tells the host the first program's wait status, once all output is out. Errors: PeerClosed if the system has failed.
Result<> report_end(Supervisor& supervisor, uint64_t wait_status);

/// Tells the host, if the terminal server still can, why the system failed.
void report_failure(Supervisor& supervisor);

/// Ends the virtual machine; where there is no device for it, the machine stays up, idle.
[[noreturn]] void power_off(abi::Handle hardware, Outcome outcome);

}  // namespace portico::init
