#pragma once

#include <optional>
#include <unordered_map>

#include "runtime/native.h"
#include "runtime/task.h"

namespace portico::ipc {

/// A call that a coroutine made without blocking its server and whose reply it awaits. See runtime/async_call.h.
///
/// Ownership: lives in the frame of the waiting coroutine; going early cancels the call.
/// Locks:     none, a server is one thread.
class AwaitedReply : Wait {
public:
    /// Gives a Reply to who awaits it; false if nobody does.
    static bool deliver(const abi::Message& reply) {
        const auto found = awaited().find(reply.id);
        if (found == awaited().end()) return false;
        found->second->resume(reply);
        return true;
    }

protected:
    ~AwaitedReply() {
        if (waiting_) abandon();
    }

    /// Sends the request; the reply will come to `port`. `call_id`: for whom the waiting is done (0: nobody). False: it could not be
    /// sent, and the answer says why.
    bool send(abi::Handle to, const abi::Message& request, abi::Handle port, uint64_t call_id, std::coroutine_handle<> waiting) {
        const Result<uint64_t> id = native::call_async(to, request, port);
        if (!id) {
            answer_ = fail(id.error());
            return false;
        }
        id_ = *id;
        port_ = port;
        waiting_ = waiting;
        awaited().emplace(id_, this);
        begin(call_id);
        return true;
    }

    const Result<abi::Message>& answer() const { return answer_; }

private:
    void resume(Result<abi::Message> answer) {
        awaited().erase(id_);
        end();
        answer_ = answer;
        std::exchange(waiting_, nullptr).resume();  // ends the frame this is in: nothing of it may be touched any more
    }

    /// After call_cancel no reply comes any more, also not one that was queued already.
    void interrupt() override {
        (void)native::call(abi::CallCancel{port_, id_});
        resume(fail(Error::Interrupted));
    }

    void abandon() {
        awaited().erase(id_);
        end();
        (void)native::call(abi::CallCancel{port_, id_});
    }

    static std::unordered_map<uint64_t, AwaitedReply*>& awaited() {
        static std::unordered_map<uint64_t, AwaitedReply*> all;
        return all;
    }

    uint64_t id_ = 0;
    abi::Handle port_;
    std::coroutine_handle<> waiting_;
    Result<abi::Message> answer_;
};

}  // namespace portico::ipc
