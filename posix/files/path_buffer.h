#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "protocols/file.h"

namespace portico::posix {

/// A path as a call works on it: bounded, copied once from the program, which may change its own memory meanwhile.
class PathBuffer {
public:
    static constexpr uint32_t kBytesMax = protocols::file::kPathBytesMax;

    std::string_view text() const { return {bytes_, length_bytes_}; }
    bool empty() const { return length_bytes_ == 0; }
    bool absolute() const { return length_bytes_ != 0 && bytes_[0] == '/'; }
    char* storage() { return bytes_; }  ///< kBytesMax + 1 bytes, to copy into
    void set_length(uint32_t length_bytes) { length_bytes_ = length_bytes; }

    /// Puts `head` in place of the first `count` bytes; false, and nothing changed, if the result would be too long.
    bool replace_head(uint32_t count, std::string_view head) {
        const uint64_t rest_bytes = length_bytes_ - count;
        if (head.size() + rest_bytes > kBytesMax) return false;
        std::memmove(bytes_ + head.size(), bytes_ + count, rest_bytes);
        std::memcpy(bytes_, head.data(), head.size());
        length_bytes_ = static_cast<uint32_t>(head.size() + rest_bytes);
        return true;
    }

private:
    uint32_t length_bytes_ = 0;
    char bytes_[kBytesMax + 1];  // not cleared: only length_bytes_ of it mean anything
};

}  // namespace portico::posix
