#include <algorithm>

#include "servers/pipe/socket.h"

/// Sending and receiving. Replies come first, effects after them: a refused reply leaves everything as it was.
namespace portico::pipe_server {

using sockets::Trouble;

// ---- rights

uint32_t Socket::add_right(uint32_t stash, Right right) {
    const bool known = stash != 0 && stashes_.contains(stash);
    if (!known) {
        if (stashes_.size() >= kStashesMax) stashes_.erase(stashes_.begin());  // of one who died in between
        stash = ++last_stash_;
    }
    std::vector<Right>& rights = stashes_[stash];
    if (rights.size() < sockets::kRightsMax) rights.push_back(std::move(right));
    return stash;
}

std::vector<Right> Socket::take_rights(uint32_t stash, size_t count_max) {
    const auto found = stashes_.find(stash);
    if (found == stashes_.end()) return {};
    std::vector<Right>& rights = found->second;
    const auto end = rights.begin() + static_cast<ptrdiff_t>(std::min(count_max, rights.size()));
    std::vector<Right> taken(std::make_move_iterator(rights.begin()), std::make_move_iterator(end));
    rights.erase(rights.begin(), end);
    if (rights.empty()) stashes_.erase(found);
    return taken;
}

// ---- sending

std::shared_ptr<Socket> Socket::find_target(const ipc::Call& call, const sockets::Send& request, Trouble& trouble) {
    trouble = Trouble::None;
    const Trouble broken = is_stream() ? Trouble::BrokenPipe : Trouble::Ended;
    if (send_ended_) trouble = broken;
    if (request.has_destination != 0 && is_datagram()) {
        std::string name(std::min<uint32_t>(request.name_bytes, sockets::kNameBytesMax), '\0');
        if (!call.read(0, std::as_writable_bytes(std::span(name)))) name.clear();
        std::shared_ptr<Socket> target = names_.find(SocketNames::key_of(request.destination, name));
        if (!target)
            trouble = Trouble::ConnectionRefused;
        else if (target->form_ != form_)
            trouble = Trouble::WrongForm;
        else if (const auto other = target->peer_.lock(); other && other.get() != this)
            trouble = Trouble::NotPermitted;
        return target;
    }
    if (request.has_destination != 0 && is_stream() && trouble == Trouble::None)
        trouble = state_ == State::Connected ? Trouble::AlreadyConnected : Trouble::NotConnected;
    std::shared_ptr<Socket> peer = peer_.lock();
    if (trouble != Trouble::None) return peer;
    if (is_datagram()) {
        if (!peer) trouble = state_ == State::Connected ? Trouble::ConnectionRefused : Trouble::NoDestination;
    } else if (state_ != State::Connected) {
        trouble = Trouble::NotConnected;
    } else if (!peer) {
        trouble = broken;
    }
    if (peer && peer->receive_ended_ && trouble == Trouble::None) trouble = broken;
    return peer;
}

ipc::Task Socket::send(const ipc::Call& call, const sockets::Send& request) {
    Trouble trouble = Trouble::None;
    const std::shared_ptr<Socket> target = find_target(call, request, trouble);
    const uint64_t bytes = call.readable_bytes() - std::min<uint64_t>(call.readable_bytes(), request.name_bytes);
    if (trouble == Trouble::None && !is_stream() && bytes > send_buffer_) trouble = Trouble::TooLong;
    if (trouble != Trouble::None) {
        (void)call.reply<sockets::Send>({.length_bytes = 0, .trouble = trouble, .limit_ns = 0});
        return {};
    }
    if (finish_send(call, request, *target)) return {};
    if (!waits() || (request.flags & sockets::kDoNotWait) != 0) {
        (void)call.refuse(Error::WouldBlock);
        return {};
    }
    if (send_limit_ns_ != 0 && (request.flags & sockets::kLimited) == 0) {
        (void)call.reply<sockets::Send>({.length_bytes = 0, .trouble = Trouble::AskAgain, .limit_ns = send_limit_ns_});
        return {};
    }
    return send_later(call, request, target);
}

ipc::Task Socket::send_later(ipc::Call call, sockets::Send request, std::shared_ptr<Socket> target) {
    const std::shared_ptr<Object> self = shared_from_this();
    for (;;) {
        if (!co_await target->room_.wait(call.id())) co_return;
        Trouble trouble = Trouble::None;
        target = find_target(call, request, trouble);
        if (trouble != Trouble::None) {
            (void)call.reply<sockets::Send>({.length_bytes = 0, .trouble = trouble, .limit_ns = 0});
            co_return;
        }
        if (finish_send(call, request, *target)) co_return;
    }
}

/// False: there is no room.
bool Socket::finish_send(const ipc::Call& call, const sockets::Send& request, Socket& target) {
    uint64_t bytes = call.readable_bytes() - std::min<uint64_t>(call.readable_bytes(), request.name_bytes);
    if (is_stream()) {
        if (bytes != 0 && !target.has_room(send_buffer_)) return false;
        const uint64_t room = send_buffer_ - std::min<uint64_t>(target.queued_bytes_, send_buffer_);
        bytes = std::min({bytes, room, uint64_t{sockets::kSendBytesMax}});
    } else if (!target.takes(bytes, send_buffer_)) {
        return false;
    }
    if (const Result<> payable = bytes > 4096 ? check_reserve() : Result<>{}; !payable) {
        (void)call.refuse(payable.error());
        return true;
    }
    SocketMessage message{.bytes = std::vector<std::byte>(bytes), .rights = {}, .sender = request.credentials, .sender_name = name_};
    if (const Result<> copied = call.read(request.name_bytes, message.bytes); !copied) {
        (void)call.refuse(copied.error());
        return true;
    }
    const sockets::Send::Reply reply{.length_bytes = static_cast<uint32_t>(bytes), .trouble = Trouble::None, .limit_ns = 0};
    if (!call.reply<sockets::Send>(reply)) return true;
    if (request.rights != 0) message.rights = take_rights(request.rights, sockets::kRightsMax);
    if (!is_stream() || bytes != 0) target.push(std::move(message));
    return true;
}

void Socket::push(SocketMessage&& message) {
    queued_bytes_ += message.size();
    if (is_stream() && message.rights.empty() && !queue_.empty() && queue_.back().takes(message.size(), message.sender))
        queue_.back().bytes.insert(queue_.back().bytes.end(), message.bytes.begin(), message.bytes.end());
    else
        queue_.push_back(std::move(message));
    readable_.wake_all();
    serve_takers();
    changed();
}

// ---- receiving

ipc::Task Socket::receive(const ipc::Call& call, const sockets::Receive& request) {
    if (state_ == State::Listening || (state_ == State::New && !is_datagram())) {
        const Trouble trouble = state_ == State::Listening ? Trouble::WrongForm : Trouble::NotConnected;
        (void)call.reply<sockets::Receive>({.trouble = trouble});
        return {};
    }
    if (finish_receive(call, request)) return {};
    if (!waits() || (request.flags & sockets::kDoNotWait) != 0) {
        (void)call.refuse(Error::WouldBlock);
        return {};
    }
    if (receive_limit_ns_ != 0 && (request.flags & sockets::kLimited) == 0) {
        const auto limit_ms = static_cast<uint32_t>(std::min<uint64_t>(receive_limit_ns_ / 1'000'000 + 1, ~uint32_t{0}));
        (void)call.reply<sockets::Receive>({.trouble = Trouble::AskAgain, .limit_ms = limit_ms});
        return {};
    }
    return receive_later(call, request);
}

ipc::Task Socket::receive_later(ipc::Call call, sockets::Receive request) {
    const std::shared_ptr<Object> self = shared_from_this();
    do {
        if (!co_await readable_.wait(call.id())) co_return;
    } while (!finish_receive(call, request));
}

/// False: there is nothing, and something may still come.
bool Socket::finish_receive(const ipc::Call& call, const sockets::Receive& request) {
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.writable_bytes());
    if (queue_.empty()) {
        const bool ended = at_end();
        if (!ended && pending_ == Trouble::None && !(is_stream() && request.length_bytes == 0)) return false;
        const Trouble trouble = std::exchange(pending_, Trouble::None);
        (void)call.reply<sockets::Receive>({.trouble = trouble});
        return true;
    }
    SocketMessage& first = queue_.front();
    sockets::Receive::Reply reply{.full_bytes = static_cast<uint32_t>(first.size()),
                                  .trouble = Trouble::None,
                                  .with_sender = passes_credentials_,
                                  .sender = first.sender};
    Result<> copied;
    uint64_t done = 0;
    for (const SocketMessage& message : queue_) {
        if (&message != &first && (!is_stream() || done == length_bytes || !first.rights.empty() || !message.rights.empty() ||
                                   (passes_credentials_ && message.sender.pid != first.sender.pid)))
            break;
        const uint64_t part = std::min<uint64_t>(message.size(), length_bytes - done);
        if (copied = call.write(done, message.rest().first(part)); !copied) break;
        done += part;
    }
    const uint64_t name_room = call.writable_bytes() - length_bytes;
    if (copied && !is_stream() && name_room >= first.sender_name.size()) {
        reply.name_bytes = static_cast<uint32_t>(first.sender_name.size());
        copied = call.write(length_bytes, std::as_bytes(std::span(first.sender_name)));
    }
    if (!copied) {
        (void)call.refuse(copied.error());
        return true;
    }
    const bool peeks = (request.flags & sockets::kPeek) != 0;
    const bool drops = (request.flags & sockets::kDropRights) != 0;
    reply.length_bytes = static_cast<uint32_t>(done);
    if (is_stream()) reply.full_bytes = reply.length_bytes;
    reply.rights_count = peeks ? uint16_t{0} : static_cast<uint16_t>(first.rights.size());
    reply.rights = reply.rights_count != 0 && !drops ? last_stash_ + 1 : 0;
    if (!call.reply<sockets::Receive>(reply) || peeks) return true;
    if (drops) first.rights.clear();
    uint32_t stash = 0;
    for (Right& right : first.rights) stash = add_right(stash, std::move(right));
    first.rights.clear();
    consume(done);
    return true;
}

void Socket::consume(uint64_t bytes) {
    if (!is_stream()) {
        queued_bytes_ -= queue_.front().size();
        queue_.pop_front();
    }
    while (is_stream() && bytes > 0) {
        SocketMessage& first = queue_.front();
        const uint64_t part = std::min<uint64_t>(bytes, first.size());
        first.begin += part;
        queued_bytes_ -= part;
        bytes -= part;
        if (first.size() == 0) queue_.pop_front();
    }
    room_changed();
}

}  // namespace portico::pipe_server
