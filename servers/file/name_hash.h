#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace portico::file_server {

/// Hashes names and paths by whole words: a few multiplications, of which each mixes all bits of two words. What it starts from differs
/// from boot to boot, so that nobody can choose names that all fall into one place.
struct NameHash {
    using is_transparent = void;

    size_t operator()(std::string_view name) const {
        const char* at = name.data();
        size_t left = name.size();
        uint64_t hash = start() ^ left;
        for (; left > 16; left -= 16, at += 16) hash = mixed(word(at) ^ hash, word(at + 8) ^ kOdd);
        uint64_t first = 0, last = 0;
        if (left >= 8) {
            first = word(at);
            last = word(at + left - 8);
        } else if (left >= 4) {
            first = half(at);
            last = half(at + left - 4);
        } else if (left > 0) {
            const auto byte = [&](size_t index) { return uint64_t{static_cast<uint8_t>(at[index])}; };
            first = byte(0) | byte(left / 2) << 8 | byte(left - 1) << 16;
        }
        return mixed(first ^ hash, last ^ kOdd);
    }

private:
    static constexpr uint64_t kOdd = 0x9E37'79B9'7F4A'7C15;

    static uint64_t word(const char* at) {
        uint64_t value;
        std::memcpy(&value, at, sizeof(value));
        return value;
    }
    static uint64_t half(const char* at) {
        uint32_t value;
        std::memcpy(&value, at, sizeof(value));
        return value;
    }
    static uint64_t mixed(uint64_t a, uint64_t b) {
        const auto product = static_cast<unsigned __int128>(a) * b;
        return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
    }
    static uint64_t start();  // name_hash.cpp
};

}  // namespace portico::file_server
