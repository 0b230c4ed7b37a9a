#include "servers/terminal/line_discipline.h"

#include <algorithm>

namespace portico::terminal {

using namespace local_flag;

bool LineDiscipline::can_receive() const {
    return !full() || committed_.empty();
}

int LineDiscipline::signal_of(uint8_t byte) const {
    if (!has_local(kSignals) || literal_next_) return 0;
    if (is(byte, Special::Interrupt)) return kSignalInterrupt;
    if (is(byte, Special::Quit)) return kSignalQuit;
    if (is(byte, Special::Suspend)) return kSignalSuspend;
    return 0;
}

bool LineDiscipline::raises_signal(uint8_t byte) const {
    return signal_of(settings_.in(input_flag::kStrip) ? byte & 0x7F : byte) != 0;
}

void LineDiscipline::receive(uint8_t byte, Outcome& outcome) {
    if (settings_.in(input_flag::kStrip)) byte &= 0x7F;
    if (literal_next_) {
        literal_next_ = false;
        store(byte, outcome);
        return;
    }
    if (receive_flow_control(byte)) return;
    if (receive_signal(byte, outcome)) return;
    if (byte == '\r') {
        if (settings_.in(input_flag::kIgnoreReturn)) return;
        if (settings_.in(input_flag::kReturnToNewline)) byte = '\n';
    } else if (byte == '\n' && settings_.in(input_flag::kNewlineToReturn)) {
        byte = '\r';
    }
    if (settings_.canonical() && receive_canonical(byte, outcome)) return;
    store(byte, outcome);
}

bool LineDiscipline::receive_flow_control(uint8_t byte) {
    if (!settings_.in(input_flag::kFlowControl)) return false;
    if (is(byte, Special::Start)) {
        stopped_ = false;
        return true;
    }
    if (is(byte, Special::Stop)) {
        stopped_ = true;
        return true;
    }
    if (settings_.in(input_flag::kAnyRestarts)) stopped_ = false;
    return false;
}

bool LineDiscipline::receive_signal(uint8_t byte, Outcome& outcome) {
    const int signal = signal_of(byte);
    if (signal == 0) return false;
    outcome.signals.push_back(signal);
    if (!has_local(kNoFlush)) {
        flush_input();
        outcome.flush_output = true;
        outcome.echo.clear();
    }
    if (settings_.in(input_flag::kFlowControl)) stopped_ = false;
    if (has_local(kEcho)) echo_byte(byte, outcome.echo);
    return true;
}

bool LineDiscipline::receive_canonical(uint8_t byte, Outcome& outcome) {
    const bool extended = has_local(kExtended);
    if (is(byte, Special::Erase)) return erase(Special::Erase, byte, outcome.echo), true;
    if (is(byte, Special::Kill)) return erase(Special::Kill, byte, outcome.echo), true;
    if (extended && is(byte, Special::WordErase)) return erase(Special::WordErase, byte, outcome.echo), true;
    if (extended && is(byte, Special::LiteralNext)) {
        literal_next_ = true;
        if (has_local(kEcho) && has_local(kEchoControl)) filter_.put("^\b", outcome.echo);
        return true;
    }
    if (extended && has_local(kEcho) && is(byte, Special::Reprint)) return reprint(byte, outcome.echo), true;
    if (byte == '\n') {
        if (has_local(kEcho) || has_local(kEchoNewline)) filter_.put('\n', outcome.echo);
        end_line('\n', Mark::LineEnd);
        return true;
    }
    if (is(byte, Special::EndOfFile)) {
        end_line(0, Mark::EndOfFile);
        return true;
    }
    if (is(byte, Special::EndOfLine) || (extended && is(byte, Special::EndOfLine2))) {
        if (has_local(kEcho)) echo_byte(byte, outcome.echo);
        end_line(byte, Mark::LineEnd);
        return true;
    }
    return false;
}

void LineDiscipline::store(uint8_t byte, Outcome& outcome) {
    if (full()) {
        if (settings_.in(input_flag::kBellWhenFull)) outcome.echo.push_back('\a');
        return;
    }
    if (editing_.empty()) editing_column_ = filter_.column();
    if (has_local(kEcho)) {
        if (byte == '\n')
            filter_.put('\n', outcome.echo);
        else
            echo_byte(byte, outcome.echo);
    }
    if (settings_.canonical())
        editing_.push_back(static_cast<char>(byte));
    else
        committed_.push_back({byte, Mark::None});
}

void LineDiscipline::end_line(uint8_t byte, Mark mark) {
    // Of the last place only one line end can make use; more of them, while nothing is read, are dropped.
    if (committed_.size() + editing_.size() >= kBufferBytes) return;
    for (const char c : editing_) committed_.push_back({static_cast<uint8_t>(c), Mark::None});
    editing_.clear();
    committed_.push_back({byte, mark});
}

size_t LineDiscipline::readable_bytes() const {
    return static_cast<size_t>(std::ranges::count_if(committed_, [](const Cell& cell) { return cell.mark != Mark::EndOfFile; }));
}

LineDiscipline::Peeked LineDiscipline::peek(size_t length_max) const {
    Peeked peeked;
    for (const Cell& cell : committed_) {
        if (cell.mark == Mark::EndOfFile) {
            ++peeked.cells;  // taken even when the read is just full: it ended this line, not the next one
            break;
        }
        if (peeked.bytes.size() == length_max) break;
        peeked.bytes.push_back(static_cast<char>(cell.byte));
        ++peeked.cells;
        if (cell.mark == Mark::LineEnd) break;
    }
    return peeked;
}

void LineDiscipline::commit(size_t cells) {
    committed_.erase(committed_.begin(), committed_.begin() + static_cast<ptrdiff_t>(std::min(cells, committed_.size())));
}

void LineDiscipline::flush_input() {
    committed_.clear();
    editing_.clear();
    literal_next_ = false;
}

void LineDiscipline::settings_changed(const Termios& before) {
    if (!settings_.in(input_flag::kFlowControl)) stopped_ = false;
    if (before.canonical() == settings_.canonical()) return;
    literal_next_ = false;
    for (const char c : editing_) committed_.push_back({static_cast<uint8_t>(c), Mark::None});
    editing_.clear();
    std::erase_if(committed_, [](const Cell& cell) { return cell.mark == Mark::EndOfFile; });
    for (Cell& cell : committed_) cell.mark = Mark::None;
    // What was typed without lines is one line, which needs no newline to be read.
    if (settings_.canonical() && !committed_.empty()) committed_.back().mark = Mark::LineEnd;
}

}  // namespace portico::terminal
