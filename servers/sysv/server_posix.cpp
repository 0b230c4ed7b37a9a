#include "protocols/process.h"
#include "servers/sysv/server.h"

namespace portico::sysv_server {

namespace {

constexpr uint64_t kDevice = 0x1B;  // st_dev of POSIX queues
constexpr uint64_t kPollIn = 1, kPollOut = 4;
constexpr int32_t kCodeQueue = -3;  // SI_MESGQ
constexpr size_t kNameBytesMax = 255;

int64_t realtime_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

Result<std::string> name_of(const ipc::Call& call) {
    Result<std::string> name = call.read_text(kNameBytesMax);
    if (!name) return fail(name.error() == Error::TooLarge ? Error::NameTooLong : name.error());
    if (name->empty()) return fail(Error::NotFound);
    if (name->find('/') != std::string::npos || *name == "." || *name == "..") return fail(Error::AccessDenied);
    return name;
}

}  // namespace

Result<Server::Object*> Server::open_queue(const ipc::Call& call) {
    const auto found = objects_.find(call.badge());
    if (found == objects_.end() || !found->second.queue) return fail(Error::NotSupported);
    return &found->second;
}

Result<sysv::OpenQueue::Reply> Server::on(const ipc::Call& call, const sysv::OpenQueue& request) {
    const std::string name = TRY(name_of(call));
    const auto found = posix_queues_.find(name);
    std::shared_ptr<PosixQueue> queue;
    if (found != posix_queues_.end()) {
        if ((request.flags & (file::kCreate | file::kExclusive)) == (file::kCreate | file::kExclusive)) return fail(Error::Exists);
        queue = found->second;
    } else {
        if ((request.flags & file::kCreate) == 0) return fail(Error::NotFound);
        if (posix_queues_.size() >= kPosixQueuesMax) return fail(Error::NoSpace);
        int64_t messages_max = PosixQueue::kMessagesUsual, message_bytes_max = PosixQueue::kMessageBytesUsual;
        if (request.messages_max != 0 || request.message_bytes_max != 0) {
            messages_max = request.messages_max;
            message_bytes_max = request.message_bytes_max;
        }
        if (messages_max <= 0 || messages_max > PosixQueue::kMessagesMax) return fail(Error::InvalidArgument);
        if (message_bytes_max <= 0 || message_bytes_max > PosixQueue::kMessageBytesMax) return fail(Error::InvalidArgument);
        queue = std::make_shared<PosixQueue>(messages_max, message_bytes_max);
        queue->name = name;
        const int64_t now_ns = realtime_ns();
        queue->attributes = {.device = kDevice,
                             .inode = ++next_inode_,
                             .links = 1,
                             .mode = 0100000 | (request.mode & 0777),
                             .uid = request.uid,
                             .gid = request.gid,
                             .size_bytes = 80,
                             .access_ns = now_ns,
                             .modify_ns = now_ns,
                             .change_ns = now_ns};
    }
    const abi::Handle handle = TRY(make_object({.queue = queue, .flags = request.flags & (file::kAccessMode | file::kNonBlocking)}));
    posix_queues_[name] = std::move(queue);
    return sysv::OpenQueue::Reply{.zero = {}, .queue = handle};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const sysv::UnlinkQueue&) {
    const auto found = posix_queues_.find(TRY(name_of(call)));
    if (found == posix_queues_.end()) return fail(Error::NotFound);
    found->second->attributes.links = 0;
    posix_queues_.erase(found);
    return protocols::Empty{};
}

ipc::Task Server::on(ipc::Call call, sysv::SendQueued request) {
    const Result<Object*> object = open_queue(call);
    if (!object || ((*object)->flags & file::kAccessMode) == file::kReadOnly || request.priority >= PosixQueue::kPriorities) {
        (void)call.refuse(object && request.priority >= PosixQueue::kPriorities ? Error::InvalidArgument : Error::BadHandle);
        co_return;
    }
    const std::shared_ptr<PosixQueue> queue = (*object)->queue;
    const bool non_blocking = ((*object)->flags & file::kNonBlocking) != 0;
    if (static_cast<int64_t>(call.readable_bytes()) > queue->message_bytes_max()) {
        (void)call.reply<sysv::SendQueued>({.trouble = Trouble::TooLong});
        co_return;
    }
    std::string text(call.readable_bytes(), '\0');
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(text))); !copied) {
        (void)call.refuse(copied.error());
        co_return;
    }
    while (queue->full()) {
        if (non_blocking) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await queue->changed.wait(call.id())) co_return;
    }
    if (!call.reply<sysv::SendQueued>({})) co_return;
    const bool was_empty = queue->empty();
    queue->put(request.priority, std::move(text));
    if (was_empty && queue->receivers == 0) notify(*queue, request.pid, request.uid);
    queue->changed.wake_all();
}

