#include "servers/terminal/terminal.h"

namespace portico::terminal {

void Terminal::receive(std::span<const uint8_t> bytes, uint64_t now_ns) {
    last_input_ns_ = now_ns;
    LineDiscipline::Outcome outcome;
    for (const uint8_t byte : bytes) {
        // A program that does not read must still be interruptible, however much was typed ahead.
        const bool urgent = discipline_.raises_signal(byte);
        if (urgent && !settings_.local_has(local_flag::kNoFlush)) held_input_.clear();
        if (urgent || (held_input_.empty() && discipline_.can_receive()))
            feed(byte, outcome);
        else if (held_input_.size() < kHeldInputBytesMax)
            held_input_.push_back(static_cast<char>(byte));
        else
            outcome.echo.push_back('\a');
        if (outcome.flush_output || outcome.echo.size() >= kEchoBytesMax) {
            apply(outcome);
            outcome = {};
        }
    }
    apply(outcome);
}

void Terminal::feed_held() {
    LineDiscipline::Outcome outcome;
    size_t fed = 0;
    while (fed < held_input_.size() && discipline_.can_receive()) feed(static_cast<uint8_t>(held_input_[fed++]), outcome);
    held_input_.erase(0, fed);
    apply(outcome);
}

void Terminal::apply(const LineDiscipline::Outcome& outcome) {
    if (outcome.flush_output) flush_output();
    for (const int signal : outcome.signals) signal_foreground(signal);
    settle_output();
    if (!stopped() || held_output_.size() <= kEchoBytesMax) show(outcome.echo);
}

void Terminal::show(std::string_view processed) {
    if (stopped())
        held_output_.append(processed);
    else
        output_.send(processed);
}

void Terminal::settle_output() {
    if (stopped()) {
        // What the device has not got yet stops too.
        if (output_.pending_bytes() > 0) held_output_.append(output_.take_back());
    } else if (!held_output_.empty()) {
        output_.send(held_output_);
        held_output_.clear();
    }
}

void Terminal::write(std::string_view bytes) {
    std::string processed;
    processed.reserve(bytes.size() + bytes.size() / 8);
    filter_.put(bytes, processed);
    show(processed);
}

ReadDecision Terminal::plan(const Read& read, bool input_ended, uint64_t now_ns) const {
    using enum ReadDecision::What;
    if (read.length_bytes == 0 || (input_ended && held_input_.empty())) return {.what = Take};
    if (settings_.canonical()) return {.what = discipline_.readable() ? Take : read.non_blocking ? WouldBlock : Wait};
    return decide({.available_bytes = discipline_.readable_bytes(),
                   .wanted_bytes = read.length_bytes,
                   .minimum = settings_[Special::Minimum],
                   .time_tenths = settings_[Special::Time],
                   .non_blocking = read.non_blocking,
                   .started_ns = read.started_ns,
                   .last_input_ns = last_input_ns_},
                  now_ns);
}

bool Terminal::poll_readable(bool input_ended) const {
    if (input_ended || (settings_.canonical() && discipline_.readable())) return true;
    if (settings_.canonical()) return false;
    const bool whole = settings_[Special::Time] == 0 && settings_[Special::Minimum] > 0;
    return discipline_.readable_bytes() >= (whole ? settings_[Special::Minimum] : 1u);
}

void Terminal::commit(size_t cells) {
    discipline_.commit(cells);
    if (!held_input_.empty()) feed_held();
}

void Terminal::resize(const WindowSize& window) {
    if (window == window_) return;
    window_ = window;
    signal_foreground(kSignalWindowChanged);
}

void Terminal::set(const Termios& settings) {
    const Termios before = settings_;
    settings_ = settings;
    discipline_.settings_changed(before);
    settle_output();
    if (!held_input_.empty()) feed_held();
}

void Terminal::flush_input() {
    held_input_.clear();
    discipline_.flush_input();
}

void Terminal::flush_output() {
    held_output_.clear();
    (void)output_.take_back();
}

void Terminal::stop_output() {
    stopped_by_call_ = true;
    settle_output();
}

void Terminal::restart_output() {
    stopped_by_call_ = false;
    discipline_.restart();
    settle_output();
}

void Terminal::send_special(Special character) {
    const uint8_t byte = settings_[character];
    if (byte != 0) output_.send(std::string_view(reinterpret_cast<const char*>(&byte), 1));
}

void Terminal::signal_foreground(int signal) {
    if (jobs_.foreground() != 0) signaller_.signal_group(jobs_.foreground(), signal);
}

}  // namespace portico::terminal
