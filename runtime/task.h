#pragma once

#include <array>
#include <coroutine>
#include <cstdint>
#include <cstdlib>

#include "abi/handle.h"
#include "libs/result.h"
#include "runtime/frame_pool.h"

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

        static void* operator new(size_t bytes) { return FramePool::allocate(bytes); }
        static void operator delete(void* frame, size_t bytes) { FramePool::release(frame, bytes); }

        Task get_return_object() { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() {}
        void unhandled_exception() { std::abort(); }
    };
};

/// What a handler waits for on behalf of a call. When the call ends (kind Cancelled), so does the wait, with Interrupted.
///
/// Ownership: lives in the frame of the waiting coroutine, or in a record that stands for one. Locks: none, a server is one thread.
/// Bound:     a call's handler waits for one thing at a time.
class Wait {
public:
    Wait() = default;
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

    /// Ends what the handler of this call waits for; false if it waits for nothing.
    static bool cancel(uint64_t call_id) {
        Wait* wait = waits_[call_id % kBuckets];
        while (wait != nullptr && wait->call_id_ != call_id) wait = wait->next_;
        if (wait == nullptr) return false;
        wait->interrupt();
        return true;
    }

protected:
    ~Wait() = default;
    void begin(uint64_t call_id) {
        Wait*& first = waits_[call_id % kBuckets];
        call_id_ = call_id;
        next_ = first;
        if (next_ != nullptr) next_->link_ = &next_;
        link_ = &first;
        first = this;
    }
    void end() {
        *link_ = next_;
        if (next_ != nullptr) next_->link_ = link_;
    }
    virtual void interrupt() = 0;

private:
    static constexpr size_t kBuckets = 256;  // ids of calls are spread over all numbers
    inline static constinit std::array<Wait*, kBuckets> waits_{};

    uint64_t call_id_ = 0;
    Wait* next_ = nullptr;
    Wait** link_ = nullptr;  // what points to this one
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
            queue_.append(*this);
            begin(call_id_);
        }
        Result<> await_resume() const {
            if (result_ != Error::None) return fail(result_);
            return {};
        }

    private:
        friend class WaitQueue;
        void resume(Error error) {
            queue_.remove(*this);
            end();
            result_ = error;
            handle_.resume();
        }
        void interrupt() override { resume(Error::Interrupted); }

        WaitQueue& queue_;
        uint64_t call_id_;
        Error result_ = Error::None;
        std::coroutine_handle<> handle_;
        Waiter* before_ = nullptr;
        Waiter* behind_ = nullptr;
    };

    Waiter wait(uint64_t call_id) { return Waiter(*this, call_id); }
    bool empty() const { return first_ == nullptr; }

    void wake_one() {
        if (first_ != nullptr) first_->resume(Error::None);
    }

    /// Wakes those who wait now; ones that wait again meanwhile are not woken twice.
    void wake_all(Error error = Error::None) {
        for (size_t count = count_; count > 0 && first_ != nullptr; --count) first_->resume(error);
    }

private:
    void append(Waiter& waiter) {
        waiter.before_ = last_;
        waiter.behind_ = nullptr;
        (last_ != nullptr ? last_->behind_ : first_) = &waiter;
        last_ = &waiter;
        ++count_;
    }
    void remove(Waiter& waiter) {
        (waiter.before_ != nullptr ? waiter.before_->behind_ : first_) = waiter.behind_;
        (waiter.behind_ != nullptr ? waiter.behind_->before_ : last_) = waiter.before_;
        --count_;
    }

    Waiter* first_ = nullptr;
    Waiter* last_ = nullptr;
    size_t count_ = 0;
};

}  // namespace portico::ipc
