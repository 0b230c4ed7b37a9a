#include <algorithm>

#include "servers/terminal/clock.h"
#include "servers/terminal/ioctl.h"
#include "servers/terminal/server.h"

/// Pseudo-terminals: opening and closing them, and what their masters do.
namespace portico::terminal {
namespace {

constexpr std::string_view kSlavePrefix = "pts/";

/// The number in "pts/N"; kPtysMax for none.
unsigned slave_number(std::string_view path) {
    if (!path.starts_with(kSlavePrefix) || path.size() == kSlavePrefix.size() || path.size() > kSlavePrefix.size() + 3)
        return Pty::kPtysMax;
    unsigned number = 0;
    for (const char c : path.substr(kSlavePrefix.size())) {
        if (c < '0' || c > '9') return Pty::kPtysMax;
        number = number * 10 + static_cast<unsigned>(c - '0');
    }
    return std::min(number, Pty::kPtysMax);
}

template <class T>
Result<file::Control::Reply> give(const ipc::Call& call, const T& value) {
    TRY(call.write(0, std::as_bytes(std::span(&value, 1))));
    return file::Control::Reply{.result = 0};
}

}  // namespace

Result<std::shared_ptr<Pty>> Server::make_pty() {
    std::erase_if(ptys_, [](const auto& item) { return item.second.expired(); });
    unsigned number = 0;
    while (ptys_.contains(number)) ++number;
    if (number >= Pty::kPtysMax) return fail(Error::NoSpace);
    auto pty = std::make_shared<Pty>(number, static_cast<Signaller&>(*this));
    ptys_.emplace(number, pty);
    return pty;
}

Result<std::shared_ptr<Pty>> Server::find_slave(std::string_view path) const {
    const auto found = ptys_.find(slave_number(path));
    std::shared_ptr<Pty> pty = found == ptys_.end() ? nullptr : found->second.lock();
    if (!pty) return fail(Error::NotFound);
    if (pty->locked || pty->hung_up) return fail(Error::IoError);
    return pty;
}

Result<protocols::terminal::ListPtys::Reply> Server::on(const ipc::Call& call, const protocols::terminal::ListPtys&) {
    if (call.badge() >= file::kFirstObjectBadge) return fail(Error::AccessDenied);
    protocols::terminal::ListPtys::Reply reply{};
    for (const auto& [number, pty] : ptys_)
        if (!pty.expired()) reply.numbers[number / 64] |= uint64_t{1} << (number % 64);
    return reply;
}

void Server::opened(OpenObject& object) {
    if (object.target() != Target::Slave) return;
    ++object.pty->slaves;
    object.pty->had_slave = true;
}

void Server::closed(OpenObject& object) {
    if (object.target() == Target::Slave) --object.pty->slaves;
    if (object.target() == Target::Master) hang_up(*object.pty);
    changed();
}

/// The line is gone: who is on it gets SIGHUP, and SIGCONT so that what is stopped can act on it.
void Server::hang_up(Pty& pty) {
    pty.hung_up = true;
    pty.terminal.flush_output();
    const int64_t session = pty.terminal.jobs().session(), foreground = pty.terminal.jobs().foreground();
    for (const int64_t group : {session, foreground == session ? 0 : foreground}) {
        if (group == 0) continue;
        signal_group(group, kSignalHangUp);
        signal_group(group, kSignalContinue);
    }
}

ipc::Task Server::read_master(ipc::Call call, Object object, uint64_t length_bytes) {
    Pty& pty = *object->pty;
    while (length_bytes > 0 && pty.output.empty()) {
        if (pty.slaves_gone() || object->non_blocking()) {
            (void)call.refuse(pty.slaves_gone() ? Error::IoError : Error::WouldBlock);
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    const std::string bytes(pty.output.peek().substr(0, length_bytes));
    if (!deliver(call, bytes)) co_return;
    pty.output.consume(bytes.size());
    pty.terminal.note_activity();
    changed();
}

ipc::Task Server::write_master(ipc::Call call, Object object, uint64_t length_bytes) {
    Pty& pty = *object->pty;
    while (!pty.takes_input()) {
        if (object->non_blocking()) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    std::vector<uint8_t> bytes(std::min<uint64_t>(length_bytes, Pty::kInputHeldMax));
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(bytes))); !copied) {
        (void)call.refuse(copied.error());
        co_return;
    }
    if (!call.reply<file::Write>({.length_bytes = bytes.size()})) co_return;
    pty.terminal.receive(bytes, clock_now_ns());
    changed();
}

Result<file::Control::Reply> Server::control_master(const ipc::Call& call, OpenObject& object, const file::Control& request) {
    Pty& pty = *object.pty;
    switch (request.request) {
    case ioctl::kGetPtyNumber:
        return give(call, static_cast<uint32_t>(pty.number));
    case ioctl::kSetPtyLock: {
        int32_t locked = 0;
        TRY(call.read(0, std::as_writable_bytes(std::span(&locked, 1))));
        pty.locked = locked != 0;
        return file::Control::Reply{.result = 0};
    }
    case ioctl::kGetPtyLock:
        return give(call, static_cast<int32_t>(pty.locked));
    case ioctl::kSendSignal:
        if (request.argument < 1 || request.argument > 64) return fail(Error::InvalidArgument);
        pty.terminal.signal_foreground(static_cast<int>(request.argument));
        return file::Control::Reply{.result = 0};
    case ioctl::kInputPending:
        return give(call, static_cast<int32_t>(pty.output.pending_bytes()));
    case ioctl::kGetForeground:
        return give(call, static_cast<int32_t>(pty.terminal.jobs().foreground()));
    case ioctl::kGetSession:
        return give(call, static_cast<int32_t>(pty.terminal.jobs().session()));
    case ioctl::kSetControlling:
    case ioctl::kGiveUpControlling:
    case ioctl::kSetForeground:
        return fail(Error::NotTerminal);
    default:
        return control_terminal(call, object, request);
    }
}

}  // namespace portico::terminal
