#pragma once

#include <unordered_map>

#include "protocols/event.h"
#include "runtime/async_call.h"
#include "servers/pipe/epoll.h"
#include "servers/pipe/events.h"
#include "servers/pipe/fifos.h"
#include "servers/pipe/objects.h"
#include "servers/pipe/socket.h"

namespace portico::pipe_server {

namespace event = protocols::event;

/// Serves what exists to be waited for: pipes, event counters, timers, epolls. Of protocols/file.h the part that they have; the rest is
/// refused with NotSupported.
///
/// Locks:    none: one thread, one port, one loop. Handlers that wait are coroutines; each holds its object, so an end whose last
///           handle is closed while a call waits counts until that call ends.
/// Messages: bytes are consumed, or added for good, only after the reply was taken. A write of more than fits is taken piece by
///           piece as readers make room: what readers got before such a write is interrupted stays got, and its caller is not told
///           how much that was.
class Server {
public:
    explicit Server(abi::Handle port) : port_(port), objects_(port) {}

    [[noreturn]] void run();

    // server.cpp: of any object
    ipc::Answer on(const ipc::Call& call, const few::Put& request);
    ipc::Answer on(const ipc::Call& call, const few::Take& request);
    ipc::Answer on(const ipc::Call& call, const file::Read& request);
    ipc::Answer on(const ipc::Call& call, const file::Write& request);
    ipc::Task on(const ipc::Call& call, const file::Poll& request);
    Result<file::Open::Reply> on(const ipc::Call& call, const file::Open& request);
    Result<file::Seek::Reply> on(const ipc::Call&, const file::Seek&) { return fail(Error::NotSeekable); }
    Result<protocols::Empty> on(const ipc::Call&, const file::Truncate&) { return fail(Error::InvalidArgument); }
    Result<protocols::Empty> on(const ipc::Call&, const file::Sync&) { return fail(Error::InvalidArgument); }
    Result<file::ReadDirectory::Reply> on(const ipc::Call&, const file::ReadDirectory&) { return fail(Error::NotDirectory); }
    Result<file::GetPath::Reply> on(const ipc::Call&, const file::GetPath&) { return fail(Error::NotFound); }
    Result<protocols::Empty> on(const ipc::Call& call, const file::GetAttributes& request);
    Result<file::GetFlags::Reply> on(const ipc::Call& call, const file::GetFlags& request);
    Result<protocols::Empty> on(const ipc::Call& call, const file::SetFlags& request);
    Result<file::Control::Reply> on(const ipc::Call& call, const file::Control& request);
    // of pipes
    Result<file::MakePipe::Reply> on(const ipc::Call& call, const file::MakePipe& request);
    ipc::Task on(ipc::Call call, file::OpenFifo request);

    // server_events.cpp
    Result<event::Made> on(const ipc::Call& call, const event::MakeCounter& request);
    Result<event::Made> on(const ipc::Call& call, const event::MakeTimer& request);
    Result<event::Made> on(const ipc::Call& call, const event::MakeSignalSet& request);
    Result<event::Made> on(const ipc::Call& call, const event::MakeEpoll& request);
    ipc::Answer on(const ipc::Call& call, const event::Take& request);
    ipc::Answer on(const ipc::Call& call, const event::Add& request);
    Result<event::TimerState> on(const ipc::Call& call, const event::SetTimer& request);
    Result<event::TimerState> on(const ipc::Call& call, const event::GetTimer& request);
    Result<protocols::Empty> on(const ipc::Call& call, const event::SetSignals& request);
    Result<event::GetSignals::Reply> on(const ipc::Call& call, const event::GetSignals& request);
    Result<protocols::Empty> on(const ipc::Call& call, const event::TellPending& request);
    ipc::Task on(ipc::Call call, event::Watch request);
    ipc::Answer on(const ipc::Call& call, const event::Wait& request);
    Result<protocols::Empty> on(const ipc::Call& call, const event::Identify& request);

    // server_sockets.cpp
    Result<sockets::MakeSocket::Reply> on(const ipc::Call& call, const sockets::MakeSocket& request);
    Result<sockets::MakePair::Reply> on(const ipc::Call& call, const sockets::MakePair& request);
    Result<sockets::Outcome> on(const ipc::Call& call, const sockets::Bind& request);
    Result<sockets::Outcome> on(const ipc::Call& call, const sockets::Listen& request);
    ipc::Task on(const ipc::Call& call, const sockets::Connect& request);
    ipc::Task on(const ipc::Call& call, const sockets::Accept& request);
    Result<sockets::Outcome> on(const ipc::Call& call, const sockets::Shutdown& request);
    Result<sockets::GetName::Reply> on(const ipc::Call& call, const sockets::GetName& request);
    ipc::Task on(const ipc::Call& call, const sockets::Send& request);
    ipc::Task on(const ipc::Call& call, const sockets::Receive& request);
    ipc::Task on(ipc::Call call, sockets::AddRights request);
    Result<sockets::TakeRights::Reply> on(const ipc::Call& call, const sockets::TakeRights& request);
    Result<sockets::GetOption::Reply> on(const ipc::Call& call, const sockets::GetOption& request);
    Result<protocols::Empty> on(const ipc::Call& call, const sockets::SetOption& request);

    void on_notification(uint64_t badge, uint64_t bits);

private:
    /// Badges of the kernel's timers: the object's, and this bit.
    static constexpr uint64_t kTimerBadge = uint64_t{1} << 62;

    Result<event::Made> made(const std::shared_ptr<Object>& object);
    /// Which of the server's objects a handle means it learns by a question to itself through it: it sees with which badge that arrives.
    /// The nonce, that of the question, nobody else can know, so nobody can answer in its stead.
    uint64_t ask_identity();
    /// The object; null if the handle is another server's. Ends the question.
    std::shared_ptr<Object> identity(uint64_t nonce);

    abi::Handle port_;
    Objects objects_;
    Fifos fifos_;
    SocketNames socket_names_;
    std::unordered_map<uint64_t, uint64_t> identified_;  // nonce of a question that is out, to the badge it came back with, or 0
    uint64_t last_inode_ = 0;
};

}  // namespace portico::pipe_server
