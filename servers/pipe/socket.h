#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "servers/pipe/socket_message.h"
#include "servers/pipe/waiting_takes.h"

namespace portico::pipe_server {

namespace sockets = protocols::socket;

class Socket;

/// Bound sockets by name.
class SocketNames {
public:
    /// Null: nobody has it.
    std::shared_ptr<Socket> find(const std::string& key) const {
        const auto found = by_key_.find(key);
        return found == by_key_.end() ? nullptr : found->second.lock();
    }
    void set(const std::string& key, const std::shared_ptr<Socket>& socket) { by_key_[key] = socket; }
    void erase(const std::string& key) { by_key_.erase(key); }
    /// An abstract name that nobody has.
    std::string choose();

    static std::string key_of(const sockets::Address& address, std::string_view name);

private:
    std::map<std::string, std::weak_ptr<Socket>> by_key_;
    uint32_t chosen_ = 0;
};

/// An AF_UNIX socket. What is sent lies in the receiver's queue.
///
///     New ──listen──▶ Listening                 (backlog_: connections that wait to be accepted)
///      ├───connect──▶ Connected ──peer goes──▶ Connected, without peer_ (end of stream, or reset if it left unread data)
///
/// Ownership: peers know each other weakly. A connection that was not accepted is its listener's.
/// Waiting:   receivers and accepters in readable_, those of few.Take in takers_; senders and connecters in room_ of who is to receive.
/// Bound:     a sender waits while the receiver's queue holds more than the sender's send buffer, or kMessagesMax messages.
class Socket final : public Object {
public:
    static constexpr Type kType = Type::Socket;
    static constexpr size_t kMessagesMax = 278, kStashesMax = 8;
    static constexpr uint32_t kBufferBytes = 212992, kBufferBytesMin = 4608, kBufferBytesMax = 4 << 20;

    Socket(SocketNames& names, sockets::Form form, uint32_t flags, const sockets::Credentials& owner);
    static void connect_pair(const std::shared_ptr<Socket>& first, const std::shared_ptr<Socket>& second);

    uint32_t events() const override;
    file::Attributes attributes() const override;
    Result<file::Control::Reply> control(const ipc::Call& call, const file::Control& request) override;
    void closed() override;
    void visit_carried(const std::function<void(Object&)>& visit) override;
    void drop_carried() override;

    // socket.cpp: names and connections
    sockets::Trouble bind(const sockets::Address& address, const std::string& name);
    sockets::Trouble listen(const sockets::Listen& request);
    ipc::Task connect(const ipc::Call& call, const sockets::Connect& request, Objects& objects);
    ipc::Task accept(const ipc::Call& call, const sockets::Accept& request, Objects& objects);
    sockets::Trouble shutdown(uint64_t how);
    Result<std::string> name(bool of_peer) const;  ///< Errors: WrongState: no peer

    // socket_stream.cpp
    ipc::Answer put_few(const ipc::Call& call, const few::Put& request) override;
    ipc::Answer take_few(const ipc::Call& call, const few::Take& request) override;

    // socket_transfer.cpp
    ipc::Task send(const ipc::Call& call, const sockets::Send& request);
    ipc::Task receive(const ipc::Call& call, const sockets::Receive& request);
    /// Of a list of rights that is put aside; 0 makes one.
    uint32_t add_right(uint32_t stash, Right right);
    std::vector<Right> take_rights(uint32_t stash, size_t count_max);

    // socket_options.cpp
    Result<sockets::GetOption::Reply> option(uint64_t option);
    Result<> set_option(uint64_t option, uint64_t value);

private:
    enum class State : uint8_t { New, Listening, Connected };
    struct Step;

    bool is_stream() const { return form_ == sockets::Form::Stream; }
    bool is_datagram() const { return form_ == sockets::Form::Datagram; }
    bool at_end() const { return receive_ended_ || (state_ == State::Connected && !is_datagram() && peer_.expired()); }
    bool has_room(uint32_t limit) const { return queued_bytes_ < limit && queue_.size() < kMessagesMax; }
    bool takes(uint64_t bytes, uint32_t limit) const { return queue_.empty() || (has_room(limit) && queued_bytes_ + bytes <= limit); }
    void everybody_changed();
    void room_changed();
    void peer_gone(bool left_data);

    ipc::Task connect_later(ipc::Call call, sockets::Connect request, std::shared_ptr<Socket> listener, Objects& objects);
    void finish_connect(const ipc::Call& call, const sockets::Connect& request, Socket& listener, Objects& objects);
    ipc::Task accept_later(ipc::Call call, sockets::Accept request, Objects& objects);
    bool finish_accept(const ipc::Call& call, const sockets::Accept& request, Objects& objects);

    ipc::Task send_later(ipc::Call call, sockets::Send request, std::shared_ptr<Socket> target);
    std::shared_ptr<Socket> find_target(const ipc::Call& call, const sockets::Send& request, sockets::Trouble& trouble);
    bool finish_send(const ipc::Call& call, const sockets::Send& request, Socket& target);
    ipc::Task receive_later(ipc::Call call, sockets::Receive request);
    bool finish_receive(const ipc::Call& call, const sockets::Receive& request);
    void push(SocketMessage&& message);
    void consume(uint64_t bytes);

    ipc::Answer give(uint64_t call, uint64_t length_bytes, bool in_words);
    static void take_back_given(void* subject, const ipc::Answer& refused);
    static void take_back_pushed(void* subject, const ipc::Answer& refused);
    void append(std::span<const std::byte> bytes, const sockets::Credentials& sender);
    void serve_takers();

    SocketNames& names_;
    sockets::Form form_;
    State state_ = State::New;
    std::weak_ptr<Socket> peer_;
    std::vector<std::weak_ptr<Socket>> connected_here_;  // datagram sockets whose peer this is
    std::string key_, name_;
    bool bound_ = false;
    sockets::Credentials owner_, peer_owner_;
    std::deque<SocketMessage> queue_;
    uint64_t queued_bytes_ = 0;
    std::deque<Carried> backlog_;
    uint32_t backlog_max_ = 0;
    bool receive_ended_ = false, send_ended_ = false;
    sockets::Trouble pending_ = sockets::Trouble::None;  // told once
    std::map<uint32_t, std::vector<Right>> stashes_;
    uint32_t last_stash_ = 0;
    uint32_t send_buffer_ = kBufferBytes, receive_buffer_ = kBufferBytes;
    uint64_t send_limit_ns_ = 0, receive_limit_ns_ = 0;
    uint64_t inert_options_ = 0;  // that mean nothing here and are kept
    bool passes_credentials_ = false;
    int64_t birth_ns_ = realtime_ns();
    uint64_t inode_;
    ipc::WaitQueue readable_, room_;
    sockets::Credentials taken_from_;  // who sent what was given last
    WaitingTakes takers_;              // of a stream, only while its queue is empty
};

}  // namespace portico::pipe_server
