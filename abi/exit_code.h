#pragma once

#include <cstdint>

namespace portico::abi {

/// ProcessInfo.exit_code of a process that the kernel ended, since one of its threads faulted and nobody was left to judge it: no
/// upcall entry, no supervisor. All other codes are what process_kill or thread_exit was given; the kernel gives them no meaning.
inline constexpr uint64_t kExitCodeFault = ~uint64_t{0};

}  // namespace portico::abi
