#pragma once

#include <cstdio>
#include <string>
#include <string_view>

namespace portico::init {

/// One line in the kernel log.
inline void log(std::string_view text) {
    std::fprintf(stderr, "init: %.*s\n", static_cast<int>(text.size()), text.data());
}

inline std::string hexadecimal(uint64_t value) {
    char text[19];
    std::snprintf(text, sizeof text, "%#lx", value);
    return text;
}

}  // namespace portico::init
