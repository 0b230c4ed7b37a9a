#include "servers/strace/settings.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace portico::strace {

Settings Settings::parse(std::span<const char* const> words) {
    constexpr unsigned kStringMax = 64 * 1024;
    Settings settings;
    for (const std::string_view word : words) {
        const size_t equals = word.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
        if (key == "strace_calls") settings.filter = CallFilter::parse(value);
        if (key == "strace_summary") settings.summary = value == "on";
        if (key == "strace_string") std::from_chars(value.data(), value.data() + value.size(), settings.string_max);
    }
    settings.string_max = std::min(settings.string_max, kStringMax);
    return settings;
}

}  // namespace portico::strace
