#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace portico::protocols::file {

/// A path of at most N bytes, which saves a window. None: the path is in the readable window.
template <size_t N>
struct ShortPath {
    static constexpr size_t kBytesMax = N;
    uint8_t length_bytes = 0;
    char text[N] = {};

    bool holds(std::string_view path) {
        if (path.size() > N) return false;
        length_bytes = static_cast<uint8_t>(path.size());
        std::memcpy(text, path.data(), path.size());
        return true;
    }
    std::string_view view() const { return {text, length_bytes < N ? length_bytes : N}; }
};

}  // namespace portico::protocols::file
