#include <cstring>

#include "servers/file/server.h"

namespace portico::file_server {
namespace {

constexpr uint64_t kReadableEvent = 1, kWritableEvent = 4;  // POLLIN, POLLOUT
constexpr uint64_t kBytesToRead = 0x541B;                   // FIONREAD

Result<> write_attributes(const ipc::Call& call, const NodeRef& node) {
    const Attributes attributes = node->attributes();
    return call.write(0, std::as_bytes(std::span(&attributes, 1)));
}

}  // namespace

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::GetAttributes&) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    TRY(write_attributes(call, open->node));
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::GetAttributesAt& request) {
    const NodeRef node = TRY(node_of_call(call, request.no_follow != 0 ? FinalLink::Keep : FinalLink::Follow, request.path.view()));
    TRY(write_attributes(call, node));
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetAttributes& request) {
    const NodeRef node = TRY(node_of_call(call, request.no_follow != 0 ? FinalLink::Keep : FinalLink::Follow));
    TRY(node->change({.changes = request.changes,
                      .mode = request.mode,
                      .uid = request.uid,
                      .gid = request.gid,
                      .access_ns = request.access_ns,
                      .modify_ns = request.modify_ns}));
    names_.changes().happened(*node, change::kAttributes);
    return protocols::Empty{};
}

Result<file::GetFlags::Reply> Server::on(const ipc::Call& call, const file::GetFlags&) {
    return file::GetFlags::Reply{.flags = TRY(files_.find(call.badge()))->flags};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::SetFlags& request) {
    constexpr uint32_t kChangeable = file::kAppend | file::kNonBlocking;
    OpenFile* const open = TRY(files_.find(call.badge()));
    if (open->path_only()) return fail(Error::BadHandle);
    if (call.badge() < file::kFirstObjectBadge) return fail(Error::AccessDenied);  // shared by everybody
    open->flags = (open->flags & ~kChangeable) | (static_cast<uint32_t>(request.flags) & kChangeable);
    return protocols::Empty{};
}

Result<file::Control::Reply> Server::on(const ipc::Call& call, const file::Control& request) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    if (open->path_only()) return fail(Error::BadHandle);
    if (const auto watcher = names_.changes().find(call.badge())) return control_watcher(call, *watcher, request.request);
    if (open->content && open->content->disk() != nullptr) return control_disk(call, *open->content->disk(), request.request);
    if (request.request != kBytesToRead || open->node->kind() != Kind::File) return fail(Error::NotTerminal);
    const uint64_t size_bytes = open->content ? open->content->size_bytes() : 0;
    const auto left = static_cast<int32_t>(std::min<uint64_t>(size_bytes - std::min(open->offset, size_bytes), INT32_MAX));
    TRY(call.write(0, std::as_bytes(std::span(&left, 1))));
    return file::Control::Reply{.result = 0};
}

ipc::Task Server::on(ipc::Call call, file::Poll request) {
    const Result<OpenFile*> open = files_.find(call.badge());
    if (!open) {
        (void)call.refuse(open.error());
        co_return;
    }
    if (auto watcher = names_.changes().find(call.badge())) {
        poll_events(call, request, std::move(watcher));
        co_return;
    }
    const uint64_t events = request.events & (kReadableEvent | kWritableEvent);  // files and directories always are ready
    if (events == 0 && request.wait != 0) {
        if (!co_await never_.wait(call.id())) co_return;
    }
    (void)call.reply<file::Poll>({.events = events});
}

Result<file::GetPath::Reply> Server::on(const ipc::Call& call, const file::GetPath&) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    const std::string path = TRY(names_.path_of(open->node));
    if (path.size() > call.writable_bytes()) return fail(Error::TooLarge);
    TRY(call.write(0, std::as_bytes(std::span(path))));
    return file::GetPath::Reply{.length_bytes = path.size()};
}

Result<file::GetSpace::Reply> Server::on(const ipc::Call& call, const file::GetSpace&) {
    return TRY(files_.find(call.badge()))->node->file_system().space();
}

}  // namespace portico::file_server
