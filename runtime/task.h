#pragma once

#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <utility>

#include "libs/result.h"

/// Coroutines for server loops: straight-line handlers that wait without blocking their server.
namespace portico::ipc {

/// A handler that runs until its first wait and later goes on from there; nobody awaits it, it ends by itself.
struct Task {
    struct promise_type {
        Task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
};

/// Handlers waiting for one condition. `co_await queue.wait(call.id())` gives Interrupted if the call was cancelled
/// meanwhile, else success; the condition must then be checked again.
///
/// Ownership: a queue must outlive its waiters; destroying one with waiters resumes them with PeerClosed.
/// Locks: none, a server is one thread. Bound: one waiter a pending call.
class WaitQueue {
public:
    WaitQueue() = default;
    WaitQueue(const WaitQueue&) = delete;
    WaitQueue& operator=(const WaitQueue&) = delete;
    ~WaitQueue() { wake_all(Error::PeerClosed); }

    struct Waiter {
        WaitQueue* queue;
        uint64_t call_id;
        Error result = Error::None;
        std::coroutine_handle<> handle;
        std::list<Waiter*>::iterator all_position;
        std::list<Waiter*>::iterator position;

        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> suspended) {
            handle = suspended;
            position = queue->waiters_.insert(queue->waiters_.end(), this);
            all_position = all().insert(all().end(), this);
        }
        Result<> await_resume() const {
            if (result != Error::None) return fail(result);
            return {};
        }
        void resume(Error error) {
            queue->waiters_.erase(position);
            all().erase(all_position);
            result = error;
            handle.resume();
        }
    };

    Waiter wait(uint64_t call_id) { return Waiter{.queue = this, .call_id = call_id}; }
    bool empty() const { return waiters_.empty(); }

    void wake_one() {
        if (!waiters_.empty()) waiters_.front()->resume(Error::None);
    }

    /// Wakes those who wait now; ones that wait again meanwhile are not woken twice.
    void wake_all(Error error = Error::None) {
        for (size_t count = waiters_.size(); count > 0 && !waiters_.empty(); --count) waiters_.front()->resume(error);
    }

    /// Ends the wait of a cancelled call, in whichever queue it is; false if it waits in none.
    static bool cancel(uint64_t call_id) {
        for (Waiter* waiter : all())
            if (waiter->call_id == call_id) {
                waiter->resume(Error::Interrupted);
                return true;
            }
        return false;
    }

private:
    static std::list<Waiter*>& all() {
        static std::list<Waiter*> waiters;
        return waiters;
    }

    std::list<Waiter*> waiters_;
};

}  // namespace portico::ipc
