#include "runtime/async_call.h"

#include <cstdio>
#include <cstring>

#include "runtime/launch.h"
#include "tests/native/check.h"

/// A front server whose handlers call a back server by co_await, and clients that see what comes of it.
/// cpus: 1 2 4
namespace portico::native_test {
namespace {

using abi::Handle;
using protocols::Method;
using protocols::MethodList;

// ---- the back server: answers at once, later, with a handle, or never

struct Double {
    static constexpr Method method{1, "Double", "Answered at once."};
    struct Reply {
        uint64_t value;
    };
    uint64_t value;
};
struct Park {
    static constexpr Method method{2, "Park", "Waits until Release."};
    using Reply = Double::Reply;
    uint64_t value;
};
struct Release {
    static constexpr Method method{3, "Release", "Answers all that are parked; tells how many waits were cancelled so far."};
    struct Reply {
        uint64_t cancelled;
    };
};
struct MakePort {
    static constexpr Method method{4, "MakePort", "Answered with a send handle to the back server itself."};
    struct Reply {
        static constexpr unsigned kHandles = 1;
        uint64_t zero[4];
        Handle sender;
    };
};
struct Die {
    static constexpr Method method{5, "Die", "Ends the back server with the call in its hands."};
    using Reply = protocols::Empty;
};
using BackProtocol = MethodList<Double, Park, Release, MakePort, Die>;

class BackServer {
public:
    explicit BackServer(Handle port) : port_(port) {}

    Result<Double::Reply> on(const ipc::Call&, const Double& request) { return Double::Reply{2 * request.value}; }
    ipc::Task on(ipc::Call call, Park request) {
        if (!co_await parked_.wait(call.id())) {
            ++cancelled_;
            co_return;
        }
        call.finish<Park>(Double::Reply{2 * request.value});
    }
    Result<Release::Reply> on(const ipc::Call&, const Release&) {
        parked_.wake_all();
        return Release::Reply{cancelled_};
    }
    Result<MakePort::Reply> on(const ipc::Call&, const MakePort&) {
        OwnedHandle sender = TRY(ipc::make_sender(port_, 1));
        return MakePort::Reply{.zero = {}, .sender = sender.release()};
    }
    Result<protocols::Empty> on(const ipc::Call&, const Die&) { _exit(0); }

private:
    Handle port_;
    ipc::WaitQueue parked_;
    uint64_t cancelled_ = 0;
};

// ---- the front server: the same methods, by asking the back server

struct ParkTwice {
    static constexpr Method method{6, "ParkTwice", "Two calls of the back server, one after the other."};
    using Reply = Double::Reply;
    uint64_t value;
};
struct Interrupted {
    static constexpr Method method{7, "Interrupted", "How many handlers were interrupted, and how many still wait."};
    struct Reply {
        uint64_t interrupted;
        uint64_t waiting;
    };
};
using FrontProtocol = MethodList<Double, Park, MakePort, Die, ParkTwice, Interrupted>;

class FrontServer {
public:
    explicit FrontServer(Handle back) : back_(back) {}

