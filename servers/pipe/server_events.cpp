#include <sys/random.h>

#include "servers/pipe/server.h"

/// Counters, timers, sets of signals, epolls: what protocols/event.h asks.
namespace portico::pipe_server {

Result<event::Made> Server::made(const std::shared_ptr<Object>& object) {
    TRY(check_reserve());
    OwnedHandle handle = TRY(objects_.give_handle(object));
    return event::Made{.zero = {}, .object = handle.release()};
}

Result<event::Made> Server::on(const ipc::Call&, const event::MakeCounter& request) {
    const auto flags = static_cast<uint32_t>(request.flags) & file::kNonBlocking;
    return made(std::make_shared<Counter>(request.value, (request.flags & event::kSemaphore) != 0, flags));
}

Result<event::Made> Server::on(const ipc::Call&, const event::MakeTimer& request) {
    return made(std::make_shared<Timer>(static_cast<uint32_t>(request.flags) & file::kNonBlocking));
}

Result<event::Made> Server::on(const ipc::Call&, const event::MakeSignalSet& request) {
    return made(std::make_shared<SignalSet>(request.signals, static_cast<uint32_t>(request.flags) & file::kNonBlocking));
}

Result<event::Made> Server::on(const ipc::Call&, const event::MakeEpoll&) {
    return made(std::make_shared<Epoll>(port_));
}

ipc::Answer Server::on(const ipc::Call& call, const event::Take&) {
    if (const auto counter = objects_.find<Counter>(call.badge())) return (*counter)->take(call);
    const auto timer = objects_.find<Timer>(call.badge());
    if (!timer) return ipc::Answer::of_error(call.id(), Error::WrongType);
    (*timer)->take(call);
    return {};
}

ipc::Answer Server::on(const ipc::Call& call, const event::Add& request) {
    const auto counter = objects_.find<Counter>(call.badge());
    return counter ? (*counter)->add(call, request.count) : ipc::Answer::of_error(call.id(), counter.error());
}

Result<event::TimerState> Server::on(const ipc::Call& call, const event::SetTimer& request) {
    Timer* const timer = TRY(objects_.find<Timer>(call.badge()));
    OwnedHandle sender;  // the kernel's timer keeps it
    if (!timer->has_kernel_timer() && request.deadline_ns != 0)
        sender.reset(TRY(native::call(abi::PortBadge{port_, kTimerBadge | call.badge(), 1})).sender);
    return timer->set(request.deadline_ns, request.interval_ns, sender.get());
}

Result<event::TimerState> Server::on(const ipc::Call& call, const event::GetTimer&) {
    return TRY(objects_.find<Timer>(call.badge()))->state();
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const event::SetSignals& request) {
    TRY(objects_.find<SignalSet>(call.badge()))->set_signals(request.signals);
    return protocols::Empty{};
}

Result<event::GetSignals::Reply> Server::on(const ipc::Call& call, const event::GetSignals&) {
    const SignalSet* const set = TRY(objects_.find<SignalSet>(call.badge()));
    return event::GetSignals::Reply{.signals = set->signals(), .flags = set->flags() & file::kNonBlocking};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const event::TellPending& request) {
    TRY(objects_.find<SignalSet>(call.badge()))->set_pending(request.signals);
    return protocols::Empty{};
}

ipc::Task Server::on(ipc::Call call, event::Watch request) {
    OwnedHandle handle(request.object);
    const Result<Epoll*> found = objects_.find<Epoll>(call.badge());
    if (!found) {
        (void)call.refuse(found.error());
        co_return;
    }
    const std::shared_ptr<Object> epoll = (*found)->shared_from_this();
    const uint64_t nonce = ask_identity();
    const Result<protocols::Empty> reply = co_await ipc::async_call(handle.get(), event::Identify{.nonce = nonce});
    const std::shared_ptr<Object> target = identity(nonce);
    if (!reply && reply.error() == Error::Interrupted) co_return;
    call.finish<event::Watch>([&]() -> Result<protocols::Empty> {
        if (request.operation == event::Operation::Add) TRY(check_reserve());
        TRY(static_cast<Epoll&>(*epoll).watch(request, target, std::move(handle)));
        return protocols::Empty{};
    }());
}

uint64_t Server::ask_identity() {
    uint64_t nonce = 0;
    while (getrandom(&nonce, sizeof nonce, 0) != sizeof nonce || identified_.contains(nonce)) {
    }
    identified_.emplace(nonce, 0);
    return nonce;
}

std::shared_ptr<Object> Server::identity(uint64_t nonce) {
    const uint64_t badge = identified_.extract(nonce).mapped();
    const Result<Object*> own = badge == 0 ? fail(Error::BadHandle) : objects_.find(badge);
    return own ? (*own)->shared_from_this() : nullptr;
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const event::Identify& request) {
    const auto asked = identified_.find(request.nonce);
    if (asked == identified_.end()) return fail(Error::BadCall);
    asked->second = call.badge();
    return protocols::Empty{};
}

ipc::Answer Server::on(const ipc::Call& call, const event::Wait& request) {
    const auto epoll = objects_.find<Epoll>(call.badge());
    return epoll ? (*epoll)->wait(call, request) : ipc::Answer::of_error(call.id(), epoll.error());
}

}  // namespace portico::pipe_server
