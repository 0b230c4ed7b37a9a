#pragma once

#include <charconv>
#include <cstdint>
#include <string_view>
#include <variant>

namespace portico::terminal {

/// What the host says on the control channel (protocols/host_link.h).
struct SizeChanged {
    uint16_t columns;
    uint16_t rows;
};
struct InputEnded {};
struct SentAgain {
    uint64_t from_frame;
};
using ControlLine = std::variant<std::monostate, SizeChanged, InputEnded, SentAgain>;  // monostate: not understood, to be ignored

/// Takes a decimal number off the front of `text`, with one space before it.
template <class Number>
bool take_number(std::string_view& text, Number& value) {
    if (text.empty() || text.front() != ' ') return false;
    text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return true;
}

inline ControlLine parse_control_line(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
    if (line == "input-end") return InputEnded{};
    if (line.starts_with("size")) {
        line.remove_prefix(4);
        SizeChanged size{};
        if (take_number(line, size.columns) && take_number(line, size.rows) && line.empty()) return size;
    }
    if (line.starts_with("again")) {
        line.remove_prefix(5);
        SentAgain again{};
        if (take_number(line, again.from_frame) && line.empty()) return again;
    }
    return std::monostate{};
}

}  // namespace portico::terminal
