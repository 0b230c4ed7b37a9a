#pragma once

#include <cstdarg>
#include <cstddef>
#include <string_view>

namespace portico::kernel {

/// One line for the kernel log (a newline is added). printf's %s %d %u %x %c %p with l, ll, z, width and 0; %.*s.
void log(const char* format, ...) __attribute__((format(printf, 1, 2)));

/// The formatter behind log: writes at most `size_bytes` - 1 characters and a zero, returns how many it wrote.
size_t format_text(char* buffer, size_t size_bytes, const char* format, va_list arguments);

/// Bytes that a program appends to the log, under its name; joined until a newline.
void log_bytes(std::string_view bytes);

/// The symbol table for backtraces: lines "ADDRESS NAME" sorted by address, kept by reference.
void set_symbols(std::string_view table);
struct Symbol {
    std::string_view name;
    uint64_t offset = 0;
};
/// The function that contains an address; an empty name if unknown.
Symbol find_symbol(uint64_t address);

}  // namespace portico::kernel

/// What only a bug of ours can break; on in release too.
#define ASSERT(condition)                                                             \
    do {                                                                              \
        if (!(condition)) [[unlikely]]                                                \
            ::portico::kernel::assertion_failed(#condition, __FILE_NAME__, __LINE__); \
    } while (false)

namespace portico::kernel {
[[noreturn]] void assertion_failed(const char* condition, const char* file, unsigned line);
}
