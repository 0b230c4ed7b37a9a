#include <algorithm>

#include "servers/process/orphaned_groups.h"
#include "servers/process/server.h"
#include "servers/process/wait_selection.h"

namespace portico::process {

namespace {

protocol::Usage usage_of(const Process& child) {
    // The kernel counts a process's time as one sum, which is told as user time.
    return {.user_ns = child.cpu_time_ns + child.children_cpu_time_ns, .system_ns = 0, .resident_peak_bytes = child.resident_bytes};
}

}  // namespace

Task Server::on(Call call, protocol::Wait request) {
    for (;;) {
        const Result<Process*> waiting = caller(call);
        const Result<WaitNews> news = waiting ? find_wait_news(table_, **waiting, request.pid, request.options) : fail(waiting.error());
        if (!news) {
            (void)call.refuse(news.error());
            co_return;
        }
        if (Process* child = news->child; child != nullptr) {
            const protocol::Usage usage = usage_of(*child);
            const auto bytes = std::as_bytes(std::span(&usage, 1));
            if (call.writable_bytes() != 0)
                if (const Result<> told = call.write(0, bytes.first(std::min<size_t>(bytes.size(), call.writable_bytes()))); !told) {
                    (void)call.refuse(told.error());
                    co_return;
                }
            const protocol::Wait::Reply answer{.pid = child->pid, .wait_status = news->status, .uid = child->credentials.uid, .zero = 0};
            // Reply, then commit: a caller that was interrupted finds the same news again.
            if (!call.reply<protocol::Wait>(answer) || (request.options & kWaitKeep) != 0) co_return;
            if (child->state == State::Zombie) {
                (*waiting)->children_cpu_time_ns += child->cpu_time_ns + child->children_cpu_time_ns;
                lifecycle_.reap(*child);
            } else {
                child->stop_unreported = false;
                child->continue_unreported = false;
            }
            co_return;
        }
        if ((request.options & kWaitNoHang) != 0) {
            (void)call.reply<protocol::Wait>({});
            co_return;
        }
        if (const Result<> woken = co_await (*waiting)->child_changes.wait(call.id()); !woken) {
            (void)call.refuse(woken.error());
            co_return;
        }
    }
}

Task Server::on(Call call, protocol::Stop request) {
    const Result<Process*> found = caller(call);
    const bool is_stop =
        request.signal >= 1 && request.signal <= kSignalMax && (kStopSignals & signal_bit(static_cast<int>(request.signal))) != 0;
    if (!found || (*found)->pid == 0 || !is_stop) {
        (void)call.refuse(found ? Error::InvalidArgument : found.error());
        co_return;
    }
    Process& process = **found;
    // A SIGCONT since the signal was taken undoes it; nobody could continue an orphaned group, so a terminal can not stop it.
    if (request.signal == kStop || (process.stop_taken && !is_orphaned(table_, process.group)))
        lifecycle_.stop(process, static_cast<int>(request.signal));
    for (;;) {
        const Result<Process*> stopped = caller(call);
        if (!stopped || (*stopped)->state != State::Stopped) break;
        if (!co_await (*stopped)->continued.wait(call.id())) co_return;
    }
    (void)call.reply<protocol::Stop>({});
}

}  // namespace portico::process
