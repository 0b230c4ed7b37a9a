#include <algorithm>

#include "servers/terminal/clock.h"
#include "servers/terminal/server.h"

/// Read, write and poll. Replies come first, effects after them: a refused reply leaves everything as it was.
namespace portico::terminal {

namespace {

constexpr uint64_t kPollIn = 1, kPollOut = 4, kPollError = 8, kPollHangUp = 0x10;

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

Server::Standing Server::standing(const Terminal& terminal, uint64_t caller, int signal, uint64_t& deadline_ns) {
    const uint64_t group = caller & 0xFFFF'FFFF;
    if (!terminal.jobs().is_background(group, caller >> 32)) {
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
    if ((*object)->is_outer()) {
        read_outer(call, *object, length);
        co_return;
    }
    if (!(*object)->is_terminal()) {
        read_stream(call, *object, length);
        co_return;
    }
    Terminal& terminal = (*object)->device->terminal();
    const uint64_t started_ns = clock_now_ns();
    uint64_t signal_deadline_ns = 0;
    for (;;) {
        if ((*object)->is_dead()) {
            (void)deliver(call, {});
            co_return;
        }
        const Standing now = standing(terminal, request.process_group, kSignalBackgroundRead, signal_deadline_ns);
        if (now == Standing::SignalIgnored) {
            (void)call.refuse(Error::IoError);
            co_return;
        }
        if (now == Standing::Foreground) {
            const ReadDecision decision =
                terminal.plan({.length_bytes = length, .non_blocking = (*object)->non_blocking(), .started_ns = started_ns},
                              input_ended(**object), clock_now_ns());
            if (decision.what == ReadDecision::What::Take) break;
            if (decision.what == ReadDecision::What::WouldBlock) {
                (void)call.refuse(Error::WouldBlock);
                co_return;
            }
            if (decision.deadline_ns != abi::kForever) set_alarm(decision.deadline_ns);
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    const LineDiscipline::Peeked peeked = length > 0 ? terminal.peek(length) : LineDiscipline::Peeked{};
    if (!deliver(call, peeked.bytes)) co_return;
    terminal.commit(peeked.cells);
    (*object)->device->changed();
    changed();
}

ipc::Task Server::read_outer(ipc::Call call, Object object, uint64_t length_bytes) {
    PseudoTerminal& pair = *object->pseudo();
    while (length_bytes > 0 && pair.queue().pending_bytes() == 0) {
        if (pair.is_left() || object->non_blocking()) {
            (void)call.refuse(pair.is_left() ? Error::IoError : Error::WouldBlock);
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    const std::string bytes = pair.queue().peek(length_bytes);
    if (!deliver(call, bytes)) co_return;
    pair.queue().consume(bytes.size());
    pair.changed();
    changed();
}

bool Server::has_room(const OpenObject& object) const {
    if (object.is_outer()) return object.device->terminal().input_room() > 0;
    return object.is_terminal() ? object.device->terminal().has_output_room() : output_.pending_bytes() <= Terminal::kOutputLowBytes;
}

void Server::take_written(OpenObject& object, std::string_view bytes) {
    if (object.is_outer())
        object.device->terminal().receive({reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}, clock_now_ns());
    else if (object.is_terminal())
        object.device->terminal().write(bytes);
    else
        return output_.send(channel_of(object.target()), bytes);
    object.device->changed();
    changed();
}

ipc::Task Server::on(ipc::Call call, file::Write request) {
    const Result<Object> object = find(call);
    if (!object || !(*object)->can_write()) {
        (void)call.refuse(object ? Error::BadHandle : object.error());
        co_return;
    }
    const OpenObject& to = **object;
    uint64_t signal_deadline_ns = 0;
    while (to.is_terminal() && !to.is_dead() && to.device->terminal().settings().local_has(local_flag::kBackgroundStops) &&
           standing(to.device->terminal(), request.process_group, kSignalBackgroundWrite, signal_deadline_ns) == Standing::Waiting)
        if (!co_await changed_.wait(call.id())) co_return;
    while (to.is_dead() || !has_room(to)) {
        if (to.is_dead() || to.non_blocking()) {
            (void)call.refuse(to.is_dead() ? Error::IoError : Error::WouldBlock);
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
    const uint64_t room = to.is_outer() ? to.device->terminal().input_room() : Terminal::kWriteBytesMax;
    std::string bytes(std::min({request.length_bytes, uint64_t{call.readable_bytes()}, room}), '\0');
    if (const Result<> copied = call.read(0, std::as_writable_bytes(std::span(bytes))); !copied) {
        (void)call.refuse(copied.error());
        co_return;
    }
    if (!call.reply<file::Write>({.length_bytes = bytes.size()})) co_return;
    take_written(**object, bytes);
}

uint64_t Server::ready_events(const OpenObject& object) const {
    if (object.is_dead()) return kPollIn | kPollOut | kPollError | kPollHangUp;
    uint64_t events = 0;
    if (object.can_write() && has_room(object)) events |= kPollOut;
    if (object.is_outer()) {
        const PseudoTerminal& pair = *object.pseudo();
        if (pair.queue().pending_bytes() > 0) events |= kPollIn;
        if (pair.is_left()) events |= kPollHangUp;
    } else if (object.is_terminal()) {
        if (object.device->terminal().poll_readable(input_ended(object))) events |= kPollIn;
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
        const Object asked = (*object)->is_reference() ? (*object)->original.lock() : *object;
        if (!asked) {
            (void)call.refuse(Error::NotFound);  // it was closed
            co_return;
        }
        const uint64_t events = ready_events(*asked) & (request.events | kPollError | kPollHangUp);
        const uint64_t changes = asked->device ? asked->device->changes() : 0;
        const bool is_new = request.seen == 0 || changes != request.seen;
        if ((events != 0 && is_new) || request.wait == 0) {
            (void)call.reply<file::Poll>({.events = events, .changes = changes});
            co_return;
        }
        if (!co_await changed_.wait(call.id())) co_return;
    }
}

}  // namespace portico::terminal
