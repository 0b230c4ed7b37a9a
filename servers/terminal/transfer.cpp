#include <algorithm>

#include "servers/terminal/clock.h"
#include "servers/terminal/server.h"

/// Read, write and poll. Replies come first, effects after them: a refused reply leaves everything as it was.
namespace portico::terminal {

namespace {

constexpr uint64_t kPollIn = 1, kPollOut = 4, kPollHangUp = 0x10;

Channel channel_of(Target target) {
    switch (target) {
    case Target::Output:
        return Channel::Output;
    case Target::Trace:
        return Channel::Trace;
    default:
        return Channel::Error;
    }
}

}  // namespace

Server::Standing Server::standing(uint64_t group, int signal, uint64_t& deadline_ns) {
    if (!terminal_.jobs().is_background(group)) {
        deadline_ns = 0;
        return Standing::Foreground;
    }
    const uint64_t now_ns = clock_now_ns();
    if (deadline_ns == 0) {
        deadline_ns = now_ns + kSignalTakenNs;
        set_alarm(deadline_ns);
        signal_group(static_cast<int64_t>(group), signal);
    }
    return now_ns < deadline_ns ? Standing::Waiting : Standing::SignalIgnored;
}

bool Server::deliver(const ipc::Call& call, std::string_view bytes) const {
    if (const Result<> written = call.write(0, std::as_bytes(std::span(bytes))); !written) {
        (void)call.refuse(written.error());
        return false;
    }
    return call.reply<file::Read>({.length_bytes = bytes.size()}).has_value();
}

ipc::Task Server::read_stream(ipc::Call call, Object object, uint64_t length_bytes) {
    while (length_bytes > 0 && !input_.readable()) {
        if (object->non_blocking()) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    const std::string bytes = input_.peek(length_bytes);
    if (!deliver(call, bytes)) co_return;
    input_.consume(bytes.size());
    grant_credit();
    changed();
}

ipc::Task Server::on(ipc::Call call, file::Read request) {
    const Result<Object> object = find(call);
    if (!object || !(*object)->can_read()) {
        (void)call.refuse(object ? Error::BadHandle : object.error());
        co_return;
    }
    const uint64_t length = std::min({request.length_bytes, uint64_t{call.writable_bytes()}, uint64_t{kReadBytesMax}});
    if (!(*object)->is_terminal()) {
        read_stream(call, *object, length);
        co_return;
    }
    const uint64_t started_ns = clock_now_ns();
    uint64_t signal_deadline_ns = 0;
    for (;;) {
        const Standing now = standing(request.process_group, kSignalBackgroundRead, signal_deadline_ns);
        if (now == Standing::SignalIgnored) {
            (void)call.refuse(Error::IoError);
            co_return;
        }
        if (now == Standing::Foreground) {
            const ReadDecision decision =
                terminal_.plan({.length_bytes = length, .non_blocking = (*object)->non_blocking(), .started_ns = started_ns},
                               terminal_input_ended(), clock_now_ns());
            if (decision.what == ReadDecision::What::Take) break;
            if (decision.what == ReadDecision::What::WouldBlock) {
                (void)call.refuse(Error::WouldBlock);
                co_return;
            }
            if (decision.deadline_ns != abi::kForever) set_alarm(decision.deadline_ns);
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    const LineDiscipline::Peeked peeked = length > 0 ? terminal_.peek(length) : LineDiscipline::Peeked{};
    if (!deliver(call, peeked.bytes)) co_return;
    terminal_.commit(peeked.cells);
    changed();
}

bool Server::has_room(Target target) const {
    return target == Target::Terminal ? terminal_.has_output_room() : output_.pending_bytes() <= Terminal::kOutputLowBytes;
}

ipc::Task Server::on(ipc::Call call, file::Write request) {
    const Result<Object> object = find(call);
    if (!object || !(*object)->can_write()) {
        (void)call.refuse(object ? Error::BadHandle : object.error());
        co_return;
    }
    const Target target = (*object)->target();
    uint64_t signal_deadline_ns = 0;
    while (target == Target::Terminal && terminal_.settings().local_has(local_flag::kBackgroundStops) &&
           standing(request.process_group, kSignalBackgroundWrite, signal_deadline_ns) == Standing::Waiting)
        if (!co_await changed_.wait(call.id())) co_return;
    while (!has_room(target)) {
        if ((*object)->non_blocking()) {
            (void)call.refuse(Error::WouldBlock);
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    std::string bytes(std::min({request.length_bytes, uint64_t{call.readable_bytes()}, uint64_t{Terminal::kWriteBytesMax}}), '\0');
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(bytes))); !copied) {
        (void)call.refuse(copied.error());
        co_return;
    }
    if (!call.reply<file::Write>({.length_bytes = bytes.size()})) co_return;
    if (target == Target::Terminal)
        terminal_.write(bytes);
    else
        output_.send(channel_of(target), bytes);
}

uint64_t Server::ready_events(const OpenObject& object) const {
    uint64_t events = 0;
    if (object.can_write() && has_room(object.target())) events |= kPollOut;
    if (object.is_terminal()) {
        if (terminal_.poll_readable(terminal_input_ended())) events |= kPollIn;
    } else if (object.target() == Target::Input) {
        if (input_.size() > 0) events |= kPollIn;
        if (input_.ended()) events |= kPollHangUp;
    }
    return events;
}

ipc::Task Server::on(ipc::Call call, file::Poll request) {
    const Result<Object> object = find(call);
    if (!object) {
        (void)call.refuse(object.error());
        co_return;
    }
    for (;;) {
        const uint64_t events = ready_events(**object) & (request.events | kPollHangUp);
        if (events != 0 || request.wait == 0) {
            (void)call.reply<file::Poll>({.events = events});
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
}

}  // namespace portico::terminal