ipc::Task Server::on(ipc::Call call, sysv::ReceiveQueued) {
    const Result<Object*> object = open_queue(call);
    if (!object || ((*object)->flags & file::kAccessMode) == file::kWriteOnly) {
        (void)call.refuse(Error::BadHandle);
        co_return;
    }
    const std::shared_ptr<PosixQueue> queue = (*object)->queue;
    const bool non_blocking = ((*object)->flags & file::kNonBlocking) != 0;
    if (static_cast<int64_t>(call.writable_bytes()) < queue->message_bytes_max()) {
        (void)call.reply<sysv::ReceiveQueued>({.answer = {.trouble = Trouble::TooLong}, .priority = 0});
        co_return;
    }
    while (queue->empty()) {
        if (non_blocking) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        ++queue->receivers;
        const Result<> woken = co_await queue->changed.wait(call.id());
        --queue->receivers;
        if (!woken) co_return;
    }
    const PosixQueue::Message& message = queue->first();
    if (const Result<> written = call.write(0, std::as_bytes(std::span(message.text))); !written) {
        (void)call.refuse(written.error());
        co_return;
    }
    if (!call.reply<sysv::ReceiveQueued>({.answer = {.value = static_cast<int64_t>(message.text.size())}, .priority = message.priority}))
        co_return;
    queue->take_first();
    queue->changed.wake_all();
}

void Server::notify(PosixQueue& queue, int32_t sender, uint32_t uid) {
    const PosixQueue::Notification to = std::exchange(queue.notification, {});
    if (to.pid == 0 || to.how != sysv::NotifyQueued::How::Signal) return;
    const protocols::process::SignalInfo info{.number = to.signal, .code = kCodeQueue, .pid = sender, .uid = uid, .value = to.value};
    // The process may be gone: then nobody is to be told.
    (void)ipc::call(handles_.process, protocols::process::Kill{.pid = to.pid, .tid = 0, .signal = static_cast<uint64_t>(to.signal)},
                    {.readable = std::as_bytes(std::span(&info, 1))});
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const sysv::NotifyQueued& request) {
    PosixQueue& queue = *TRY(open_queue(call))->queue;
    using enum sysv::NotifyQueued::How;
    if (request.how == Cancel) {
        if (queue.notification.pid == request.pid) queue.notification = {};
        return protocols::Empty{};
    }
    if (queue.notification.pid != 0) return fail(Error::Busy);
    queue.notification = {.how = request.how, .signal = request.signal, .value = request.value, .pid = request.pid};
    watch(request.pid);
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const sysv::QueueState&) {
    const Object& object = *TRY(open_queue(call));
    const sysv::QueueAttributes attributes{.flags = object.flags & file::kNonBlocking,
                                           .messages_max = object.queue->messages_max(),
                                           .message_bytes_max = object.queue->message_bytes_max(),
                                           .messages = object.queue->count()};
    TRY(call.write(0, std::as_bytes(std::span(&attributes, 1))));
    return protocols::Empty{};
}

Result<file::Read::Reply> Server::on(const ipc::Call& call, const file::Read& request) {
    const PosixQueue& queue = *TRY(open_queue(call))->queue;
    char line[96];
    const PosixQueue::Notification& told = queue.notification;
    const int length = snprintf(line, sizeof line, "QSIZE:%-10llu NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6d\n",
                                static_cast<unsigned long long>(queue.bytes()), told.pid != 0 ? static_cast<int>(told.how) : 0,
                                told.pid != 0 && told.how == sysv::NotifyQueued::How::Signal ? told.signal : 0, told.pid);
    const uint64_t offset = request.offset == file::kCurrentOffset ? 0 : request.offset;
    if (offset >= static_cast<uint64_t>(length)) return file::Read::Reply{.length_bytes = 0};
    const std::string_view text = std::string_view(line, static_cast<size_t>(length)).substr(offset, call.writable_bytes());
    TRY(call.write(0, std::as_bytes(std::span(text))));
    return file::Read::Reply{.length_bytes = text.size()};
}

ipc::Task Server::on(ipc::Call call, file::Poll request) {
    const Result<Object*> object = open_queue(call);
    if (!object) {
        (void)call.refuse(object.error());
        co_return;
    }
    const std::shared_ptr<PosixQueue> queue = (*object)->queue;
    for (;;) {
        const uint64_t events = ((queue->empty() ? 0 : kPollIn) | (queue->full() ? 0 : kPollOut)) & request.events;
        const bool is_new = request.seen == 0 || queue->changes != request.seen;
        if ((events != 0 && is_new) || request.wait == 0) {
            (void)call.reply<file::Poll>({.events = events, .changes = queue->changes});
            co_return;
        }
        if (!co_await queue->changed.wait(call.id())) co_return;
    }
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::GetAttributes&) {
    const PosixQueue& queue = *TRY(open_queue(call))->queue;
    TRY(call.write(0, std::as_bytes(std::span(&queue.attributes, 1))));
    return protocols::Empty{};
}

Result<file::GetFlags::Reply> Server::on(const ipc::Call& call, const file::GetFlags&) {
    return file::GetFlags::Reply{.flags = TRY(open_queue(call))->flags};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetFlags& request) {
    Object& object = *TRY(open_queue(call));
    object.flags = (object.flags & file::kAccessMode) | (static_cast<uint32_t>(request.flags) & file::kNonBlocking);
    return protocols::Empty{};
}

Result<file::GetPath::Reply> Server::on(const ipc::Call& call, const file::GetPath&) {
    const PosixQueue& queue = *TRY(open_queue(call))->queue;
    if (queue.attributes.links == 0) return fail(Error::NotFound);
    const std::string path = "/dev/mqueue/" + queue.name;
    if (path.size() > call.writable_bytes()) return fail(Error::TooLarge);
    TRY(call.write(0, std::as_bytes(std::span(path))));
    return file::GetPath::Reply{.length_bytes = path.size()};
}

}  // namespace portico::sysv_server
