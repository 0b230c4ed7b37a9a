#include "servers/pipe/server.h"

/// Sockets: what protocols/socket.h asks.
namespace portico::pipe_server {
namespace {

bool is_form(sockets::Form form) {
    return form == sockets::Form::Stream || form == sockets::Form::Datagram || form == sockets::Form::Packet;
}

}  // namespace

Result<sockets::MakeSocket::Reply> Server::on(const ipc::Call&, const sockets::MakeSocket& request) {
    if (!is_form(request.form)) return fail(Error::NotSupported);
    TRY(check_reserve());
    const uint32_t flags = request.flags & file::kNonBlocking;
    const auto socket = std::make_shared<Socket>(socket_names_, request.form, flags, request.credentials);
    OwnedHandle handle = TRY(objects_.give_handle(socket));
    return sockets::MakeSocket::Reply{.zero = {}, .object = handle.release()};
}

Result<sockets::MakePair::Reply> Server::on(const ipc::Call&, const sockets::MakePair& request) {
    if (!is_form(request.form)) return fail(Error::NotSupported);
    TRY(check_reserve());
    const uint32_t flags = request.flags & file::kNonBlocking;
    const auto first = std::make_shared<Socket>(socket_names_, request.form, flags, request.credentials);
    const auto second = std::make_shared<Socket>(socket_names_, request.form, flags, request.credentials);
    OwnedHandle first_handle = TRY(objects_.give_handle(first));
    OwnedHandle second_handle = TRY(objects_.give_handle(second));
    Socket::connect_pair(first, second);
    return sockets::MakePair::Reply{.zero = {}, .first = first_handle.release(), .second = second_handle.release()};
}

Result<sockets::Outcome> Server::on(const ipc::Call& call, const sockets::Bind& request) {
    Socket* const socket = TRY(objects_.find<Socket>(call.badge()));
    const std::string name = TRY(call.read_text(sockets::kNameBytesMax));
    return sockets::Outcome{.trouble = socket->bind(request.address, name)};
}

Result<sockets::Outcome> Server::on(const ipc::Call& call, const sockets::Listen& request) {
    return sockets::Outcome{.trouble = TRY(objects_.find<Socket>(call.badge()))->listen(request)};
}

ipc::Task Server::on(const ipc::Call& call, const sockets::Connect& request) {
    const auto socket = objects_.find<Socket>(call.badge());
    if (socket) return (*socket)->connect(call, request, objects_);
    (void)call.refuse(socket.error());
    return {};
}

ipc::Task Server::on(const ipc::Call& call, const sockets::Accept& request) {
    const auto socket = objects_.find<Socket>(call.badge());
    if (socket) return (*socket)->accept(call, request, objects_);
    (void)call.refuse(socket.error());
    return {};
}

Result<sockets::Outcome> Server::on(const ipc::Call& call, const sockets::Shutdown& request) {
    if (request.how > 2) return fail(Error::InvalidArgument);
    return sockets::Outcome{.trouble = TRY(objects_.find<Socket>(call.badge()))->shutdown(request.how)};
}

Result<sockets::GetName::Reply> Server::on(const ipc::Call& call, const sockets::GetName& request) {
    const Socket* const socket = TRY(objects_.find<Socket>(call.badge()));
    const Result<std::string> name = socket->name(request.of_peer != 0);
    if (!name) return sockets::GetName::Reply{.length_bytes = 0, .trouble = sockets::Trouble::NotConnected};
    TRY(call.write(0, std::as_bytes(std::span(*name))));
    return sockets::GetName::Reply{.length_bytes = static_cast<uint32_t>(name->size()), .trouble = sockets::Trouble::None};
}

ipc::Task Server::on(const ipc::Call& call, const sockets::Send& request) {
    const auto socket = objects_.find<Socket>(call.badge());
    if (socket) return (*socket)->send(call, request);
    (void)call.refuse(socket.error());
    return {};
}

ipc::Task Server::on(const ipc::Call& call, const sockets::Receive& request) {
    const auto socket = objects_.find<Socket>(call.badge());
    if (socket) return (*socket)->receive(call, request);
    (void)call.refuse(socket.error());
    return {};
}

/// Our own objects are put aside as what they are, so that the handles can go: see Objects.
ipc::Task Server::on(ipc::Call call, sockets::AddRights request) {
    OwnedHandle handles[sockets::AddRights::kEach];
    for (uint32_t i = 0; i < sockets::AddRights::kEach; ++i) handles[i].reset(request.handle[i]);
    const Result<Socket*> found = objects_.find<Socket>(call.badge());
    if (!found) {
        (void)call.refuse(found.error());
        co_return;
    }
    const std::shared_ptr<Object> socket = (*found)->shared_from_this();
    uint32_t list = request.rights;
    for (uint32_t i = 0; i < sockets::AddRights::kEach; ++i) {
        if (!handles[i]) continue;
        const uint64_t nonce = ask_identity();
        const Result<protocols::Empty> reply = co_await ipc::async_call(handles[i].get(), event::Identify{.nonce = nonce});
        const std::shared_ptr<Object> own = identity(nonce);
        if (!reply && reply.error() == Error::Interrupted) co_return;
        Right right{.own = {}, .foreign = std::move(handles[i]), .meta = request.meta[i]};
        if (own) {
            right.own.emplace(objects_, own);
            right.foreign.reset();
        }
        list = static_cast<Socket&>(*socket).add_right(list, std::move(right));
    }
    call.finish<sockets::AddRights>(sockets::AddRights::Reply{.rights = list});
}

Result<sockets::TakeRights::Reply> Server::on(const ipc::Call& call, const sockets::TakeRights& request) {
    Socket* const socket = TRY(objects_.find<Socket>(call.badge()));
    std::vector<Right> rights = socket->take_rights(static_cast<uint32_t>(request.rights), sockets::AddRights::kEach);
    sockets::TakeRights::Reply reply{.count = static_cast<uint32_t>(rights.size()), .meta = {}, .handle = {}};
    for (size_t i = 0; i < rights.size(); ++i) {
        Result<OwnedHandle> own = rights[i].own ? objects_.give_handle(rights[i].own->object()) : std::move(rights[i].foreign);
        reply.meta[i] = rights[i].meta;
        if (own) reply.handle[i] = own->release();  // without memory for it, it is lost
    }
    return reply;
}

Result<sockets::GetOption::Reply> Server::on(const ipc::Call& call, const sockets::GetOption& request) {
    return TRY(objects_.find<Socket>(call.badge()))->option(request.option);
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const sockets::SetOption& request) {
    Socket* const socket = TRY(objects_.find<Socket>(call.badge()));
    TRY(socket->set_option(request.option, request.value));
    return protocols::Empty{};
}

}  // namespace portico::pipe_server
