#pragma once

#include "runtime/ipc.h"

namespace portico::ipc {

/// Calls another server from a handler without blocking one's own:
///
///     Task on(Call call, Lookup request) {
///         const Result<Find::Reply> found = co_await async_call(index_, Find{request.name});
///
/// The reply arrives at the port the handler's own call came in by; `serve` resumes the handler with it. The handler goes on with
/// Interrupted if its own call ends first (deadline, death, cancellation), and the call it made is then cancelled too; with
/// PeerClosed if the other server dies. A request that cannot be sent fails at once.
///
/// A coroutine that handles no call (or takes its messages from a set of ports) names the port for the reply.
template <class M>
class [[nodiscard]] AsyncCall final : AwaitedReply {
public:
    AsyncCall(Handle to, const M& request, Handle reply_port) : to_(to), request_(request_message(request)), port_(reply_port) {}

    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<Task::promise_type> suspended) {
        const Task::promise_type& handler = suspended.promise();
        return send(to_, request_, port_ ? port_ : handler.port, handler.call_id, suspended);
    }
    Result<typename M::Reply> await_resume() const { return unpack_reply<M>(TRY(answer())); }

private:
    Handle to_;
    Message request_;
    Handle port_;
};

template <class M>
AsyncCall<M> async_call(Handle to, const M& request, Handle reply_port = {}) {
    return AsyncCall<M>(to, request, reply_port);
}

}  // namespace portico::ipc
