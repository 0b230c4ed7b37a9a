#pragma once

#include "kernel/ipc/call.h"
#include "libs/result.h"

/// Service mode: each call of another system (Linux) by a thread of a process with a service is a call of that service, and the
/// thread waits until it says who does it (abi::ForeignReply). Such a call is never lost and never stuck: without a service that
/// could answer, the process's runtime library does it.
///
///                    ┌── Result: rax ────────────────────────▶ the program
///     syscall ──▶ waits ── Run, service lost ──▶ the library ─▶ the program
///        ▲           ├── RunAndReport ─────────▶ the library ── foreign_report ──▶ waits for any reply ──▶ the program
///        └── alert ──┘
namespace portico::kernel {

class Process;
class Sender;
class Thread;

/// Posts the call in the thread's registers to its process's service, and blocks the thread. Where that cannot be done, the thread
/// goes on as after the reply Run. False: the process has no service, or its service wants the kernel to judge this call.
bool post_foreign_call(Thread& caller);
/// What its message says: the number in the thread's registers, and which thread it is.
abi::Header foreign_call_header(const Thread& caller);
/// Writes the registers of a caller whose service has replied; `result` is the reply's first word.
void answer_foreign_call(Thread& caller, abi::Header answer, uint64_t result);
/// The thread goes on in the runtime library, with the registers of the system call.
void run_foreign_call(Thread& caller);
/// The thread makes its call again when it runs next.
void repeat_foreign_call(Thread& caller);
/// The result of a call that the service answered with RunAndReport: posted to it, and the caller blocks. Errors: WrongState.
Result<> report_foreign_result(Thread& caller, uint64_t result);

/// Gives the process another service, or none. Calls under way at the one before are made again.
void set_service(Process& process, Ref<Sender> service);

/// Memory of its caller that the receiver of a call reaches.
struct LentMemory {
    uint64_t address = 0;
    uint64_t bytes = 0;
};
LentMemory readable_memory(const Call& call);
LentMemory writable_memory(const Call& call);

}  // namespace portico::kernel
