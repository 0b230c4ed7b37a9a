#pragma once

#include "kernel/ipc/port.h"

namespace portico::kernel {

/// Ports whose messages one thread waits for. Posting to a member and taking from the set cost the same however many ports it has.
///
/// Ownership: handles refer to it. Members and set know each other by bare pointers: a port leaves when it is closed, and all
///            leave when the set is.
/// Order:     members with messages take turns, one message each.
class PortSet final : public MessageSource {
public:
    static constexpr ObjectType kType = ObjectType::PortSet;

    PortSet() : MessageSource(kType) {}
    ~PortSet() override;

    bool empty() const override { return ready_.empty(); }
    /// As of a port; r14 gets the member's key.
    Result<bool> take(Thread& receiver) override;

    /// Errors: Exists if the port is in a set.
    Result<> add(Port& port, uint64_t key);
    /// Errors: NotFound.
    Result<> remove(Port& port);

    /// The next member to take from, or null; took_from must follow.
    Port* next() { return ready_.empty() ? nullptr : &ready_.front(); }
    void took_from(Port& port);
    /// A member's queue is not empty, or is. Repetitions are allowed: a message that is taken may end its sender, which then posts.
    void became_ready(Port& port) {
        if (!port.SetReadyHook::is_linked()) ready_.push_back(port);
    }
    void became_empty(Port& port) {
        if (port.SetReadyHook::is_linked()) ready_.erase(ready_.iterator_to(port));
    }

private:
    void on_unreachable() override;

    template <class Hook>
    using Ports = boost::intrusive::list<Port, boost::intrusive::base_hook<Hook>, boost::intrusive::constant_time_size<false>>;
    Ports<SetMemberHook> members_;
    Ports<SetReadyHook> ready_;  ///< those whose queue is not empty
};

}  // namespace portico::kernel
