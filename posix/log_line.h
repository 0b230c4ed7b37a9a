#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/native.h"

namespace portico::posix {

/// One line for the kernel log, built in place and written when it goes. Bound: 240 bytes, the rest is cut.
class LogLine {
public:
    LogLine() = default;
    LogLine(const LogLine&) = delete;
    LogLine& operator=(const LogLine&) = delete;
    ~LogLine() {
        text_[length_++] = '\n';
        native::log(text_, length_);
    }

    LogLine& operator<<(std::string_view text) {
        for (const char c : text) put(c);
        return *this;
    }
    LogLine& operator<<(const char* text) { return *this << std::string_view(text); }
    LogLine& operator<<(int64_t value) {
        if (value < 0) put('-');
        return number(value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value), 10);
    }
    LogLine& operator<<(int value) { return *this << static_cast<int64_t>(value); }
    LogLine& hex(uint64_t value) {
        *this << "0x";
        return number(value, 16);
    }

private:
    static constexpr size_t kBytesMax = 240;

    void put(char c) {
        if (length_ < kBytesMax) text_[length_++] = c;
    }
    LogLine& number(uint64_t value, unsigned base) {
        char digits[20];
        unsigned count = 0;
        do {
            digits[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count > 0) put(digits[--count]);
        return *this;
    }

    char text_[kBytesMax + 1];
    size_t length_ = 0;
};

}  // namespace portico::posix
