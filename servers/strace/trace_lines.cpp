#include "servers/strace/trace_lines.h"

#include <utility>

namespace portico::strace {

void TraceLines::add(std::string_view text) {
    text_ += text;
    column_ += text.size();
}

void TraceLines::end_line() {
    text_ += '\n';
    column_ = 0;
    open_.reset();
}

void TraceLines::begin_line(const Speaker& speaker) {
    if (open_) {
        add(" <unfinished ...>");
        end_line();
    }
    if (speaker.is_alone) return;
    const std::string number = std::to_string(speaker.tid);
    constexpr size_t kWidth = 5;
    add("[pid " + std::string(number.size() < kWidth ? kWidth - number.size() : 0, ' ') + number + "] ");
}

void TraceLines::begin_call(const Speaker& speaker, std::string_view text) {
    begin_line(speaker);
    add(text);
    open_ = speaker.tid;
}

void TraceLines::end_call(const Speaker& speaker, std::string_view name, std::string_view rest, std::string_view result) {
    if (open_ != speaker.tid) {
        begin_line(speaker);
        add("<... " + std::string(name) + " resumed>");
    }
    add(rest);
    add(column_ < kResultColumn ? std::string(kResultColumn - column_, ' ') : " ");
    add("= ");
    add(result);
    end_line();
}

void TraceLines::say(const Speaker& speaker, std::string_view line) {
    begin_line(speaker);
    add(line);
    end_line();
}

void TraceLines::say(std::string_view line) {
    say(Speaker{}, line);
}

std::string TraceLines::take() {
    return std::exchange(text_, {});
}

}  // namespace portico::strace
