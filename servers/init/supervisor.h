#pragma once

#include <algorithm>
#include <optional>

#include "runtime/ipc.h"
#include "servers/init/service.h"

namespace portico::init {

inline uint64_t now_ns() {
    const auto clock = native::call(abi::ClockRead{});
    return clock ? clock->now_ns : 0;
}

/// Starts the servers and looks after them: one that faults is killed, one that ended is started again or, if the system can
/// not go on without what it knew, the system has failed. Whoever was granted GrantKind::Supervisor may have one killed, and the
/// file server is told of every start and end.
///
/// init must never wait for a server without looking after all of them meanwhile: `ask` and `next` are the two ways to wait.
///
/// Ownership: owns the services and the port of their events. Locks: none, init is one thread.
/// Bound: restarts are delayed by up to kDelayMax and more than kRestartsMax in kRestartsPeriod are a failure.
class Supervisor {
public:
    static constexpr uint64_t kMillisecond = 1'000'000, kSecond = 1000 * kMillisecond;
    static constexpr uint64_t kDelayMin = 10 * kMillisecond, kDelayMax = kSecond, kRestartsPeriod = 60 * kSecond;
    static constexpr unsigned kRestartsMax = 16;
    static constexpr uint64_t kServersShortBytes = 512 << 10;
    static constexpr uint64_t kPatience = 60 * kSecond;  ///< for a server that is alive and does not answer

    static Result<Supervisor> create(BootResources& boot);

    /// Starts all servers of the table. On failure `failure` tells why.
    void start_all();

    /// What made the system fail; empty while it has not.
    const std::string& failure() const { return failure_; }
    void set_failure(std::string text) {
        if (failure_.empty()) failure_ = std::move(text);
    }

    Service& service(std::string_view name) { return services_[index_of(name)]; }
    bool running(std::string_view name) { return index_of(name) < services_.size() && service(name).running(); }

    /// Waits for the reply to an asynchronous call, or until the system has failed (then: nothing), until `deadline_ns`.
    std::optional<abi::Message> next(uint64_t deadline_ns = abi::kForever);

    /// Until every server that is to be restarted is, also when the system has failed.
    void wait_for_restarts(uint64_t deadline_ns);

    /// Calls a server. The call is cut into slices and repeated, so use it only for what may be repeated.
    /// Errors: those of the method; PeerClosed if the system has failed, TimedOut.
    template <class M>
    Result<typename M::Reply> ask(const OwnedHandle& server, const M& request, const ipc::Lend& lend = {},
                                  uint64_t patience_ns = kPatience) {
        const uint64_t give_up = now_ns() + patience_ns;
        for (uint64_t slice = 50 * kMillisecond;; slice *= 2) {
            auto reply = ipc::call(server.get(), request, lend, std::min(now_ns() + slice, give_up));
            if (reply || reply.error() != Error::TimedOut || now_ns() >= give_up) return reply;
            while (handle_one(abi::kNow)) {
            }
            if (!failure_.empty()) return fail(Error::PeerClosed);
        }
    }

    /// Calls a server without waiting; `next` gives the reply.
    template <class M>
    Result<uint64_t> ask_later(const OwnedHandle& server, const M& request) {
        return native::call_async(server.get(), ipc::request_message(request), events_.get());
    }

private:
    struct Watch {
        uint32_t generation = 0;
        uint64_t restart_at_ns = abi::kForever;
        unsigned restarts = 0;  ///< since period_start_ns
        uint64_t period_start_ns = 0;
    };

    Supervisor(BootResources& boot, OwnedHandle&& events, OwnedHandle&& requests)
        : boot_(boot), events_(std::move(events)), requests_(std::move(requests)) {}

    Result<> start(size_t index);
    void look_at_swap_disk();
    /// Handles one event or, when it is due, one restart. False if neither came until the deadline.
    bool handle_one(uint64_t deadline_ns);
    void handle(const abi::Message& message);
    void on_fault(size_t index, const abi::Message& message);
    void on_end(size_t index);
    void on_request(const abi::Message& message);
    Result<> watch_memory();
    void on_low_memory(uint64_t bits);
    void announce(size_t index);
    void plan_restart(size_t index);

    BootResources& boot_;
    OwnedHandle events_;
    OwnedHandle requests_;       // sends to events_
    OwnedHandle memory_events_;  // so does this: memory runs short
    OwnedHandle memory_timer_;
    std::vector<uint64_t> starved_;  // faults of servers that found no memory: answered when that is looked at again
    OwnedHandle file_control_;       // to tell the file server; none before it was prepared
    std::vector<Service> services_;
    std::array<Watch, kServices.size()> watches_;
    std::optional<abi::Message> reply_;
    std::string failure_;
};

}  // namespace portico::init
