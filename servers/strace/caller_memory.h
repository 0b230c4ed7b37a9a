#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace portico::strace {

/// The memory of a process while one of its threads waits for us. Whatever it holds, reading it harms nobody.
class CallerMemory {
public:
    virtual ~CallerMemory() = default;

    /// Reads from the start as many bytes as there are, at most `to.size()`; tells how many.
    virtual size_t read(uint64_t address, std::span<std::byte> to) const = 0;

    template <class T>
    std::optional<T> value(uint64_t address) const {
        T result;
        if (read(address, std::as_writable_bytes(std::span(&result, 1))) != sizeof(T)) return std::nullopt;
        return result;
    }

    /// All of `count` values, or none.
    template <class T>
    std::optional<std::vector<T>> values(uint64_t address, size_t count) const {
        std::vector<T> result(count);
        if (read(address, std::as_writable_bytes(std::span(result))) != count * sizeof(T)) return std::nullopt;
        return result;
    }

    std::optional<std::string> bytes(uint64_t address, size_t count) const {
        std::string result(count, '\0');
        if (read(address, std::as_writable_bytes(std::span(result))) != count) return std::nullopt;
        return result;
    }

    struct Text {
        std::string text;
        bool ended;  ///< it has its zero, which is not in `text`
    };
    /// A zero-terminated string, or its first `bytes_max` bytes. Nothing if memory ends before that.
    std::optional<Text> text(uint64_t address, size_t bytes_max) const {
        std::string found(bytes_max + 1, '\0');
        const size_t length = read(address, std::as_writable_bytes(std::span(found)));
        const size_t zero = std::min(found.find('\0'), length);
        if (zero < length) return Text{found.substr(0, zero), true};
        if (length <= bytes_max) return std::nullopt;
        return Text{found.substr(0, bytes_max), false};
    }
};

}  // namespace portico::strace
