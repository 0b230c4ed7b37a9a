#include "servers/pipe/socket.h"

#include <algorithm>
#include <cstdio>

namespace portico::pipe_server {

using sockets::Trouble;

std::string SocketNames::choose() {
    for (;;) {
        char text[8];
        snprintf(text, sizeof text, "%05x", chosen_++ & 0xFFFFF);
        std::string name = std::string(1, '\0') + text;
        if (!find(key_of({}, name))) return name;
    }
}

std::string SocketNames::key_of(const sockets::Address& address, std::string_view name) {
    if (address.inode == 0) return "a" + std::string(name);
    return "f" + std::to_string(address.device) + ":" + std::to_string(address.inode);
}

Socket::Socket(SocketNames& names, sockets::Form form, uint32_t flags, const sockets::Credentials& owner)
    : Object(kType, flags | file::kReadWrite), names_(names), form_(form), owner_(owner) {
    static uint64_t last_inode = 0;
    inode_ = ++last_inode;
}

void Socket::connect_pair(const std::shared_ptr<Socket>& first, const std::shared_ptr<Socket>& second) {
    first->peer_ = second;
    second->peer_ = first;
    first->peer_owner_ = second->owner_;
    second->peer_owner_ = first->owner_;
    first->state_ = second->state_ = State::Connected;
    if (first->is_datagram()) {
        first->connected_here_.push_back(second);
        second->connected_here_.push_back(first);
    }
}

uint32_t Socket::events() const {
    if (state_ == State::Listening) return backlog_.empty() ? 0 : kPollIn;
    const std::shared_ptr<Socket> peer = peer_.lock();
    uint32_t events = 0;
    if (!queue_.empty()) events |= kPollIn;
    if (pending_ != Trouble::None) events |= kPollError;
    if (receive_ended_) events |= kPollIn | kPollReadHangUp;
    if (is_datagram()) {
        if (!peer || peer->has_room(send_buffer_)) events |= kPollOut;
        if (receive_ended_ && send_ended_) events |= kPollHangUp;
        return events;
    }
    if (state_ == State::New) return events | kPollOut | kPollHangUp;
    if (!peer) return events | kPollIn | kPollOut | kPollHangUp | kPollReadHangUp;
    if (receive_ended_ && send_ended_) events |= kPollHangUp;
    if (send_ended_ || peer->has_room(send_buffer_)) events |= kPollOut;
    return events;
}

file::Attributes Socket::attributes() const {
    file::Attributes attributes;
    attributes.device = 0x08;
    attributes.inode = inode_;
    attributes.links = 1;
    attributes.mode = 0140777;
    attributes.access_ns = attributes.modify_ns = attributes.change_ns = attributes.birth_ns = birth_ns_;
    return attributes;
}

Result<file::Control::Reply> Socket::control(const ipc::Call& call, const file::Control& request) {
    constexpr uint64_t kBytesToRead = 0x541B, kBytesToSend = 0x5411;  // SIOCINQ, SIOCOUTQ
    int32_t bytes = 0;
    if (request.request == kBytesToRead) {
        if (state_ == State::Listening) return fail(Error::InvalidArgument);
        bytes = static_cast<int32_t>(is_stream() || queue_.empty() ? queued_bytes_ : queue_.front().size());
    } else if (request.request == kBytesToSend) {
        const std::shared_ptr<Socket> peer = peer_.lock();
        bytes = peer ? static_cast<int32_t>(peer->queued_bytes_) : 0;
    } else {
        return fail(Error::NotTerminal);
    }
    TRY(call.write(0, std::as_bytes(std::span(&bytes, 1))));
    return file::Control::Reply{.result = 0};
}

void Socket::everybody_changed() {
    readable_.wake_all();
    serve_takers();
    room_.wake_all();
    changed();
}

/// There is more room in the queue: those who send here look.
void Socket::room_changed() {
    room_.wake_all();
    if (const std::shared_ptr<Socket> peer = peer_.lock()) peer->changed();
    std::erase_if(connected_here_, [](const auto& socket) { return socket.expired(); });
    for (const std::weak_ptr<Socket>& socket : connected_here_)
        if (const std::shared_ptr<Socket> sender = socket.lock()) sender->changed();
}

void Socket::peer_gone(bool left_data) {
    peer_.reset();
    if (left_data) pending_ = Trouble::ConnectionReset;
    everybody_changed();
}

void Socket::closed() {
    if (!key_.empty()) names_.erase(key_);
    const bool left_data = !queue_.empty();
    receive_ended_ = send_ended_ = true;
    drop_carried();
    if (const std::shared_ptr<Socket> peer = std::exchange(peer_, {}).lock()) {
        if (is_datagram())
            peer->changed();
        else
            peer->peer_gone(left_data);
    }
    for (const std::weak_ptr<Socket>& socket : connected_here_)
        if (const std::shared_ptr<Socket> sender = socket.lock()) sender->changed();
    everybody_changed();
}

void Socket::visit_carried(const std::function<void(Object&)>& visit) {
    for (const SocketMessage& message : queue_)
        for (const Right& right : message.rights)
            if (right.own) visit(*right.own->object());
    for (const auto& [number, rights] : stashes_)
        for (const Right& right : rights)
            if (right.own) visit(*right.own->object());
    for (const Carried& connection : backlog_) visit(*connection.object());
}

void Socket::drop_carried() {
    queue_.clear();
    queued_bytes_ = 0;
    stashes_.clear();
    backlog_.clear();  // nobody has a handle to those connections: they are closed, and their peers told
}

Trouble Socket::bind(const sockets::Address& address, const std::string& name) {
    if (bound_) return Trouble::AlreadyBound;
    const bool chosen = address.inode == 0 && name.empty();
    const std::string given = chosen ? names_.choose() : name;
    const std::string key = SocketNames::key_of(address, given);
    if (address.inode == 0 && names_.find(key)) return Trouble::AddressInUse;
    key_ = key;
    name_ = given;
    bound_ = true;
    names_.set(key_, std::static_pointer_cast<Socket>(shared_from_this()));
    return Trouble::None;
}

Trouble Socket::listen(const sockets::Listen& request) {
    if (is_datagram()) return Trouble::WrongForm;
    if (!bound_ || state_ == State::Connected) return Trouble::NotConnected;
    state_ = State::Listening;
    backlog_max_ = std::min(request.backlog, 4096u);
    owner_ = request.credentials;
    room_.wake_all();
    return Trouble::None;
}

ipc::Task Socket::connect(const ipc::Call& call, const sockets::Connect& request, Objects& objects) {
    const auto refuse = [&](Trouble trouble) {
        (void)call.reply<sockets::Connect>({.trouble = trouble});
        return ipc::Task{};
    };
    const Result<std::string> name = call.read_text(sockets::kNameBytesMax);
    if (!name) {
        (void)call.refuse(name.error());
        return {};
    }
    if (is_datagram() && request.address.inode == 0 && name->empty()) {
        peer_.reset();
        state_ = State::New;
        return refuse(Trouble::None);
    }
    if (!is_datagram() && state_ == State::Connected) return refuse(Trouble::AlreadyConnected);
    if (state_ == State::Listening) {
        (void)call.refuse(Error::InvalidArgument);
        return {};
    }
    const std::shared_ptr<Socket> target = names_.find(SocketNames::key_of(request.address, *name));
    if (!target) return refuse(Trouble::ConnectionRefused);
    if (target->form_ != form_) return refuse(Trouble::WrongForm);
    if (is_datagram()) {
        const std::shared_ptr<Socket> other = target->peer_.lock();
        if (other && other.get() != this) return refuse(Trouble::NotPermitted);
        peer_ = target;
        peer_owner_ = target->owner_;
        state_ = State::Connected;
        target->connected_here_.push_back(std::static_pointer_cast<Socket>(shared_from_this()));
        return refuse(Trouble::None);
    }
    if (target->state_ != State::Listening) return refuse(Trouble::ConnectionRefused);
    if (target->backlog_.size() <= target->backlog_max_) {
        finish_connect(call, request, *target, objects);
        return {};
    }
    if (waits()) return connect_later(call, request, target, objects);
    (void)call.refuse(Error::WouldBlock);
    return {};
}

ipc::Task Socket::connect_later(ipc::Call call, sockets::Connect request, std::shared_ptr<Socket> listener, Objects& objects) {
    const std::shared_ptr<Object> self = shared_from_this();
    while (listener->state_ == State::Listening && !listener->receive_ended_ && listener->backlog_.size() > listener->backlog_max_)
        if (!co_await listener->room_.wait(call.id())) co_return;
    if (listener->receive_ended_ || state_ != State::New)
        (void)call.reply<sockets::Connect>({.trouble = Trouble::ConnectionRefused});
    else
        finish_connect(call, request, *listener, objects);
}

void Socket::finish_connect(const ipc::Call& call, const sockets::Connect& request, Socket& listener, Objects& objects) {
    if (!call.reply<sockets::Connect>({.trouble = Trouble::None})) return;
    owner_ = request.credentials;
    const auto other = std::make_shared<Socket>(names_, form_, 0, listener.owner_);
    other->name_ = listener.name_;
    other->passes_credentials_ = listener.passes_credentials_;
    connect_pair(std::static_pointer_cast<Socket>(shared_from_this()), other);
    listener.backlog_.emplace_back(objects, other);
    listener.readable_.wake_one();
    listener.changed();
    changed();
}

ipc::Task Socket::accept(const ipc::Call& call, const sockets::Accept& request, Objects& objects) {
    if (state_ != State::Listening)
        (void)call.refuse(Error::InvalidArgument);
    else if (!finish_accept(call, request, objects)) {
        if (waits()) return accept_later(call, request, objects);
        (void)call.refuse(Error::WouldBlock);
    }
    return {};
}

ipc::Task Socket::accept_later(ipc::Call call, sockets::Accept request, Objects& objects) {
    const std::shared_ptr<Object> self = shared_from_this();
    do {
        if (!co_await readable_.wait(call.id())) co_return;
        if (receive_ended_) {
            (void)call.refuse(Error::InvalidArgument);
            co_return;
        }
    } while (!finish_accept(call, request, objects));
}

/// False: there is no connection.
bool Socket::finish_accept(const ipc::Call& call, const sockets::Accept& request, Objects& objects) {
    if (backlog_.empty()) return false;
    const auto connection = std::static_pointer_cast<Socket>(backlog_.front().object());
    Result<OwnedHandle> handle = objects.give_handle(connection);
    if (!handle) {
        (void)call.refuse(handle.error());
        return true;
    }
    connection->set_changeable_flags(request.flags);
    // Not taken, it stays the first of the backlog, which keeps it although its handle is gone.
    if (!call.reply<sockets::Accept>({.zero = {}, .object = handle->release()})) return true;
    backlog_.pop_front();
    room_.wake_all();
    return true;
}

Trouble Socket::shutdown(uint64_t how) {
    if (state_ == State::Listening) {
        receive_ended_ = true;
        everybody_changed();
        return Trouble::None;
    }
    const std::shared_ptr<Socket> peer = peer_.lock();
    if (state_ != State::Connected) return Trouble::NotConnected;
    if (how != 1) receive_ended_ = true;
    if (how != 0) send_ended_ = true;
    if (peer && !is_datagram()) {
        if (how != 1) peer->send_ended_ = true;
        if (how != 0) peer->receive_ended_ = true;
        peer->everybody_changed();
    }
    everybody_changed();
    return Trouble::None;
}

Result<std::string> Socket::name(bool of_peer) const {
    if (!of_peer) return name_;
    const std::shared_ptr<Socket> peer = peer_.lock();
    if (state_ != State::Connected || (!peer && is_datagram())) return fail(Error::WrongState);
    return peer ? peer->name_ : std::string();
}

}  // namespace portico::pipe_server
