#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "abi/boot_block.h"

namespace portico::posix {

/// Builds a boot block (abi/boot_block.h) in a buffer of the caller's, which must be zeroed. Usable with and without a libc.
///
///     BootBlockBuilder builder(buffer, grants_max, descriptors_max);
///     builder.set_path("/bin/sh"); builder.add_argument("sh"); builder.add_environment("HOME=/root");
///     builder.add_grant("archive", handle); builder.add_descriptor({.number = 0, …});
///     builder.block().process_server = …;
///     if (!builder.finish()) …too large…          then the first builder.block().block_bytes bytes of `buffer` are the block
///
/// Order: all arguments before the environment; grants and descriptors at any time, as many as the
/// constructor set room aside for. A call that does not fit makes finish() answer false.
class BootBlockBuilder {
public:
    /// The records come before the strings, so room for them is set aside first.
    BootBlockBuilder(std::span<std::byte> buffer, uint32_t grants_max, uint32_t descriptors_max)
        : buffer_(buffer), grants_max_(grants_max), descriptors_max_(descriptors_max) {
        const uint64_t strings =
            sizeof(abi::BootBlock) + uint64_t{grants_max} * sizeof(abi::Grant) + uint64_t{descriptors_max} * sizeof(abi::BootDescriptor);
        if (strings > buffer.size() || buffer.size() > abi::kBootBlockBytesMax) {
            fits_ = false;
            return;
        }
        block_.grants = sizeof(abi::BootBlock);
        block_.descriptors = static_cast<uint32_t>(sizeof(abi::BootBlock) + grants_max * sizeof(abi::Grant));
        position_ = static_cast<uint32_t>(strings);
    }

    abi::BootBlock& block() { return block_; }  ///< for the plain fields

    void set_path(std::string_view path) { block_.program_path = add_string(path); }

    void add_argument(std::string_view text) { count(block_.arguments, block_.argument_count, add_string(text)); }
    void add_environment(std::string_view text) { count(block_.environment, block_.environment_count, add_string(text)); }

    /// Room for a string of `length` bytes and its zero, to be filled by the caller (who knows its bytes only later).
    std::span<char> reserve_argument(size_t length) { return reserve(block_.arguments, block_.argument_count, length); }
    std::span<char> reserve_environment(size_t length) { return reserve(block_.environment, block_.environment_count, length); }

    void add_grant(std::string_view name, abi::Handle handle) {
        abi::Grant grant{};
        if (!fits_ || block_.grant_count == grants_max_ || name.size() >= sizeof(grant.name)) {
            fits_ = false;
            return;
        }
        if (!name.empty()) std::memcpy(grant.name, name.data(), name.size());
        grant.handle = handle;
        std::memcpy(buffer_.data() + block_.grants + block_.grant_count++ * sizeof(grant), &grant, sizeof(grant));
    }

    void add_descriptor(const abi::BootDescriptor& descriptor) {
        if (!fits_ || block_.descriptor_count == descriptors_max_) {
            fits_ = false;
            return;
        }
        std::memcpy(buffer_.data() + block_.descriptors + block_.descriptor_count++ * sizeof(descriptor), &descriptor, sizeof(descriptor));
    }

    bool fits() const { return fits_; }

    /// Writes the head. False if anything did not fit.
    [[nodiscard]] bool finish() {
        const uint64_t block_bytes = (uint64_t{position_} + abi::kPageBytes - 1) & ~(abi::kPageBytes - 1);
        if (!fits_ || block_bytes > buffer_.size()) return false;
        block_.block_bytes = block_bytes;
        std::memcpy(buffer_.data(), &block_, sizeof(block_));
        return true;
    }

private:
    uint32_t add_string(std::string_view text) {
        const std::span<char> room = reserve_string(text.size());
        if (room.empty()) return 0;
        if (!text.empty()) std::memcpy(room.data(), text.data(), text.size());
        room[text.size()] = '\0';
        return static_cast<uint32_t>(reinterpret_cast<std::byte*>(room.data()) - buffer_.data());
    }

    std::span<char> reserve_string(size_t length) {
        if (!fits_ || length >= buffer_.size() - position_) {
            fits_ = false;
            return {};
        }
        const std::span<char> room(reinterpret_cast<char*>(buffer_.data()) + position_, length + 1);
        position_ += static_cast<uint32_t>(length + 1);
        return room;
    }

    std::span<char> reserve(uint32_t& first, uint32_t& number, size_t length) {
        const uint32_t offset = position_;
        const std::span<char> room = reserve_string(length);
        if (!room.empty()) count(first, number, offset);
        return room;
    }

    void count(uint32_t& first, uint32_t& number, uint32_t offset) {
        if (number++ == 0) first = offset;
    }

    std::span<std::byte> buffer_;
    uint32_t grants_max_, descriptors_max_;
    abi::BootBlock block_{};
    uint32_t position_ = 0;
    bool fits_ = true;
};

}  // namespace portico::posix
