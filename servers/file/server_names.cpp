#include "servers/file/server.h"

namespace portico::file_server {

Result<std::string> Server::path_of_call(const ipc::Call& call, std::string_view short_path) {
    if (!short_path.empty()) return std::string(short_path);
    Result<std::string> path = call.read_text(file::kPathBytesMax);
    if (!path && path.error() == Error::TooLarge) return fail(Error::NameTooLong);
    return path;
}

Result<Server::TwoPaths> Server::two_paths(const ipc::Call& call, uint64_t first_bytes) {
    Result<std::string> both = call.read_text(2 * file::kPathBytesMax);
    if (!both) return fail(both.error() == Error::TooLarge ? Error::NameTooLong : both.error());
    if (first_bytes > both->size()) return fail(Error::InvalidArgument);
    if (first_bytes > file::kPathBytesMax || both->size() - first_bytes > file::kPathBytesMax) return fail(Error::NameTooLong);
    return TwoPaths{.first = both->substr(0, first_bytes), .second = both->substr(first_bytes)};
}

Result<NodeRef> Server::node_of_call(const ipc::Call& call, FinalLink final_link, std::string_view short_path) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    if (!short_path.empty()) return names_.find(open->node, short_path, final_link);
    const std::string path = TRY(path_of_call(call));
    if (path.empty()) return open->node;
    return names_.find(open->node, path, final_link);
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::MakeNode& request) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    if (request.kind == Kind::SymbolicLink || type_bits(request.kind) == 0) return fail(Error::InvalidArgument);
    const NewNode node{.kind = request.kind, .mode = request.mode & kPermissionBits, .special_device = request.special_device};
    const std::string path = TRY(path_of_call(call));
    TRY(names_.make(open->node, path, node));
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::Remove& request) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    const std::string path = TRY(path_of_call(call, request.path.view()));
    TRY(names_.remove(open->node, path, request.directory != 0));
    return protocols::Empty{};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::MakeSymbolicLink& request) {
    const OpenFile* const open = TRY(files_.find(call.badge()));
    const TwoPaths paths = TRY(two_paths(call, request.target_bytes));
    if (paths.first.empty()) return fail(Error::NotFound);
    TRY(names_.make(open->node, paths.second, {.kind = Kind::SymbolicLink, .mode = 0777, .target = paths.first}));
    return protocols::Empty{};
}

Result<file::ReadSymbolicLink::Reply> Server::on(const ipc::Call& call, const file::ReadSymbolicLink&) {
    const NodeRef node = TRY(node_of_call(call, FinalLink::Keep));
    if (node->kind() != Kind::SymbolicLink) return fail(Error::InvalidArgument);
    const std::string target = TRY(node->target());
    const uint64_t length_bytes = std::min<uint64_t>(target.size(), call.writable_bytes());  // cut short, as readlink(2) does
    TRY(call.write(0, std::as_bytes(std::span(target)).first(length_bytes)));
    return file::ReadSymbolicLink::Reply{.length_bytes = length_bytes};
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const file::CheckAccess& request) {
    constexpr uint64_t kExecute = 1, kAll = 7;
    if ((request.mode & ~kAll) != 0) return fail(Error::InvalidArgument);
    const NodeRef node = TRY(node_of_call(call, request.no_follow != 0 ? FinalLink::Keep : FinalLink::Follow));
    // Root may read and write anything, but execute only what somebody may.
    const bool executable = node->is_directory() || (node->attributes().mode & 0111) != 0;
    if ((request.mode & kExecute) != 0 && !executable) return fail(Error::AccessDenied);
    return protocols::Empty{};
}

ipc::Task Server::on(ipc::Call call, file::Rename request) {
    const OwnedHandle directory(request.new_directory);
    const Result<TwoPaths> paths = two_paths(call, request.old_path_bytes);
    if (!paths) {
        (void)call.refuse(paths.error());
        co_return;
    }
    AsyncCall identify(calls_, directory.get(), ipc::request_message(Identify{}));
    if (identify.id() && !co_await identify.wait(call.id())) co_return;
    call.finish<file::Rename>([&]() -> Result<protocols::Empty> {
        const NodeRef new_start = TRY(identified(identify));
        const OpenFile* const open = TRY(files_.find(call.badge()));
        TRY(names_.rename(open->node, paths->first, new_start, paths->second, request.flags));
        return protocols::Empty{};
    }());
}

ipc::Task Server::on(ipc::Call call, file::Link request) {
    const OwnedHandle directory(request.new_directory);
    const Result<TwoPaths> paths = two_paths(call, request.old_path_bytes);
    if (!paths) {
        (void)call.refuse(paths.error());
        co_return;
    }
    AsyncCall identify(calls_, directory.get(), ipc::request_message(Identify{}));
    if (identify.id() && !co_await identify.wait(call.id())) co_return;
    call.finish<file::Link>([&]() -> Result<protocols::Empty> {
        const NodeRef new_start = TRY(identified(identify));
        const OpenFile* const open = TRY(files_.find(call.badge()));
        TRY(names_.link(open->node, paths->first, new_start, paths->second, request.follow != 0 ? FinalLink::Follow : FinalLink::Keep));
        return protocols::Empty{};
    }());
}

Result<NodeRef> Server::identified(const AsyncCall& identify) {
    if (!identify.id()) return fail(Error::BadHandle);  // no handle to a port, or the port is dead
    // Another server refused, as it should; what it answered does not matter. Its objects are no directories of ours.
    if (!identify.own_badge) {
        ipc::close_handles(identify.reply());
        return fail(Error::NotDirectory);
    }
    return TRY(files_.find(*identify.own_badge))->node;
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const Identify&) {
    AsyncCall* const asked = calls_.find(call.id());
    if (asked == nullptr) return fail(Error::BadCall);
    asked->own_badge = call.badge();
    return protocols::Empty{};
}

void Server::on_notification(uint64_t badge, uint64_t bits) {
    if (badge == kTickBadge && stored_ != nullptr) stored_->tick();
    if ((bits & abi::kNotifySendersGone) == 0 || badge < file::kFirstObjectBadge) return;
    if (names_.changes().find(badge)) {
        names_.changes().forget_watcher(badge);
    } else if (const Result<OpenFile*> open = files_.find(badge); open && !(*open)->path_only()) {
        names_.changes().happened(*(*open)->node, (*open)->writable() ? change::kCloseWritten : change::kCloseUnwritten);
    }
    files_.forget(badge);
    locks_.release_everywhere({.kind = LockOwner::Kind::OpenFile, .id = badge});
}

void Server::on_other(const abi::Message& message) {
    using protocols::init::ServerChanged;
    if (message.header.kind() == abi::MessageKind::Reply && calls_.deliver(message)) return;
    const bool is_init = message.header.kind() == abi::MessageKind::Send && message.badge == file::kControlBadge;
    if (is_init && message.header.operation() == ServerChanged::method.ordinal && message.header.handle_count() == 0)
        servers_.take(protocols::unpack<ServerChanged>(message));
    ipc::close_handles(message);
}

}  // namespace portico::file_server
