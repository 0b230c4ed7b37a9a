#include "kernel/debug/log.h"

#include "kernel/arch/arch.h"

namespace portico::kernel {
namespace {

struct Output {
    char* buffer;
    size_t size_bytes;
    size_t used = 0;
    void put(char c) {
        if (used + 1 < size_bytes) buffer[used++] = c;
    }
};

void put_number(Output& out, uint64_t value, unsigned base, bool negative, unsigned width, char pad) {
    char digits[24];
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    if (negative && pad == '0') out.put('-');
    for (unsigned i = count + (negative ? 1 : 0); i < width; ++i) out.put(pad);
    if (negative && pad != '0') out.put('-');
    while (count > 0) out.put(digits[--count]);
}

void put_text(Output& out, std::string_view text, unsigned width) {
    for (char c : text) out.put(c);
    for (size_t i = text.size(); i < width; ++i) out.put(' ');
}

}  // namespace

size_t format_text(char* buffer, size_t size_bytes, const char* format, va_list arguments) {
    Output out{buffer, size_bytes};
    for (const char* p = format; *p != '\0'; ++p) {
        if (*p != '%') {
            out.put(*p);
            continue;
        }
        ++p;
        const char pad = *p == '0' ? '0' : ' ';
        unsigned width = 0;
        while (*p >= '0' && *p <= '9') width = width * 10 + static_cast<unsigned>(*p++ - '0');
        int precision = -1;
        if (p[0] == '.' && p[1] == '*') {
            precision = va_arg(arguments, int);
            p += 2;
        }
        unsigned longs = 0;
        while (*p == 'l' || *p == 'z') longs += *p++ == 'z' ? 2 : 1;
        switch (*p) {
        case 'd': {
            const int64_t value = longs > 0 ? va_arg(arguments, long) : va_arg(arguments, int);
            put_number(out, value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value), 10, value < 0, width, pad);
            break;
        }
        case 'u':
            put_number(out, longs > 0 ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned), 10, false, width, pad);
            break;
        case 'x':
            put_number(out, longs > 0 ? va_arg(arguments, unsigned long) : va_arg(arguments, unsigned), 16, false, width, pad);
            break;
        case 'p':
            put_number(out, reinterpret_cast<uint64_t>(va_arg(arguments, void*)), 16, false, 16, '0');
            break;
        case 'c':
            out.put(static_cast<char>(va_arg(arguments, int)));
            break;
        case 's': {
            const char* text = va_arg(arguments, const char*);
            size_t length = 0;
            while ((precision < 0 || length < static_cast<size_t>(precision)) && text[length] != '\0') ++length;
            put_text(out, {text, length}, width);
            break;
        }
        case '\0':
            --p;
            break;
        default:
            out.put(*p);
        }
    }
    if (size_bytes > 0) buffer[out.used] = '\0';
    return out.used;
}

void log(const char* format, ...) {
    char line[256];
    va_list arguments;
    va_start(arguments, format);
    size_t length = format_text(line, sizeof(line) - 1, format, arguments);
    va_end(arguments);
    line[length++] = '\n';
    arch::debug_write({line, length});
}

void log_bytes(std::string_view bytes) {
    arch::debug_write(bytes);
}

}  // namespace portico::kernel
