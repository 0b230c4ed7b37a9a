#pragma once

#include "posix/files/descriptor.h"
#include "posix/linux_call.h"

/// File locks as fcntl(2) has them. The file's server keeps them; a process's go when it closes any descriptor of the file, which only the
/// library sees.
namespace portico::posix {

class Process;

/// fcntl's F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ forms, on a descriptor that is open for more than its path.
int64_t record_lock(Thread& thread, const Descriptor& descriptor, uint32_t command, uint64_t address);

/// Before a descriptor is closed: gives back the process's locks on its file, if it may have any.
void release_record_locks(const Process& process, const Descriptor& descriptor);

}  // namespace portico::posix
