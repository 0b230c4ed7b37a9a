#pragma once

#include <optional>
#include <unordered_map>

#include "runtime/ipc.h"

namespace portico::file_server {

class AsyncCall;

/// The asynchronous calls this server waits for, by id; their replies arrive at its own port.
class AsyncCalls {
public:
    explicit AsyncCalls(abi::Handle port) : port_(port) {}

    /// Gives a Reply to who waits for it; false if nobody does (any more).
    bool deliver(const abi::Message& reply);

    AsyncCall* find(uint64_t id) const {
        const auto found = pending_.find(id);
        return found == pending_.end() ? nullptr : found->second;
    }

private:
    friend class AsyncCall;
    abi::Handle port_;
    std::unordered_map<uint64_t, AsyncCall*> pending_;
};

/// One asynchronous call, in the frame of the coroutine that waits for it. Going early cancels it.
class AsyncCall {
public:
    AsyncCall(AsyncCalls& calls, abi::Handle to, const abi::Message& request);
    AsyncCall(const AsyncCall&) = delete;
    AsyncCall& operator=(const AsyncCall&) = delete;
    ~AsyncCall();

    const Result<uint64_t>& id() const { return id_; }  ///< or why it could not be sent

    /// Waits on behalf of a client's call: Interrupted when that ends first.
    ipc::WaitQueue::Waiter wait(uint64_t client_call_id) { return done_.wait(client_call_id); }

    const abi::Message& reply() const { return *reply_; }  ///< after a wait that succeeded

    /// The badge of the handle the call went through, if it turned out to be one of this server's own.
    std::optional<uint64_t> own_badge;

private:
    friend class AsyncCalls;
    AsyncCalls& calls_;
    Result<uint64_t> id_;
    std::optional<abi::Message> reply_;
    ipc::WaitQueue done_;
};

}  // namespace portico::file_server
