#include "servers/sysv/server.h"

#include "protocols/process.h"

namespace portico::sysv_server {

namespace {

Permissions permissions_of(const sysv::Get& request) {
    return {.key = request.key,
            .uid = request.uid,
            .gid = request.gid,
            .creator_uid = request.uid,
            .creator_gid = request.gid,
            .mode = request.flags & 0777};
}

/// What a key stands for already: its id, or why it cannot be had; no value: it is to be made.
template <class Thing, class Fits>
std::optional<Result<sysv::Answer>> find(const Identified<Thing>& all, const sysv::Get& request, Fits&& fits) {
    const std::shared_ptr<Thing> thing = all.by_key(request.key);
    if (thing) {
        if ((request.flags & (sysv::kCreate | sysv::kExclusive)) == (sysv::kCreate | sysv::kExclusive)) return fail(Error::Exists);
        if (!fits(*thing)) return fail(Error::InvalidArgument);
        return sysv::Answer{.value = all.id_of(*thing)};
    }
    if (request.key != 0 && (request.flags & sysv::kCreate) == 0) return fail(Error::NotFound);
    if (all.full()) return fail(Error::NoSpace);
    return std::nullopt;
}

bool asks_by_index(sysv::Kind kind, uint32_t command) {
    switch (kind) {
    case sysv::Kind::Semaphores:
        return command == sysv::semaphore::kStatIndex || command == sysv::semaphore::kStatAny;
    case sysv::Kind::Messages:
        return command == sysv::message::kStatIndex || command == sysv::message::kStatAny;
    default:
        return command == sysv::memory::kStatIndex || command == sysv::memory::kStatAny;
    }
}

template <class Thing>
Result<std::shared_ptr<Thing>> thing_of(const Identified<Thing>& all, const sysv::Control& request) {
    if (!asks_by_index(request.kind, request.command)) return all.by_id(request.id);
    std::shared_ptr<Thing> thing = all.by_index(request.id);
    if (!thing) return fail(Error::InvalidArgument);
    return thing;
}

}  // namespace

void Server::run() {
    ipc::run(*this, handles_.port, sysv::Protocol{}, file::Protocol{});
}

Result<sysv::Answer> Server::on(const ipc::Call&, const sysv::Get& request) {
    const Permissions permissions = permissions_of(request);
    switch (request.kind) {
    case sysv::Kind::Semaphores: {
        if (request.count > SemaphoreSet::kCountMax) return fail(Error::InvalidArgument);
        if (auto found = find(sets_, request, [&](const SemaphoreSet& set) { return request.count <= set.count(); })) return *found;
        if (request.count == 0) return fail(Error::InvalidArgument);
        const auto set = std::make_shared<SemaphoreSet>(request.count);
        set->permissions = permissions;
        set->changed_s = now_s();
        sets_.add(set);
        return sysv::Answer{.value = sets_.id_of(*set)};
    }
    case sysv::Kind::Messages: {
        if (auto found = find(queues_, request, [](const MessageQueue&) { return true; })) return *found;
        const auto queue = std::make_shared<MessageQueue>();
        queue->permissions = permissions;
        queue->state.changed_s = now_s();
        queues_.add(queue);
        return sysv::Answer{.value = queues_.id_of(*queue)};
    }
    case sysv::Kind::Memory: {
        if (auto found = find(segments_, request, [&](const Segment& one) { return request.size_bytes <= one.state.size_bytes; }))
            return *found;
        if (request.size_bytes == 0) return fail(Error::InvalidArgument);
        const uint64_t whole_bytes = (request.size_bytes + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
        const auto memory = native::call(abi::MemoryCreate{whole_bytes, static_cast<uint64_t>(abi::MemoryFlags::GrowOnly)});
        if (!memory) return fail(Error::NoMemory);
        const auto segment = std::make_shared<Segment>();
        segment->memory.reset(memory->memory);
        segment->permissions = permissions;
        segment->state.size_bytes = request.size_bytes;
        segment->state.changed_s = now_s();
        segment->state.creator = request.pid;
        segments_.add(segment);
        return sysv::Answer{.value = segments_.id_of(*segment)};
    }
    }
    return fail(Error::InvalidArgument);
}

Result<sysv::Answer> Server::on(const ipc::Call& call, const sysv::Control& request) {
    const bool limits = request.command == sysv::kInfo;
    switch (request.kind) {
    case sysv::Kind::Semaphores:
        if (limits || request.command == sysv::semaphore::kUsage) return tell_semaphore_limits(call, !limits);
        return control(call, request, *TRY(thing_of(sets_, request)));
    case sysv::Kind::Messages:
        if (limits || request.command == sysv::message::kUsage) return tell_message_limits(call, !limits);
        return control(call, request, *TRY(thing_of(queues_, request)));
    case sysv::Kind::Memory:
        if (limits || request.command == sysv::memory::kUsage) return tell_segment_limits(call, !limits);
        return control(call, request, *TRY(thing_of(segments_, request)));
    }
    return fail(Error::InvalidArgument);
}

Result<sysv::List::Reply> Server::on(const ipc::Call& call, const sysv::List& request) {
    const std::string text = request.kind == sysv::Kind::Memory       ? text_of(segments_)
                             : request.kind == sysv::Kind::Semaphores ? text_of(sets_)
                                                                      : text_of(queues_);
    TRY(call.write(0, std::as_bytes(std::span(text).first(std::min<size_t>(text.size(), call.writable_bytes())))));
    return sysv::List::Reply{.length_bytes = text.size()};
}

Result<abi::Handle> Server::make_object(Object&& object) {
    if (objects_.size() >= kObjectsMax) return fail(Error::NoSpace);
    const auto made = TRY(native::call(abi::PortBadge{.port = handles_.port, .badge = next_badge_, .credits = kCredits}));
    objects_.emplace(next_badge_++, std::move(object));
    return made.sender;
}

/// The last handle of an attachment or an open queue is gone.
void Server::on_notification(uint64_t badge, uint64_t bits) {
    const auto found = objects_.find(badge);
    if ((bits & abi::kNotifySendersGone) == 0 || found == objects_.end()) return;
    const Object object = std::move(found->second);
    objects_.erase(found);
    if (!object.segment) return;
    SegmentStat& state = object.segment->state;
    --state.attachments;
    state.detached_s = now_s();
    state.last = object.pid;
    forget_if_done(object.segment);
}

void Server::watch(int32_t pid) {
    if (watched_.insert(pid).second) watch_end(pid);
}

ipc::Task Server::watch_end(int32_t pid) {
    (void)co_await ipc::async_call(handles_.process, protocols::process::AwaitEnd{.pid = pid}, handles_.port);
    watched_.erase(pid);
    for (const auto& [index, set] : sets_.all()) {
        set->undo(pid);
        set->changed.wake_all();
    }
    for (const auto& [name, queue] : posix_queues_)
        if (queue->notification.pid == pid) queue->notification = {};
}

}  // namespace portico::sysv_server
