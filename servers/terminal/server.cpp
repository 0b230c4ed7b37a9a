#include "servers/terminal/server.h"

#include <algorithm>

#include "protocols/process.h"
#include "servers/terminal/clock.h"
#include "servers/terminal/control_line.h"

namespace portico::terminal {

Server::Server(const Handles& handles, const Settings& settings)
    : handles_(handles),
      settings_(settings),
      link_(handles.uart, handles.port),
      output_(settings.framing),
      host_(std::make_shared<HostTerminal>(output_, static_cast<Signaller&>(*this), settings.window)) {
    if (settings.framing == Framing::Framed)
        grant_credit();
    else
        input_.end();  // a plain line carries no stream
}

void Server::run() {
    for (;;) {
        link_.read_if_due(clock_now_ns());
        // Requests first, then one chunk of output, so that a long output delays nobody, and an interrupt key can end it.
        const Result<native::Received> received = native::receive(handles_.port, output_.empty() ? next_deadline() : abi::kNow);
        if (received)
            ipc::send(ipc::serve(*this, *received, file::Protocol{}, protocols::terminal::Protocol{}));
        else if (received.error() == Error::NoMemory)
            (void)native::call(abi::ThreadYield{});
        if (!output_.empty()) {
            link_.transmit(output_);
            host_->changed();
            changed();
        }
        if (!alarms_.empty() && *alarms_.begin() <= clock_now_ns()) {
            alarms_.erase(alarms_.begin(), alarms_.upper_bound(clock_now_ns()));
            changed();
        }
        if (std::exchange(changed_now_, false)) changed_.wake_all();
    }
}

uint64_t Server::next_deadline() const {
    if (changed_now_) return abi::kNow;
    return std::min(link_.due_ns(), alarms_.empty() ? abi::kForever : *alarms_.begin());
}

void Server::on_other(const abi::Message& message) {
    if (message.header.kind() != abi::MessageKind::Reply || !link_.owns(message)) return ipc::close_handles(message);
    const protocols::uart::Read::Reply reply = link_.take_reply(message, clock_now_ns());
    if (link_.take_loss()) on_line_loss();
    on_line_bytes({reply.bytes, reply.length_bytes});
}

void Server::on_line_loss() {
    if (settings_.framing == Framing::Plain) return;
    decoder_ = {};  // the frame that was coming broke off
    send_control("lost " + std::to_string(frames_.lost()));
}

void Server::on_line_bytes(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    if (settings_.framing == Framing::Plain) {
        host().receive(bytes, clock_now_ns());
    } else {
        for (const uint8_t byte : bytes)
            if (decoder_.push(byte) && frames_.is_new(decoder_.frame())) on_frame(decoder_.frame());
    }
    host_->changed();
    changed();
}

void Server::on_frame(std::span<const uint8_t> frame) {
    const auto payload = frame.subspan(1);
    switch (static_cast<Channel>(frame[0])) {
    case Channel::Control:
        on_control_line({reinterpret_cast<const char*>(payload.data()), payload.size()});
        return;
    case Channel::Terminal:
        host().receive(payload, clock_now_ns());
        return;
    case Channel::Input:
        (void)input_.receive(payload);
        return;  // what is beyond its credit, the host loses
    default:
        return;
    }
}

void Server::on_control_line(std::string_view line) {
    const ControlLine parsed = parse_control_line(line);
    if (const auto* size = std::get_if<SizeChanged>(&parsed)) {
        host().resize({.rows = size->rows, .columns = size->columns});
    } else if (std::holds_alternative<InputEnded>(parsed)) {
        input_.end();
        if (!input_opened_) host().end_input();
    }
}

void Server::grant_credit() {
    if (const size_t credit = input_.take_credit(); credit > 0) send_control("credit " + std::to_string(credit));
}

void Server::signal_group(int64_t group, int signal) {
    // A group that is gone, or a process server too busy to take it: nobody is left to tell.
    (void)ipc::post(handles_.process, protocols::process::SignalGroup{.group = group, .signal = static_cast<uint64_t>(signal)});
}

void Server::on_notification(uint64_t badge, uint64_t bits) {
    const auto found = objects_.find(badge);
    if ((bits & abi::kNotifySendersGone) == 0 || found == objects_.end()) return;
    const Object object = std::move(found->second);
    objects_.erase(found);
    close(*object);
}

Result<Server::Object> Server::find(const ipc::Call& call) const {
    const auto found = objects_.find(call.badge());
    if (found == objects_.end()) return fail(Error::NotSupported);  // the root handle is no file
    return found->second;
}

void Server::send_all_output() {
    while (!output_.empty()) link_.transmit(output_);
    changed();
}

Result<protocols::Empty> Server::on(const ipc::Call& call, const protocols::terminal::Report& request) {
    if (call.badge() >= file::kFirstObjectBadge) return fail(Error::AccessDenied);
    std::string line = "exit " + std::to_string(request.wait_status);
    if (call.readable_bytes() > 0) {
        line = "failed " + TRY(call.read_text(protocols::host_link::kFrameBytesMax - 16));
        std::ranges::replace_if(line, [](char c) { return is_control(static_cast<uint8_t>(c)); }, ' ');
        if (settings_.framing == Framing::Plain) host().write("\nsystem " + line + "\n");
    }
    host().restart_output();  // nobody will press the key that lets stopped output go on
    send_control(line);
    send_all_output();
    return protocols::Empty{};
}

}  // namespace portico::terminal
