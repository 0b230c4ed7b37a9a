#include "servers/terminal/ioctl.h"
#include "servers/terminal/server.h"

/// file::Control: the terminal's ioctl requests.
namespace portico::terminal {

namespace {

template <class T>
Result<T> take(const ipc::Call& call) {
    T value{};
    TRY(call.read(0, std::as_writable_bytes(std::span(&value, 1))));
    return value;
}

template <class T>
Result<file::Control::Reply> give(const ipc::Call& call, const T& value) {
    TRY(call.write(0, std::as_bytes(std::span(&value, 1))));
    return file::Control::Reply{.result = 0};
}

Result<file::Control::Reply> done(const Result<>& result) {
    if (!result) return fail(result.error());
    return file::Control::Reply{.result = 0};
}

Result<file::Control::Reply> set_non_blocking(const ipc::Call& call, OpenObject& object) {
    const bool wanted = TRY(take<int32_t>(call)) != 0;
    object.flags = (object.flags & ~file::kNonBlocking) | (wanted ? file::kNonBlocking : 0);
    return file::Control::Reply{.result = 0};
}

Result<> set_termios(Terminal& terminal, const ipc::Call& call, uint64_t request) {
    const bool second = request == ioctl::kSetTermios2 || request == ioctl::kSetTermios2Drain || request == ioctl::kSetTermios2Flush;
    const Termios settings = second ? TRY(take<Termios2>(call)).termios : TRY(take<Termios>(call));
    if (settings.line != 0) return fail(Error::InvalidArgument);  // there is no other line discipline
    if (request == ioctl::kSetTermiosFlush || request == ioctl::kSetTermios2Flush) terminal.flush_input();
    terminal.set(settings);
    return {};
}

Result<> control_flow(Terminal& terminal, uint64_t action) {
    switch (action) {
    case 0:
        terminal.stop_output();
        return {};
    case 1:
        terminal.restart_output();
        return {};
    case 2:
        terminal.send_special(Special::Stop);
        return {};
    case 3:
        terminal.send_special(Special::Start);
        return {};
    default:
        return fail(Error::InvalidArgument);
    }
}

Result<> flush(Terminal& terminal, uint64_t which) {
    if (which > 2) return fail(Error::InvalidArgument);
    if (which != 1) terminal.flush_input();
    if (which != 0) terminal.flush_output();
    return {};
}

}  // namespace

ipc::Task Server::on(ipc::Call call, file::Control request) {
    const Result<Object> object = find(call);
    if (!object) {
        (void)call.refuse(object.error());
        co_return;
    }
    OpenObject& to = **object;
    if (to.is_reference() || !to.device) {
        call.finish<file::Control>(to.is_reference() ? fail(Error::BadHandle) : control_stream(call, to, request));
        co_return;
    }
    Terminal& terminal = to.device->terminal();
    const uint64_t caller = (request.process_group & 0xFFFF'FFFF) | request.session << 32;
    uint64_t signal_deadline_ns = 0;
    while (to.is_terminal() && !to.is_dead() && ioctl::stops_background(request.request) &&
           standing(terminal, caller, kSignalBackgroundWrite, signal_deadline_ns) == Standing::Waiting)
        if (!co_await changed_.wait(call.id())) co_return;
    // Bytes that the other side of a pseudo-terminal has not read yet count as sent, as on Linux.
    while (to.device == host_ && !to.is_dead() && ioctl::drains(request.request) && terminal.pending_output_bytes() > 0)
        if (!co_await changed_.wait(call.id())) co_return;
    call.finish<file::Control>(to.is_outer() ? control_outer(call, to, request) : control_terminal(call, to, request));
    to.device->changed();
    changed();
}

Result<file::Control::Reply> Server::control_stream(const ipc::Call& call, OpenObject& object, const file::Control& request) {
    if (request.request == ioctl::kInputPending && object.target() == Target::Input) return give(call, static_cast<int32_t>(input_.size()));
    if (request.request == ioctl::kSetNonBlocking) return set_non_blocking(call, object);
    return fail(Error::NotTerminal);
}

Result<file::Control::Reply> Server::control_terminal(const ipc::Call& call, OpenObject& object, const file::Control& request) {
    const JobControl::Caller caller{.group = static_cast<int64_t>(request.process_group),
                                    .session = static_cast<int64_t>(request.session),
                                    .pid = static_cast<int64_t>(request.pid)};
    if (object.is_dead()) return fail(request.request == ioctl::kSetForeground ? Error::NotTerminal : Error::IoError);
    Terminal& terminal = object.device->terminal();
    JobControl& jobs = terminal.jobs();
    const bool controls_caller = jobs.session() != 0 && jobs.session() == caller.session;
    switch (request.request) {
    case ioctl::kGetTermios:
        return give(call, terminal.settings());
    case ioctl::kGetTermios2:
        return give(call, Termios2{.termios = terminal.settings()});
    case ioctl::kSetTermios:
    case ioctl::kSetTermiosDrain:
    case ioctl::kSetTermiosFlush:
    case ioctl::kSetTermios2:
    case ioctl::kSetTermios2Drain:
    case ioctl::kSetTermios2Flush:
        return done(set_termios(terminal, call, request.request));
    case ioctl::kBreakOrDrain:
        return done(request.argument != 0 ? Result<>{} : fail(Error::NotSupported));
    case ioctl::kFlow:
        return done(control_flow(terminal, request.argument));
    case ioctl::kFlush:
        return done(flush(terminal, request.argument));
    case ioctl::kSetControlling:
        return done(jobs.acquire(caller, request.argument == 1));
    case ioctl::kGiveUpControlling: {
        const int64_t group = jobs.foreground();
        if (!TRY(jobs.release(caller)) || group == 0) return file::Control::Reply{.result = 0};
        signal_group(group, kSignalHangUp);
        signal_group(group, kSignalContinue);
        return file::Control::Reply{.result = 0};
    }
    case ioctl::kGetForeground:
        if (!controls_caller) return fail(Error::NotTerminal);
        return give(call, static_cast<int32_t>(jobs.foreground()));
    case ioctl::kSetForeground:
        return done(jobs.set_foreground(caller, TRY(take<int32_t>(call))));
    case ioctl::kGetSession:
        if (!controls_caller) return fail(Error::NotTerminal);
        return give(call, static_cast<int32_t>(jobs.session()));
    case ioctl::kGetWindowSize:
        return give(call, terminal.window());
    case ioctl::kSetWindowSize:
        terminal.resize(TRY(take<WindowSize>(call)));
        return file::Control::Reply{.result = 0};
    case ioctl::kInputPending:
        return give(call, static_cast<int32_t>(terminal.readable_bytes()));
    case ioctl::kOutputPending:
        return give(call, static_cast<int32_t>(object.device == host_ ? terminal.pending_output_bytes() : 0));
    case ioctl::kSetNonBlocking:
        return set_non_blocking(call, object);
    case ioctl::kGetDiscipline:
        return give(call, int32_t{0});
    case ioctl::kFakeInput:
        return fail(Error::IoError);
    default:
        return fail(Error::NotTerminal);  // what Linux says of a request it does not know
    }
}

/// What the outer side asks is of the pair, or of the inner side, whose session is not the caller's.
Result<file::Control::Reply> Server::control_outer(const ipc::Call& call, OpenObject& object, const file::Control& request) {
    PseudoTerminal& pair = *object.pseudo();
    JobControl& jobs = pair.terminal().jobs();
    switch (request.request) {
    case ioctl::kGetPseudoNumber:
        return give(call, pair.number());
    case ioctl::kSetPseudoLock:
        pair.set_locked(TRY(take<int32_t>(call)) != 0);
        return file::Control::Reply{.result = 0};
    case ioctl::kGetPseudoLock:
        return give(call, int32_t{pair.locked()});
    case ioctl::kSendSignal:
        if (request.argument == 0 || request.argument > 64) return fail(Error::InvalidArgument);
        pair.terminal().signal_foreground(static_cast<int>(request.argument));
        return file::Control::Reply{.result = 0};
    case ioctl::kGetForeground:
        return give(call, static_cast<int32_t>(jobs.foreground()));
    case ioctl::kGetSession:
        if (jobs.session() == 0) return fail(Error::NotTerminal);
        return give(call, static_cast<int32_t>(jobs.session()));
    case ioctl::kInputPending:
        return give(call, static_cast<int32_t>(pair.queue().pending_bytes()));
    case ioctl::kOutputPending:
        return give(call, int32_t{0});
    default:
        return control_terminal(call, object, request);
    }
}

}  // namespace portico::terminal
