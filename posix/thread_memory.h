#pragma once

#include "posix/process.h"
#include "posix/thread.h"

/// Where threads' blocks and stacks come from. One mapping a thread:
///
///     guard | upcall stack | guard | runtime stack, frame at its top | Thread, vector state
namespace portico::posix {

inline constexpr uint64_t kUpcallStackBytes = 0x4000;
inline constexpr uint64_t kRuntimeStackBytes = 0x1'0000;

/// The stacks and block of the process's first thread, in bss.
Thread* first_thread();
/// Where that block lies: the GS base of an image's first thread, which the kernel takes from ThreadStart only.
uint64_t first_thread_address();

/// A thread of `process` that is not started; takes the place of one that ended, or new pages. Null without memory.
Thread* allocate_thread(Process& process) EXCLUDES(process.mutex);

/// One that stands outside every process's list: a vfork child's.
Thread* allocate_thread_pages();
void free_thread_pages(Thread* thread);  ///< closes no handle: it may be of another process's table

/// Fills what a new thread or process inherits: registers (with result 0), mask, vector state, name.
void inherit(Thread& child, const Thread& parent);
/// The same for a fork, whose child finds itself in a copy of the parent's block.
void inherit_for_fork(Thread& parent);

/// Features and size of the vector state that signal frames and forks keep.
uint64_t vector_mask();
uint32_t vector_state_bytes();
void vector_start();  ///< finds them out; once at start

uint64_t read_fs_base();
void write_fs_base(uint64_t address);
uint64_t read_gs_base();

}  // namespace portico::posix