    template <class M>
    ipc::Task on(ipc::Call call, M request) {
        ++waiting_;
        const Result<typename M::Reply> reply = co_await ipc::async_call(back_, request);
        --waiting_;
        if (!reply && reply.error() == Error::Interrupted) ++interrupted_;
        call.finish<M>(reply);
    }
    ipc::Task on(ipc::Call call, ParkTwice request) {
        const auto first = co_await ipc::async_call(back_, Park{request.value});
        if (!first) {
            call.finish<ParkTwice>(first);
            co_return;
        }
        call.finish<ParkTwice>(co_await ipc::async_call(back_, Park{first->value}));
    }
    Result<Interrupted::Reply> on(const ipc::Call&, const Interrupted&) { return Interrupted::Reply{interrupted_, waiting_}; }

private:
    Handle back_;
    uint64_t interrupted_ = 0;
    uint64_t waiting_ = 0;
};

// ---- the clients

struct Servers {
    OwnedHandle back, front;
};

Servers start_servers() {
    ipc::Channel back = *ipc::Channel::create();
    ipc::Channel front = *ipc::Channel::create();
    in_child([&] {
        back.sender.reset();
        front = {};
        BackServer server(back.port.get());
        ipc::serve_until_unused(server, back.port.get(), BackProtocol{});
    });
    in_child([&] {
        back.port.reset();
        front.sender.reset();
        FrontServer server(back.sender.get());
        ipc::serve_until_unused(server, front.port.get(), FrontProtocol{});
    });
    return {std::move(back.sender), std::move(front.sender)};
}

template <class M>
pid_t call_in_child(Handle to, const M& request, uint64_t expected) {
    return in_child([&] {
        const auto reply = ipc::call(to, request);
        CHECK(reply && reply->value == expected);
    });
}

void answers_pass_through(const Servers& servers) {
    for (uint64_t i = 0; i < 1000; ++i) {
        const auto reply = ipc::call(servers.front.get(), Double{i});
        CHECK(reply && reply->value == 2 * i);
    }
    ok("a handler that awaits another server's answer passes it on");
    const auto made = ipc::call(servers.front.get(), MakePort{});
    CHECK(made && made->sender);
    const OwnedHandle sender(made->sender);
    const auto reply = ipc::call(sender.get(), Double{4});
    CHECK(reply && reply->value == 8);
    ok("so does a handle in the answer");
}

void wait_for_waiting(const Servers& servers, uint64_t count) {
    for (;;) {
        const auto state = ipc::call(servers.front.get(), Interrupted{});
        CHECK(state);
        if (state->waiting == count) return;
        sleep_ms(1);
    }
}

void waiting_does_not_block(const Servers& servers) {
    pid_t children[8];
    for (uint64_t i = 0; i < 8; ++i) children[i] = call_in_child(servers.front.get(), Park{i}, 2 * i);
    wait_for_waiting(servers, 8);
    CHECK(ipc::call(servers.front.get(), Double{1})->value == 2);
    ok("while eight calls wait behind it, the front server answers others");
    CHECK(ipc::call(servers.back.get(), Release{}));
    for (const pid_t child : children) CHECK(exit_status_of(child) == 0);
    ok("each of the eight gets its own answer");

    const pid_t twice = call_in_child(servers.front.get(), ParkTwice{3}, 12);
    for (int released = 0; released < 200; ++released) {
        CHECK(ipc::call(servers.back.get(), Release{}));
        sleep_ms(1);
    }
    CHECK(exit_status_of(twice) == 0);
    ok("a handler may await one answer after the other");
}

void cancellation_travels(const Servers& servers) {
    const uint64_t now_ns = native::call(abi::ClockRead{})->now_ns;
    const auto late = ipc::call(servers.front.get(), Park{1}, {}, now_ns + 30'000'000);
    CHECK(!late && late.error() == Error::TimedOut);
    wait_for_waiting(servers, 0);
    CHECK(ipc::call(servers.front.get(), Interrupted{})->interrupted == 1);
    ok("a client's deadline interrupts the handler that waits for another server");
    const auto released = ipc::call(servers.back.get(), Release{});
    CHECK(released && released->cancelled == 1);
    ok("and the wait of that other server's handler");

    const pid_t child = in_child([&] { (void)ipc::call(servers.front.get(), Park{1}); });
    wait_for_waiting(servers, 1);
    CHECK(kill(child, SIGKILL) == 0);
    CHECK(exit_status_of(child) == 128 + SIGKILL);
    wait_for_waiting(servers, 0);
    CHECK(ipc::call(servers.back.get(), Release{})->cancelled == 2);
    ok("a client's death does the same");
}

void dead_servers_are_told(const Servers& servers) {
    const pid_t waits = in_child([&] {
        const auto reply = ipc::call(servers.front.get(), Park{1});
        CHECK(!reply && reply.error() == Error::PeerClosed);
    });
    wait_for_waiting(servers, 1);
    const auto died = ipc::call(servers.front.get(), Die{});
    CHECK(!died && died.error() == Error::PeerClosed);
    CHECK(exit_status_of(waits) == 0);
    ok("when the other server dies, all who wait for it get PeerClosed");
    const auto after = ipc::call(servers.front.get(), Double{1});
    CHECK(!after && after.error() == Error::PeerClosed);
    ok("and so does who calls it later");
}

void run() {
    const Servers servers = start_servers();
    answers_pass_through(servers);
    waiting_does_not_block(servers);
    cancellation_travels(servers);
    dead_servers_are_told(servers);
}

}  // namespace
}  // namespace portico::native_test

int main() {
    portico::native_test::run();
}
