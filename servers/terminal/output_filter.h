#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "servers/terminal/termios.h"

namespace portico::terminal {

/// What c_oflag does to bytes on their way out, for writes and echo alike, and the cursor's column that results.
///
/// Ownership: values only; the settings are borrowed and may change between calls. Locks: none.
/// Bound: at most eight bytes come out for one that goes in (an expanded tab).
class OutputFilter {
public:
    explicit OutputFilter(const Termios& settings) : settings_(settings) {}

    /// Appends what `byte` becomes to `out`.
    void put(uint8_t byte, std::string& out);
    void put(std::string_view bytes, std::string& out) {
        for (const char c : bytes) put(static_cast<uint8_t>(c), out);
    }
    /// Appends a printable byte as it is.
    void put_raw(uint8_t byte, std::string& out) {
        out.push_back(static_cast<char>(byte));
        ++column_;
    }

    unsigned column() const { return column_; }

private:
    void advance(uint8_t byte);

    const Termios& settings_;
    unsigned column_ = 0;
};

inline bool is_control(uint8_t byte) {
    return byte < 0x20 || byte == 0x7F;
}
inline bool is_utf8_continuation(uint8_t byte) {
    return (byte & 0xC0) == 0x80;
}

}  // namespace portico::terminal
