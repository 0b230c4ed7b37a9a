#pragma once

#include <cstdint>

#include "abi/message.h"
#include "abi/types.h"

/// What entry.S and the C++ part know of each other.
namespace portico::posix {

class Thread;

extern "C" {

// ---- in entry.S: places in the text, compared with instruction pointers and given to the kernel

void portico_start();          ///< RuntimeHeader::start
void portico_foreign_entry();  ///< the kernel brings Linux calls here
void portico_upcall_entry();   ///< and faults and alerts here
void portico_event_entry();    ///< an upcall goes on here, on the runtime stack, after its upcall_return
void portico_fork_child();     ///< a forked process's thread starts here, rdi = pid
void portico_thread_child();   ///< a cloned thread starts here

extern const char portico_wait_test[], portico_wait_end[], portico_wait_interrupted[];  ///< alert in [test, end) → interrupted
extern const char portico_exit_restart[], portico_exit_test[], portico_exit_end[];      ///< alert in [test, end) → restart
extern const char portico_user_begin[], portico_user_end[], portico_user_fault[];       ///< fault in [begin, end) → fault
extern const char portico_text_begin[], portico_text_end[];                             ///< all of the library's text (runtime.ld)

/// A native call that the thread's `pending` flag or an alert ends with Interrupted. Returns the Error.
uint64_t portico_wait_call(uint64_t number, abi::MessageRegisters* registers);

/// Leaves to the program by the frame, never returns to its caller.
[[noreturn]] void portico_exit_to_program();

void portico_save_vector_state(void* area, uint64_t mask);  ///< xsave64 with mask, or fxsave64 if it is 0
void portico_load_vector_state(const void* area, uint64_t mask);
void portico_reset_vector_control();  ///< as at a program's start

// ---- in C++: called by entry.S on the thread's runtime stack

void portico_start_main(uint64_t boot_block_address);
void portico_linux_call(Thread* thread);  ///< the frame holds a Linux call
void portico_event(Thread* thread);       ///< the frame holds interrupted program registers, Thread::event the cause
void portico_pending_at_exit(Thread* thread);
void portico_forked(int64_t pid, Thread* thread);
void portico_thread_started(Thread* thread);
[[noreturn]] void portico_upcall(Thread* thread);  ///< on the upcall stack

}  // extern "C"

inline uint64_t address_of(const void* place) {
    return reinterpret_cast<uint64_t>(place);
}
inline uint64_t address_of(void (*place)()) {
    return reinterpret_cast<uint64_t>(place);
}

}  // namespace portico::posix
