#pragma once

#include <cstdint>

#include "posix/process.h"

/// System V's shared memory as this process has it mapped: where, and the handles by which its server counts (docs/sysv.md).
namespace portico::posix {

/// One shmat. Ownership: the list of its process; a vfork child only looks at its parent's.
struct Attachment {
    uint64_t address = 0, length_bytes = 0;
    abi::Handle handle;
    abi::Handle for_child;  ///< while a fork is under way
    Attachment* next = nullptr;
};

/// Takes note of one. Errors: NoMemory (the handle is the caller's still).
Result<> add_attachment(Process& process, uint64_t address, uint64_t length_bytes, abi::Handle handle);

/// shmdt: takes the one that begins there. Errors: NotFound.
Result<Attachment> take_attachment(Process& process, uint64_t address);

/// What was unmapped wholly is not attached any more.
void detach_unmapped(Process& process, uint64_t address, uint64_t length_bytes);

/// Around a fork: each attachment counts once more, from before the child is there.
void attachments_before_fork(Process& process);
void attachments_after_fork_in_parent(Process& process);
void attachments_after_fork_in_child(Process& process);

/// Before another program runs in this process, whose handles stay.
void close_attachments(Process& process);

}  // namespace portico::posix
