#include "servers/terminal/settings.h"

#include <charconv>

namespace portico::terminal {

namespace {

void set_number(std::string_view text, uint16_t& value) {
    uint16_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) value = number;
}

}  // namespace

Settings Settings::parse(std::span<const char* const> words) {
    Settings settings;
    for (const char* pointer : words) {
        const std::string_view word(pointer);
        const size_t equals = word.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view key = word.substr(0, equals);
        const std::string_view value = word.substr(equals + 1);
        if (key == "link") settings.framing = value == "framed" ? Framing::Framed : Framing::Plain;
        if (key == "columns") set_number(value, settings.window.columns);
        if (key == "rows") set_number(value, settings.window.rows);
    }
    return settings;
}

}  // namespace portico::terminal
