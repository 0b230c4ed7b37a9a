#pragma once

#include <concepts>
#include <cstring>
#include <span>
#include <string_view>

#include "servers/ninep/format.h"

namespace portico::ninep {

/// Builds one message in a buffer. What does not fit makes it fail as a whole.
class MessageWriter {
public:
    MessageWriter(std::span<std::byte> buffer, Request type, uint16_t tag) : buffer_(buffer) {
        put(uint32_t{0}).put(static_cast<uint8_t>(type)).put(tag);
    }

    template <std::unsigned_integral T>
    MessageWriter& put(T value) {
        if (std::byte* const at = take(sizeof value)) std::memcpy(at, &value, sizeof value);
        return *this;
    }
    MessageWriter& put(std::string_view text) {
        failed_ = failed_ || text.size() > 0xFFFF;
        put(static_cast<uint16_t>(text.size()));
        return put(std::as_bytes(std::span(text)));
    }
    MessageWriter& put(std::span<const std::byte> bytes) {
        if (std::byte* const at = take(bytes.size()); at != nullptr && !bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
        return *this;
    }
    MessageWriter& put(const Time& time) { return put(time.seconds).put(time.nanoseconds); }

    /// How long the message is; 0 if it did not fit.
    size_t finish() {
        const auto bytes = static_cast<uint32_t>(done_);
        if (failed_) return 0;
        std::memcpy(buffer_.data(), &bytes, sizeof bytes);
        return done_;
    }

private:
    std::byte* take(size_t bytes) {
        failed_ = failed_ || bytes > buffer_.size() - done_;
        if (failed_) return nullptr;
        done_ += bytes;
        return buffer_.data() + done_ - bytes;
    }

    std::span<std::byte> buffer_;
    size_t done_ = 0;
    bool failed_ = false;
};

/// Takes a message apart that anybody may have written: behind its end there are zeros and empty strings, and failed() says so.
class MessageReader {
public:
    explicit MessageReader(std::span<const std::byte> bytes) : rest_(bytes) {}

    template <std::unsigned_integral T>
    T get() {
        T value{};
        const std::span<const std::byte> bytes = take(sizeof value);
        if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    /// Points into the message.
    std::string_view text() {
        const std::span<const std::byte> bytes = take(get<uint16_t>());
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    Qid qid() {
        Qid found;
        found.type = get<uint8_t>();
        found.version = get<uint32_t>();
        found.path = get<uint64_t>();
        return found;
    }
    Time time() {
        Time found;
        found.seconds = get<uint64_t>();
        found.nanoseconds = get<uint64_t>();
        return found;
    }
    std::span<const std::byte> take(size_t bytes) {
        if (bytes > rest_.size()) failed_ = true;
        if (failed_) return {};
        const std::span<const std::byte> taken = rest_.first(bytes);
        rest_ = rest_.subspan(bytes);
        return taken;
    }

    size_t left() const { return failed_ ? 0 : rest_.size(); }
    bool failed() const { return failed_; }

private:
    std::span<const std::byte> rest_;
    bool failed_ = false;
};

}  // namespace portico::ninep
