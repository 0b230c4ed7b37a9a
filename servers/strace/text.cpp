#include "servers/strace/text.h"

#include <cstdio>

namespace portico::strace {

namespace {

std::string formatted(const char* format, uint64_t value) {
    char text[32];
    std::snprintf(text, sizeof text, format, value);
    return text;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// As short as C allows: three digits only if another follows.
std::string octal_escape(uint8_t byte, bool before_digit) {
    return "\\" + formatted(before_digit ? "%03lo" : "%lo", byte);
}

}  // namespace

std::string hexadecimal(uint64_t value) {
    return value == 0 ? "0" : formatted("%#lx", value);
}

std::string octal(uint64_t value) {
    return value == 0 ? "0" : formatted("%#lo", value);
}

std::string pointer(uint64_t address) {
    return address == 0 ? "NULL" : hexadecimal(address);
}

std::string quoted(std::string_view bytes, bool is_all) {
    constexpr std::string_view kEscaped = "\n\t\r\v\f\"\\", kLetters = "ntrvf\"\\";
    std::string text = "\"";
    for (size_t i = 0; i < bytes.size(); ++i) {
        const char c = bytes[i];
        if (const size_t found = kEscaped.find(c); found != std::string_view::npos)
            text += {'\\', kLetters[found]};
        else if (c >= ' ' && c <= '~')
            text += c;
        else
            text += octal_escape(static_cast<uint8_t>(c), i + 1 < bytes.size() && is_digit(bytes[i + 1]));
    }
    text += is_all ? "\"" : "\"...";
    return text;
}

}  // namespace portico::strace
