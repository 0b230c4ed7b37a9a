#include "servers/sysv/server.h"

namespace portico::sysv_server {

namespace {

/// struct msginfo.
struct MessageLimits {
    int32_t pool, map, message_bytes_max, queue_bytes_max, queues_max, segment_bytes, all;
    uint16_t segments, zero;
};

}  // namespace

ipc::Task Server::on(ipc::Call call, sysv::Send request) {
    const Result<std::shared_ptr<MessageQueue>> found = queues_.by_id(request.id);
    const uint64_t length_bytes = call.readable_bytes();
    if (!found || request.type < 1 || length_bytes > MessageQueue::kMessageBytesMax) {
        (void)call.refuse(Error::InvalidArgument);
        co_return;
    }
    const std::shared_ptr<MessageQueue> queue = *found;
    std::string text(length_bytes, '\0');
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(text))); !copied) {
        (void)call.refuse(copied.error());
        co_return;
    }
    while (!queue->removed && !queue->has_room(length_bytes)) {
        if ((request.flags & sysv::kNoWait) != 0) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await queue->changed.wait(call.id())) co_return;
    }
    if (!call.reply<sysv::Send>({.trouble = queue->removed ? Trouble::Removed : Trouble::None}) || queue->removed) co_return;
    queue->put(request.type, std::move(text), request.pid);
    queue->changed.wake_all();
}

ipc::Task Server::on(ipc::Call call, sysv::Receive request) {
    const Result<std::shared_ptr<MessageQueue>> found = queues_.by_id(request.id);
    if (!found) {
        (void)call.refuse(found.error());
        co_return;
    }
    const std::shared_ptr<MessageQueue> queue = *found;
    for (;;) {
        const MessageQueue::Place place = queue->removed ? queue->end() : queue->find(request.type, request.flags);
        Trouble trouble = Trouble::None;
        if (queue->removed)
            trouble = Trouble::Removed;
        else if (place == queue->end() && (request.flags & sysv::kNoWait) != 0)
            trouble = Trouble::NoMessage;
        else if (place != queue->end() && place->text.size() > call.writable_bytes() && (request.flags & sysv::kTruncate) == 0)
            trouble = Trouble::TooBig;
        if (trouble != Trouble::None) {
            (void)call.reply<sysv::Receive>({.answer = {.trouble = trouble}, .type = 0});
            co_return;
        }
        if (place != queue->end()) {
            const std::string_view text = std::string_view(place->text).substr(0, call.writable_bytes());
            if (const Result<> written = call.write(0, std::as_bytes(std::span(text))); !written) {
                (void)call.refuse(written.error());
                co_return;
            }
            if (!call.reply<sysv::Receive>({.answer = {.value = static_cast<int64_t>(text.size())}, .type = place->type})) co_return;
            queue->take(place, request.pid);
            queue->changed.wake_all();
            co_return;
        }
        if (!co_await queue->changed.wait(call.id())) co_return;
    }
}

Result<sysv::Answer> Server::control(const ipc::Call& call, const sysv::Control& request, MessageQueue& queue) {
    switch (request.command) {
    case sysv::kRemove: {
        const std::shared_ptr<MessageQueue> kept = queues_.by_index(queue.index);
        kept->removed = true;
        queues_.remove(*kept);
        kept->changed.wake_all();
        return sysv::Answer{};
    }
    case sysv::kSet: {
        const MessageStat wanted = TRY(take<MessageStat>(call));
        change(queue.permissions, wanted.permissions);
        queue.state.bytes_max = wanted.bytes_max;
        queue.state.changed_s = now_s();
        queue.changed.wake_all();
        return sysv::Answer{};
    }
    case sysv::kStat:
        return give(call, queue.stat());
    case sysv::message::kStatIndex:
    case sysv::message::kStatAny:
        return give(call, queue.stat(), queues_.id_of(queue));
    default:
        return fail(Error::InvalidArgument);
    }
}

Result<sysv::Answer> Server::tell_message_limits(const ipc::Call& call, bool usage) {
    constexpr int32_t kQueueBytes = MessageQueue::kBytesMax;
    MessageLimits limits{.pool = static_cast<int32_t>(kQueuesMax * kQueueBytes / 1024),
                         .map = kQueueBytes,
                         .message_bytes_max = MessageQueue::kMessageBytesMax,
                         .queue_bytes_max = kQueueBytes,
                         .queues_max = kQueuesMax,
                         .segment_bytes = 16,
                         .all = kQueueBytes,
                         .segments = 0xFFFF,
                         .zero = 0};
    if (usage) {
        limits.pool = static_cast<int32_t>(queues_.all().size());
        limits.map = limits.all = 0;
        for (const auto& [index, queue] : queues_.all()) {
            limits.map += static_cast<int32_t>(queue->count());
            limits.all += static_cast<int32_t>(queue->bytes());
        }
    }
    return give(call, limits, queues_.index_max());
}

}  // namespace portico::sysv_server
