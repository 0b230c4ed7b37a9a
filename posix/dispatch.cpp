#include <atomic>
#include <cerrno>

#include "posix/entry_points.h"
#include "posix/linux_table.h"
#include "posix/log_line.h"
#include "posix/process.h"
#include "posix/signals.h"

/// A Linux call from its entry to its result.
namespace portico::posix {

namespace {

constexpr uint64_t kTrapFlag = 0x100;

/// Which numbers were already reported by the processes of this address space.
constinit std::atomic<uint64_t> reported[kLinuxCallsMax / 64 + 1]{};

/// rseq: every libc tries it at every start and does well without.
constexpr uint64_t kTriedAlways = 334;

[[gnu::noinline]] int64_t refuse(const Thread& thread, uint64_t number) {
    if (number == kTriedAlways) return -ENOSYS;
    const uint64_t slot = number < kLinuxCallsMax ? number : kLinuxCallsMax;
    const uint64_t bit = uint64_t{1} << (slot % 64);
    if ((reported[slot / 64].fetch_or(bit) & bit) == 0) {
        LogLine line;
        line << "pid " << thread.process->pid << " (" << thread.name << "): linux call " << linux_call_name(number) << " (";
        line << static_cast<int64_t>(number) << ") is not supported";
    }
    return -ENOSYS;
}

/// To the service of this process, which does not see the program's registers: it gets Linux's own codes for a call made again.
[[gnu::noinline]] void report(int64_t result) {
    (void)native::call(abi::ForeignReport{static_cast<uint64_t>(result)});
}

}  // namespace

/// An alert interrupted the call: signals are delivered, and it is made again unless a handler is to run. False: the frame is the program's
/// again, outcome and all.
[[gnu::noinline]] static bool make_again(Thread& thread, Handler handler, const Arguments& arguments, int64_t& result) {
    while (result == -kRestart || result == -kRestartNoHandler) {
        thread.frame->rax = static_cast<uint64_t>(result);
        if (deliver_signals(thread)) return true;  // the handler's frame holds the outcome: EINTR, or the call again
        result = handler(thread, arguments);
        if (!thread.in_call) return false;
    }
    thread.frame->rax = static_cast<uint64_t>(result);
    return true;
}

extern "C" void portico_linux_call(Thread* thread) {
    abi::Registers& frame = *thread->frame;
    const uint64_t number = frame.rax & 0xFFFF'FFFF;  // as Linux: eax counts
    const Arguments arguments{frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9};
    const bool reports = (frame.rflags & abi::kForeignReportFlag) != 0;
    frame.rflags &= ~(kTrapFlag | abi::kForeignReportFlag);
    thread->full_restore = 0;
    thread->in_call = true;
    thread->call_number = number;
    thread->restart_deadline_ns = 0;
    const Handler handler = linux_handler(thread->process->mode, number);
    int64_t result = handler != nullptr ? handler(*thread, arguments) : refuse(*thread, number);
    if (!thread->in_call) return;  // rt_sigreturn: the frame is another
    frame.rax = static_cast<uint64_t>(result);
    if (result == -kRestart || result == -kRestartNoHandler) [[unlikely]]
        if (!make_again(*thread, handler, arguments, result)) return;
    thread->in_call = false;
    if (reports) [[unlikely]]
        report(result);
}

}  // namespace portico::posix
