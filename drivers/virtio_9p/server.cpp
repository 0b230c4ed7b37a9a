#include "drivers/virtio_9p/server.h"

#include <algorithm>

namespace portico::virtio_9p {

namespace {

uint64_t now_ns() {
    const auto clock = native::call(abi::ClockRead{});
    return clock ? clock->now_ns : 0;
}

}  // namespace

Server::Server(Device& device, const Handles& handles) : device_(device), handles_(handles) {
    renew_session();
}

/// The time is no earlier driver's, nor an earlier session's.
void Server::renew_session() {
    resets_seen_ = device_.resets();
    session_ = std::max(now_ns(), session_ + 1);
}

void Server::service() {
    // Before the unmasking to lower the line, after it for what ended while it was masked.
    for (const bool unmask : {true, false}) {
        const std::optional<Result<uint32_t>> outcome = device_.service(now_ns());
        if (device_.resets() != resets_seen_) renew_session();
        if (outcome) {
            outcome_ = *outcome;
            ended_.wake_one();
        }
        if (unmask && handles_.interrupt) (void)native::call(abi::InterruptAck{handles_.interrupt});
    }
    watch_time();
}

void Server::watch_time() {
    const bool wanted = device_.pending();
    if (wanted == timer_runs_) return;
    timer_runs_ = wanted;
    (void)native::call(abi::TimerSet{handles_.timer, wanted ? now_ns() + kLookPeriodNs : abi::kForever, wanted ? kLookPeriodNs : 0});
}

void Server::on_notification(uint64_t, uint64_t bits) {
    if ((bits & (kInterruptBits | kTimerBits)) != 0) service();
}

Result<share::Info::Reply> Server::on(const ipc::Call& call, const share::Info&) {
    if (!device_.running()) return fail(Error::NoDevice);
    const std::string& tag = device_.tag();
    if (tag.size() > call.writable_bytes()) return fail(Error::TooLarge);
    TRY(call.write(0, std::as_bytes(std::span(tag))));
    return share::Info::Reply{.session = session_, .message_bytes_max = Device::kMessageBytesMax, .tag_bytes = tag.size()};
}

Result<> Server::submit(const ipc::Call& call, const share::Exchange& request) {
    if (!device_.running()) return fail(Error::NoDevice);
    if (request.session != session_) return fail(Error::NotFound);
    const uint64_t request_bytes = call.readable_bytes();
    if (request_bytes > Device::kMessageBytesMax) return fail(Error::TooLarge);
    TRY(call.read(0, device_.request().first(request_bytes)));
    const uint64_t answer_bytes_max = std::min<uint64_t>(call.writable_bytes(), Device::kMessageBytesMax);
    return device_.submit(static_cast<uint32_t>(request_bytes), static_cast<uint32_t>(answer_bytes_max), now_ns());
}

Result<share::Exchange::Reply> Server::deliver(const ipc::Call& call) {
    const uint32_t length_bytes = TRY(outcome_);
    TRY(call.write(0, device_.answer().first(length_bytes)));
    return share::Exchange::Reply{.length_bytes = length_bytes};
}

/// The device's memory is this exchange's until it has ended, also if nobody waits for it any more.
ipc::Task Server::on(ipc::Call call, share::Exchange request) {
    while (taken_)
        if (!co_await free_.wait(call.id())) co_return;
    if (const Result<> submitted = submit(call, request); !submitted) {
        (void)call.refuse(submitted.error());
        free_.wake_one();
        co_return;
    }
    taken_ = true;
    watch_time();
    (void)co_await ended_.wait(0);
    call.finish<share::Exchange>(deliver(call));
    taken_ = false;
    free_.wake_one();
}

}  // namespace portico::virtio_9p
