#include <algorithm>

#include "servers/pipe/copy_few.h"
#include "servers/pipe/socket.h"

/// Few bytes of stream sockets in the words of messages. What is not simple is left to send and receive.
namespace portico::pipe_server {

ipc::Answer Socket::put_few(const ipc::Call& call, const few::Put& request) {
    const uint64_t bytes = request.length_bytes;
    const ipc::Answer not_so = ipc::Answer::of_error(call.id(), Error::WouldBlock);
    if (!is_stream() || state_ != State::Connected || send_ended_ || bytes == 0 || bytes > few::kPutBytesMax) return not_so;
    const std::shared_ptr<Socket> peer = peer_.lock();
    if (!peer || peer->receive_ended_ || !peer->has_room(send_buffer_) || !peer->readable_.empty()) return not_so;
    const auto data = std::span(request.bytes).first(bytes);
    ipc::Answer taken = ipc::Answer::of<few::Put>(call.id(), {});
    if (!peer->takers_.empty()) {  // it goes on at once, and the sender when it can
        if (!ipc::send(taken)) return {};
        if (bytes > peer->takers_.first().length_bytes) {
            peer->append(data, request.credentials);
            peer->serve_takers();
            return {};
        }
        ipc::Answer given{.call = peer->takers_.take_first().call, .message = {.header = abi::Header::make(0), .word = {bytes}}};
        copy_few(reinterpret_cast<std::byte*>(&given.message.word[1]), data);
        peer->taken_from_ = request.credentials;
        return std::move(given).with_undo(take_back_given, peer.get(), bytes);
    }
    peer->append(data, request.credentials);
    peer->changed();
    return std::move(taken).with_undo(take_back_pushed, peer.get(), bytes);
}

/// Bytes of a stream that nothing tells apart join.
void Socket::append(std::span<const std::byte> bytes, const sockets::Credentials& sender) {
    queued_bytes_ += bytes.size();
    if (!queue_.empty() && queue_.back().takes(bytes.size(), sender))
        queue_.back().bytes.insert(queue_.back().bytes.end(), bytes.begin(), bytes.end());
    else
        queue_.push_back({.bytes = {bytes.begin(), bytes.end()}, .rights = {}, .sender = sender, .sender_name = {}});
}

void Socket::take_back_pushed(void* subject, const ipc::Answer& refused) {
    auto& socket = *static_cast<Socket*>(subject);
    std::vector<std::byte>& bytes = socket.queue_.back().bytes;
    bytes.resize(bytes.size() - refused.undo.first);
    socket.queued_bytes_ -= refused.undo.first;
    if (socket.queue_.back().size() == 0) socket.queue_.pop_back();
}

ipc::Answer Socket::take_few(const ipc::Call& call, const few::Take& request) {
    const uint64_t length_bytes = std::min<uint64_t>(request.length_bytes, call.writable_bytes());
    if (!is_stream() || state_ != State::Connected || length_bytes == 0 || receive_limit_ns_ != 0 || pending_ != sockets::Trouble::None ||
        (queue_.size() > 1 && queue_.front().size() < length_bytes))
        return ipc::Answer::of_error(call.id(), Error::NotSupported);
    if (!queue_.empty()) return give(call.id(), length_bytes, true);
    if (at_end()) return ipc::Answer::of<few::Take>(call.id(), {.length_bytes = 0, .bytes = {}});
    if (!waits()) return ipc::Answer::of_error(call.id(), Error::WouldBlock);
    takers_.add({.call = call.id(), .length_bytes = length_bytes, .in_words = true, .object = shared_from_this()});
    return {};
}

/// Of the oldest message, whose descriptors go.
ipc::Answer Socket::give(uint64_t call, uint64_t length_bytes, bool in_words) {
    SocketMessage& first = queue_.front();
    const uint64_t bytes = std::min<uint64_t>(length_bytes, first.size());
    ipc::Answer answer{.call = call, .message = {.header = abi::Header::make(0), .word = {bytes}}};
    const auto data = first.rest().first(bytes);
    if (in_words && bytes <= few::kTakenInWords) {
        copy_few(reinterpret_cast<std::byte*>(&answer.message.word[1]), data);
        if (first.rights.empty() && room_.empty()) {
            taken_from_ = first.sender;
            consume(bytes);
            return std::move(answer).with_undo(take_back_given, this, bytes);
        }
    } else if (const auto sent = native::call(abi::WindowWrite{call, 0, reinterpret_cast<uint64_t>(data.data()), bytes}); !sent) {
        return ipc::Answer::of_error(call, sent.error());
    }
    if (!ipc::send(answer)) return {};
    first.rights.clear();
    consume(bytes);
    return {};
}

void Socket::take_back_given(void* subject, const ipc::Answer& refused) {
    auto& socket = *static_cast<Socket*>(subject);
    const auto* const data = reinterpret_cast<const std::byte*>(&refused.message.word[1]);
    SocketMessage back{.bytes = {data, data + refused.undo.first}, .rights = {}, .sender = socket.taken_from_, .sender_name = {}};
    socket.queue_.push_front(std::move(back));
    socket.queued_bytes_ += refused.undo.first;
    socket.serve_takers();
    socket.changed();
}

/// There is something, or the end: those who wait get it.
void Socket::serve_takers() {
    while (!takers_.empty()) {
        if (queue_.empty() && pending_ == sockets::Trouble::None && !at_end()) return;
        const WaitingTakes::Waiting taker = takers_.take_first();
        if (!queue_.empty())
            (void)ipc::send(give(taker.call, taker.length_bytes, taker.in_words));
        else if (pending_ != sockets::Trouble::None)
            (void)ipc::send(ipc::Answer::of_error(taker.call, Error::NotSupported));  // receive tells it
        else
            (void)ipc::send(ipc::Answer::of<few::Take>(taker.call, {.length_bytes = 0, .bytes = {}}));
    }
}

}  // namespace portico::pipe_server
