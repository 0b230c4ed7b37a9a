#include "servers/pipe/epoll.h"

#include <algorithm>
#include <vector>

#include "runtime/async_call.h"
#include "servers/pipe/epoll_entry.h"
#include "servers/pipe/events.h"

namespace portico::pipe_server {

Epoll::Epoll(abi::Handle reply_port) : Object(kType, file::kReadWrite), port_(reply_port) {}

Epoll::~Epoll() = default;

file::Attributes Epoll::attributes() const {
    return anonymous_attributes(birth_ns_);
}

uint32_t Epoll::events() const {
    const bool ready = std::ranges::any_of(ready_, [](const Entry* entry) { return entry->happened() != 0; });
    return ready ? kPollIn : 0;
}

void Epoll::list(Entry& entry) {
    if (!entry.listed) {
        entry.listed = true;
        entry.place = ready_.insert(ready_.end(), &entry);
        remote_listed_ += entry.remote != nullptr;
    }
    request_announcement();
}

void Epoll::unlist(Entry& entry) {
    if (!std::exchange(entry.listed, false)) return;
    ready_.erase(entry.place);
    remote_listed_ -= entry.remote != nullptr;
}

void Epoll::forget(Entry& entry) {
    unlist(entry);
    entries_.erase(Key(entry.key));
}

/// One waiter at a time: it wakes the next if it leaves something.
void Epoll::announced() {
    if (!ready_.empty()) waiters_.wake_one();
}

bool Epoll::reaches(const Epoll& other, unsigned depth) const {
    if (this == &other) return true;
    if (depth == kDepthMax) return false;
    return std::ranges::any_of(entries_, [&](const auto& item) {
        const Object* const object = item.second->object;
        return object != nullptr && object->type() == kType && static_cast<const Epoll*>(object)->reaches(other, depth + 1);
    });
}

/// How many epolls deep it is.
unsigned Epoll::height() const {
    unsigned highest = 0;
    for (const auto& [key, entry] : entries_)
        if (entry->object != nullptr && entry->object->type() == kType)
            highest = std::max(highest, static_cast<const Epoll*>(entry->object)->height());
    return highest + 1;
}

Result<> Epoll::watch(const event::Watch& request, const std::shared_ptr<Object>& target, OwnedHandle handle) {
    if (target.get() == this) return fail(Error::InvalidArgument);
    const Key key{
        .number = request.number, .remote = target == nullptr, .object = target ? reinterpret_cast<uint64_t>(target.get()) : request.name};
    const auto found = entries_.find(key);
    if (request.operation == event::Operation::Add) {
        if (found != entries_.end()) return fail(Error::Exists);
        return add(key, request, target, std::move(handle));
    }
    if (found == entries_.end()) return fail(Error::NotFound);
    Entry& entry = *found->second;
    if (request.operation == event::Operation::Delete) {
        forget(entry);
        return {};
    }
    if (request.operation != event::Operation::Modify || entry.exclusive() || (request.events & kExclusive) != 0)
        return fail(Error::InvalidArgument);
    entry.wanted = request.events;
    entry.data = request.data;
    entry.off = false;
    if (entry.remote) {
        unlist(entry);
        if (entry.remote->armed) ipc::Wait::cancel(entry.remote->name);
        arm_again(entry);
    } else {
        (void)entry.on_change();
    }
    return {};
}

Result<> Epoll::add(const Key& key, const event::Watch& request, const std::shared_ptr<Object>& target, OwnedHandle handle) {
    if (entries_.size() >= kEntriesMax) return fail(Error::NoSpace);
    if (target && target->type() == kType) {
        const Epoll& inner = static_cast<const Epoll&>(*target);
        if ((request.events & kExclusive) != 0) return fail(Error::InvalidArgument);
        if (inner.reaches(*this, 0) || inner.height() >= kDepthMax) return fail(Error::TooManyLinks);
    }
    auto made = std::make_unique<Entry>(*this, key);
    Entry& entry = *made;
    entry.wanted = request.events;
    entry.data = request.data;
    if (target) {
        entry.object = target.get();
        entry.position = target->add_watcher(entry);
    } else {
        entry.remote = std::make_shared<Remote>();
        entry.remote->handle = std::move(handle);
        entry.remote->entry = &entry;
    }
    entries_.emplace(key, std::move(made));
    if (entry.remote)
        arm_again(entry);
    else
        (void)entry.on_change();
    return {};
}

/// Replies with what is ready; false if that is nothing. What was told is only taken note of once the reply was taken.
bool Epoll::answer(const ipc::Call& call, uint32_t count_max) {
    constexpr size_t kFew = 16;
    std::array<event::Event, kFew> few;
    std::vector<event::Event> many;
    const uint64_t limit = std::min<uint64_t>(count_max, std::max<uint64_t>(call.writable_bytes() / sizeof(event::Event), 1));
    const size_t room = std::min<size_t>(limit, ready_.size());
    if (room > kFew) many.resize(room);
    event::Event* const told = room > kFew ? many.data() : few.data();
    size_t count = 0;
    for (auto next = ready_.begin(); next != ready_.end() && count < room;) {
        Entry& entry = **next++;
        const uint32_t happened = entry.happened();
        if (happened == 0) {
            unlist(entry);
            if (entry.remote) arm_again(entry);
        } else {
            told[count++] = {.events = happened, .data = entry.data};
        }
    }
    if (count == 0) return false;
    event::Wait::Reply reply{.count = count, .events = {}, .data = {}};
    if (count <= event::Wait::Reply::kInline) {
        for (size_t i = 0; i < count; ++i) {
            reply.events[i] = told[i].events;
            reply.data[i] = told[i].data;
        }
    } else if (const Result<> written = call.write(0, std::as_bytes(std::span(told, count))); !written) {
        (void)call.refuse(written.error());
        return true;
    }
    if (!call.reply<event::Wait>(reply)) return true;
    // What was told stands, in order, at the head of the list.
    auto next = ready_.begin();
    for (size_t i = 0; i < count; ++i) {
        Entry& entry = **next++;
        if (entry.remote) entry.remote->fresh = false;
        if ((entry.wanted & kOneShot) != 0) entry.off = true;
        if ((entry.wanted & (kOneShot | kEdge)) == 0) {
            ready_.splice(ready_.end(), ready_, entry.place);
        } else {
            unlist(entry);
            if (entry.remote && !entry.off) arm_again(entry);
        }
    }
    if (!ready_.empty() && !waiters_.empty()) request_announcement();
    return true;
}

/// The same if it is a few entries that stay ready however often they are told: nothing need be taken back if nobody takes the answer.
std::optional<ipc::Answer> Epoll::answer_few_levels(const ipc::Call& call, uint32_t count_max) {
    event::Wait::Reply reply{.count = 0, .events = {}, .data = {}};
    for (auto next = ready_.begin(); next != ready_.end() && reply.count < count_max;) {
        Entry& entry = **next++;
        if (reply.count == event::Wait::Reply::kInline || (entry.wanted & (kEdge | kOneShot)) != 0) return {};
        const uint32_t happened = entry.happened();
        if (happened == 0) {
            unlist(entry);
            continue;
        }
        reply.events[reply.count] = happened;
        reply.data[reply.count++] = entry.data;
    }
    if (reply.count == 0) return {};
    for (uint64_t told = 0; told < reply.count && ready_.size() > reply.count; ++told) ready_.splice(ready_.end(), ready_, ready_.begin());
    if (ready_.size() > reply.count && !waiters_.empty()) request_announcement();
    return ipc::Answer::of<event::Wait>(call.id(), reply);
}

ipc::Answer Epoll::wait(const ipc::Call& call, const event::Wait& request) {
    if (remote_listed_ == 0) {
        if (const auto answered = answer_few_levels(call, request.count_max)) return *answered;
        if (answer(call, request.count_max)) return {};
        if (request.waits == 0) return ipc::Answer::of<event::Wait>(call.id(), {.count = 0, .events = {}, .data = {}});
    }
    wait_later(call, request);
    return {};
}

ipc::Task Epoll::wait_later(ipc::Call call, event::Wait request) {
    const std::shared_ptr<Object> self = shared_from_this();
    for (;;) {
        std::vector<std::shared_ptr<Remote>> stale;
        for (const Entry* entry : ready_)
            if (entry->remote && !entry->remote->fresh) stale.push_back(entry->remote);
        for (const std::shared_ptr<Remote>& remote : stale) {
            if (remote->entry == nullptr) continue;
            const file::Poll question{.events = remote->entry->wanted & 0xFFFF, .wait = 0};
            const Result<file::Poll::Reply> reply = co_await ipc::async_call(remote->handle.get(), question);
            if (!reply && reply.error() == Error::Interrupted) co_return;
            if (remote->entry == nullptr) continue;
            if (!reply && reply.error() == Error::NotFound) {
                forget(*remote->entry);
                continue;
            }
            remote->events = reply ? static_cast<uint32_t>(reply->events) : kPollError | kPollHangUp;
        }
        if (answer(call, request.count_max)) co_return;
        if (request.waits == 0) {
            (void)call.reply<event::Wait>({.count = 0, .events = {}, .data = {}});
            co_return;
        }
        if (!co_await waiters_.wait(call.id())) co_return;
    }
}

void Epoll::arm_again(Entry& entry) {
    // Counted down from the top, so that it is no call's: the kernel's ids are spread over all numbers, and each is used once.
    static uint64_t next_name = ~uint64_t{0};
    entry.remote->name = next_name--;
    entry.remote->armed = true;
    arm(WatchName{entry.remote->name, port_}, entry.remote);
}

ipc::Task Epoll::arm(WatchName name, std::shared_ptr<Remote> remote) {
    const bool edge = (remote->entry->wanted & kEdge) != 0;
    const file::Poll question{.events = remote->entry->wanted & 0xFFFF, .wait = 1, .seen = edge ? remote->changes : 0};
    const Result<file::Poll::Reply> reply = co_await ipc::async_call(remote->handle.get(), question);
    if (remote->name != name.id()) co_return;  // it was changed, and is watched by another
    remote->armed = false;
    if (remote->entry == nullptr || (!reply && reply.error() == Error::Interrupted)) co_return;
    if (!reply && reply.error() == Error::NotFound) {  // the last descriptor of it was closed
        forget(*remote->entry);
        co_return;
    }
    remote->events = reply ? static_cast<uint32_t>(reply->events) : kPollError | kPollHangUp;
    remote->changes = reply ? reply->changes : 0;
    Entry& entry = *remote->entry;
    Epoll& epoll = *this;  // it owns the entry, so it is there
    remote->fresh = !epoll.waiters_.empty();
    (void)entry.on_change();
}

}  // namespace portico::pipe_server
