#include "servers/terminal/line_discipline.h"

/// The part of the line discipline that edits the line being typed and shows it.
namespace portico::terminal {

using namespace local_flag;

namespace {

bool in_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

}  // namespace

void LineDiscipline::echo_byte(uint8_t byte, std::string& echo) {
    if (has_local(kEchoControl) && is_control(byte) && byte != '\t') {
        filter_.put_raw('^', echo);
        filter_.put_raw(byte ^ 0x40, echo);
    } else {
        filter_.put(byte, echo);
    }
}

unsigned LineDiscipline::width_of(uint8_t byte, unsigned column) const {
    if (byte == '\t') return 8 - (column & 7);
    if (is_control(byte)) return has_local(kEchoControl) ? 2 : 0;
    return settings_.in(input_flag::kUtf8) && is_utf8_continuation(byte) ? 0 : 1;
}

unsigned LineDiscipline::column_after(size_t count) const {
    unsigned column = editing_column_;
    for (size_t i = 0; i < count; ++i) column += width_of(static_cast<uint8_t>(editing_[i]), column);
    return column;
}

uint8_t LineDiscipline::drop_last() {
    const bool utf8 = settings_.in(input_flag::kUtf8);
    while (utf8 && editing_.size() > 1 && is_utf8_continuation(static_cast<uint8_t>(editing_.back()))) editing_.pop_back();
    const auto byte = static_cast<uint8_t>(editing_.back());
    editing_.pop_back();
    return byte;
}

void LineDiscipline::erase_last(std::string& echo) {
    const uint8_t byte = drop_last();
    if (!has_local(kEcho)) return;
    const unsigned width = width_of(byte, byte == '\t' ? column_after(editing_.size()) : 0);
    // Where a tab jumped over cells there is nothing to blank.
    for (unsigned i = 0; i < width; ++i) filter_.put(byte == '\t' ? "\b" : "\b \b", echo);
}

void LineDiscipline::erase(Special how, uint8_t byte, std::string& echo) {
    if (editing_.empty()) return;
    const bool shows = has_local(kEcho);
    if (how == Special::Kill && !(shows && has_local(kEchoErase) && has_local(kEchoKill) && has_local(kEchoKillErase))) {
        editing_.clear();
        if (!shows) return;
        echo_byte(byte, echo);
        if (has_local(kEchoKill)) filter_.put('\n', echo);
        return;
    }
    if (how == Special::Erase && shows && !has_local(kEchoErase)) {
        drop_last();
        echo_byte(byte, echo);  // as on paper, where nothing can be erased
        return;
    }
    bool word_seen = false;
    while (!editing_.empty()) {
        if (how == Special::WordErase) {
            if (in_word(editing_.back()))
                word_seen = true;
            else if (word_seen)
                return;
        }
        erase_last(echo);
        if (how == Special::Erase) return;
    }
}

void LineDiscipline::reprint(uint8_t byte, std::string& echo) {
    echo_byte(byte, echo);
    filter_.put('\n', echo);
    editing_column_ = filter_.column();
    for (const char c : editing_) echo_byte(static_cast<uint8_t>(c), echo);
}

}  // namespace portico::terminal
