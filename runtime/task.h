#pragma once

#include <coroutine>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <unordered_map>

#include "abi/handle.h"
#include "libs/result.h"

/// Coroutines for server loops: straight-line handlers that wait without blocking their server.
namespace portico::ipc {

/// A handler that runs until its first wait and later goes on from there; nobody awaits it, it ends by itself.
struct Task {
    struct promise_type {
        uint64_t call_id = 0;  ///< of the call that it handles; 0 for none
        abi::Handle port;      ///< where that call came in

        promise_type() = default;
        /// The compiler hands over the coroutine's own arguments: of a method `Task on(Call, M)` the object and these two.
        template <class Server, class Call, class... Rest>
            requires requires(const Call& call) {
                { call.id() } -> std::same_as<uint64_t>;
                { call.port() } -> std::same_as<abi::Handle>;
            }
        promise_type(Server&, const Call& call, const Rest&...) : call_id(call.id()), port(call.port()) {}

        Task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
};

/// What a handler waits for on behalf of a call. When the call ends (kind Cancelled), so does the wait, with Interrupted.
///
/// Ownership: lives in the frame of the waiting coroutine. Locks: none, a server is one thread.
/// Bound:     a call's handler waits for one thing at a time.
class Wait {
public:
    Wait() = default;
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    /// Ends what the handler of this call waits for; false if it waits for nothing.
    static bool cancel(uint64_t call_id) {
        const auto found = waits().find(call_id);
        if (found == waits().end()) return false;
        found->second->interrupt();
        return true;
    }

protected:
    ~Wait() = default;
    void begin(uint64_t call_id) { position_ = waits().emplace(call_id, this); }
    void end() { waits().erase(position_); }
    virtual void interrupt() = 0;

private:
    using Waits = std::unordered_multimap<uint64_t, Wait*>;
    static Waits& waits() {
        static Waits all;
        return all;
    }
    Waits::iterator position_;
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

    class Waiter final : Wait {
    public:
        Waiter(WaitQueue& queue, uint64_t call_id) : queue_(queue), call_id_(call_id) {}

        bool await_ready() const { return false; }
        void await_suspend(std::coroutine_handle<> suspended) {
            handle_ = suspended;
            position_ = queue_.waiters_.insert(queue_.waiters_.end(), this);
            begin(call_id_);
        }
        Result<> await_resume() const {
            if (result_ != Error::None) return fail(result_);
            return {};
        }

    private:
        friend class WaitQueue;
        void resume(Error error) {
            queue_.waiters_.erase(position_);
            end();
            result_ = error;
            handle_.resume();
        }
        void interrupt() override { resume(Error::Interrupted); }

        WaitQueue& queue_;
        uint64_t call_id_;
        Error result_ = Error::None;
        std::coroutine_handle<> handle_;
        std::list<Waiter*>::iterator position_;
    };

    Waiter wait(uint64_t call_id) { return Waiter(*this, call_id); }
    bool empty() const { return waiters_.empty(); }

    void wake_one() {
        if (!waiters_.empty()) waiters_.front()->resume(Error::None);
    }

    /// Wakes those who wait now; ones that wait again meanwhile are not woken twice.
    void wake_all(Error error = Error::None) {
        for (size_t count = waiters_.size(); count > 0 && !waiters_.empty(); --count) waiters_.front()->resume(error);
    }

private:
    std::list<Waiter*> waiters_;
};

}  // namespace portico::ipc
