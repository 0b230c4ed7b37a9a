#pragma once

#include <cstring>
#include <string_view>

#include "servers/strace/caller_memory.h"

namespace portico::strace {

/// A piece of memory at kBase, with nothing before and behind it.
class TestMemory final : public CallerMemory {
public:
    static constexpr uint64_t kBase = 0x10000;

    size_t read(uint64_t address, std::span<std::byte> to) const override {
        if (address < kBase || address >= kBase + bytes_.size()) return 0;
        const size_t length = std::min<size_t>(to.size(), kBase + bytes_.size() - address);
        std::memcpy(to.data(), bytes_.data() + (address - kBase), length);
        return length;
    }

    /// Both return the address.
    uint64_t put(std::string_view text) { return add(std::string(text) + '\0'); }
    template <class T>
        requires(!std::convertible_to<T, std::string_view>)
    uint64_t put(const T& value) {
        return add({reinterpret_cast<const char*>(&value), sizeof value});
    }

private:
    uint64_t add(const std::string& bytes) {
        const uint64_t address = kBase + bytes_.size();
        bytes_ += bytes;
        return address;
    }
    std::string bytes_;
};

}  // namespace portico::strace
