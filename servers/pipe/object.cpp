#include "servers/pipe/object.h"

#include <algorithm>
#include <ctime>

namespace portico::pipe_server {
namespace {

constexpr uint32_t kAlways = kPollError | kPollHangUp;  // told whether asked for or not

}  // namespace

Object::~Object() {
    while (!watchers_.empty()) {
        Watcher* const watcher = watchers_.front();
        watchers_.pop_front();
        watcher->on_gone();
    }
}

ipc::Answer Object::read(const ipc::Call& call, const file::Read&) {
    return ipc::Answer::of_error(call.id(), Error::InvalidArgument);
}

ipc::Answer Object::write(const ipc::Call& call, const file::Write&) {
    return ipc::Answer::of_error(call.id(), Error::InvalidArgument);
}

ipc::Answer Object::put_few(const ipc::Call& call, const few::Put&) {
    return ipc::Answer::of_error(call.id(), Error::WouldBlock);
}

ipc::Answer Object::take_few(const ipc::Call& call, const few::Take&) {
    return ipc::Answer::of_error(call.id(), Error::NotSupported);
}

ipc::Task Object::poll(const ipc::Call& call, const file::Poll& request) {
    const uint64_t events = events_now(request.events);
    if (events == 0 && request.wait != 0) return poll_later(call, request);
    (void)call.reply<file::Poll>({.events = events});
    return {};
}

ipc::Task Object::poll_later(ipc::Call call, file::Poll request) {
    const std::shared_ptr<Object> self = shared_from_this();
    for (;;) {
        if (!co_await polls_.wait(call.id())) co_return;
        if (const uint64_t events = events_now(request.events); events != 0) {
            (void)call.reply<file::Poll>({.events = events});
            co_return;
        }
    }
}

uint64_t Object::events_now(uint64_t asked) const {
    return events() & (asked | kAlways);
}

void Object::changed() {
    if (!polls_.empty() || !watchers_.empty()) request_announcement();
}

void Object::request_announcement() {
    if (announced_) return;
    std::shared_ptr<Object> self = weak_from_this().lock();
    if (!self) return;  // it is going
    announced_ = true;
    to_announce_.push_back(std::move(self));
}

void Object::announce() {
    announced_ = false;
    bool taken = false;
    for (Watcher* const watcher : watchers_) {
        if (watcher->exclusive() && taken) continue;
        if (watcher->on_change() && watcher->exclusive()) taken = true;
    }
    announced();
    polls_.wake_all();
}

void Object::announce_all() {
    std::vector<std::shared_ptr<Object>>& all = to_announce_;
    // Announcing can change others (an epoll that another watches); they are appended.
    for (size_t i = 0; i < all.size(); ++i) {
        const std::shared_ptr<Object> object = std::move(all[i]);
        object->announce();
    }
    all.clear();
}

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Result<> check_reserve() {
    constexpr uint64_t kReserveBytes = 1 << 20;
    abi::AccountInfo account;
    abi::SystemInfo system;
    TRY(native::call(abi::AccountQuery{abi::kSelfAccount, reinterpret_cast<uint64_t>(&account)}));
    TRY(native::call(abi::SystemQuery{reinterpret_cast<uint64_t>(&system)}));
    const uint64_t payable_bytes = account.limit_bytes - std::min(account.used_bytes, account.limit_bytes);
    if (std::min(payable_bytes, system.free_bytes) < kReserveBytes) return fail(Error::NoMemory);
    return {};
}

}  // namespace portico::pipe_server
