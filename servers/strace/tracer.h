#pragma once

#include <map>

#include "protocols/strace.h"
#include "runtime/ipc.h"
#include "servers/strace/call_text.h"
#include "servers/strace/output.h"
#include "servers/strace/settings.h"
#include "servers/strace/summary.h"
#include "servers/strace/trace_lines.h"
#include "servers/strace/traced.h"

namespace portico::strace {

/// The service of the traced processes: has every call done by their own runtime libraries, and writes down what it was and what came
/// of it. A thread's number in Linux is the process server's to tell, when its first call is seen; so is the end of a process.
///
/// Ownership: borrows the handles. Locks: none: one thread, one port, one loop.
/// Bound: one pending call a thread. A line is written out before its program goes on; what stands of a call that takes long after
///        kQuietNs.
class Tracer {
public:
    struct Handles {
        abi::Handle port;     ///< Receive
        abi::Handle process;  ///< Send, to the process server
    };
    Tracer(const Handles& handles, Output&& output, const Settings& settings);

    [[noreturn]] void run();

    Result<protocols::Empty> on(const ipc::Call& call, const protocols::strace::Finish& request);
    void on_other(const abi::Message& message);  ///< of the process server: a process has ended

private:
    static constexpr uint64_t kQuietNs = 20'000'000;

    struct Incoming {
        native::Received received;
        uint64_t sixth_argument;
    };
    Result<Incoming> receive(uint64_t deadline_ns) const;
    void serve(const Incoming& incoming);
    void on_foreign_call(const Incoming& incoming);
    void on_foreign_result(const abi::Message& message);
    void on_end(int64_t pid, uint64_t wait_status);

    /// The thread that made a call, also one that was not seen before. Null: it is about to end.
    TracedThread* find(uint32_t kernel_id);
    void watch(int64_t pid);
    /// A call that came back without a result: the program it was made by is gone, or nobody saw it return.
    void close_pending(TracedThread& thread);
    void forget_other_threads(const TracedThread& kept);
    void end_call(const TracedThread& thread, const PendingCall& pending, std::string_view rest, int64_t result);
    Speaker speaker(const TracedThread& thread) const { return {.tid = thread.tid, .is_alone = threads_.size() < 2}; }
    void write_out();

    Handles handles_;
    Output output_;
    Settings settings_;
    CallText texts_;
    TraceLines lines_;
    Summary summary_;
    TracedThreads threads_;
    std::map<uint64_t, int64_t> watched_;  // AwaitEnd call -> pid
};

}  // namespace portico::strace
