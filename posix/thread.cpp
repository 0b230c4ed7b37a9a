#include "posix/thread.h"

#include "posix/process.h"

namespace portico::posix {

Result<abi::Handle> Thread::reply_port() {
    if (!reply_port_handle) reply_port_handle = TRY(native::call(abi::PortCreate{})).port;
    return reply_port_handle;
}

void Thread::begin_temporary_mask(uint64_t mask) {
    saved_mask = signal_mask;
    restore_saved_mask = true;
    signal_mask = mask & ~kUnblockable;
    const MutexGuard guard(process->mutex);
    if (((pending_signals.set() | process->pending_signals.set()) & ~signal_mask.load()) != 0) pending = 1;
}

void Thread::end_temporary_mask() {
    if (!restore_saved_mask) return;
    restore_saved_mask = false;
    signal_mask = saved_mask;
}

}  // namespace portico::posix
