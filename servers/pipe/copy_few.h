#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace portico::pipe_server {

/// Copies up to 32 bytes with few instructions.
inline void copy_few(std::byte* to, std::span<const std::byte> from) {
    const size_t bytes = from.size();
    const auto both_ends = [&]<size_t kPart>(std::integral_constant<size_t, kPart>) {
        std::byte first[kPart], last[kPart];
        std::memcpy(first, from.data(), kPart);
        std::memcpy(last, from.data() + bytes - kPart, kPart);
        std::memcpy(to, first, kPart);
        std::memcpy(to + bytes - kPart, last, kPart);
    };
    if (bytes >= 16)
        both_ends(std::integral_constant<size_t, 16>{});
    else if (bytes >= 8)
        both_ends(std::integral_constant<size_t, 8>{});
    else if (bytes >= 4)
        both_ends(std::integral_constant<size_t, 4>{});
    else
        for (size_t i = 0; i < bytes; ++i) to[i] = from[i];
}

}  // namespace portico::pipe_server
