#pragma once

#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "abi/boot_block.h"

namespace portico::posix {

/// Reads a boot block without trusting its offsets: what they do not reach inside the block reads as empty.
class BootBlockReader {
public:
    /// Nothing if these bytes are no boot block.
    static std::optional<BootBlockReader> open(std::span<const std::byte> bytes) {
        abi::BootBlock block;
        if (bytes.size() < sizeof(block)) return std::nullopt;
        std::memcpy(&block, bytes.data(), sizeof(block));
        if (block.magic != abi::BootBlock::kMagic || block.block_bytes < sizeof(block) || block.block_bytes > bytes.size())
            return std::nullopt;
        return BootBlockReader(bytes.first(block.block_bytes), block);
    }

    const abi::BootBlock& block() const { return block_; }
    std::string_view path() const { return string_at(block_.program_path); }

    /// The strings one behind the other, each with its zero; empty if they run over the block's end.
    std::string_view arguments() const { return strings(block_.arguments, block_.argument_count); }
    std::string_view environment() const { return strings(block_.environment, block_.environment_count); }

    abi::Grant grant(uint32_t index) const { return record<abi::Grant>(block_.grants, block_.grant_count, index); }
    abi::BootDescriptor descriptor(uint32_t index) const {
        return record<abi::BootDescriptor>(block_.descriptors, block_.descriptor_count, index);
    }

    /// The handle granted by that name, or none.
    abi::Handle grant(std::string_view name) const {
        for (uint32_t i = 0; i < block_.grant_count; ++i) {
            const abi::Grant candidate = grant(i);
            if (named(candidate) == name) return candidate.handle;
        }
        return {};
    }

private:
    BootBlockReader(std::span<const std::byte> bytes, const abi::BootBlock& block) : bytes_(bytes), block_(block) {}

    static std::string_view named(const abi::Grant& grant) {
        const std::string_view padded(grant.name, sizeof(grant.name));
        return padded.substr(0, padded.find('\0'));
    }
    std::string_view rest(uint32_t offset) const {
        if (offset < sizeof(abi::BootBlock) || offset >= bytes_.size()) return {};
        return {reinterpret_cast<const char*>(bytes_.data()) + offset, bytes_.size() - offset};
    }
    std::string_view string_at(uint32_t offset) const {
        const std::string_view tail = rest(offset);
        const size_t zero = tail.find('\0');
        return zero == std::string_view::npos ? std::string_view{} : tail.substr(0, zero);
    }
    std::string_view strings(uint32_t offset, uint32_t count) const {
        const std::string_view tail = rest(offset);
        size_t end = 0;
        for (uint32_t i = 0; i < count; ++i) {
            const size_t zero = tail.find('\0', end);
            if (zero == std::string_view::npos) return {};
            end = zero + 1;
        }
        return tail.substr(0, end);
    }
    template <class T>
    T record(uint32_t offset, uint32_t count, uint32_t index) const {
        T value{};
        const uint64_t at = offset + uint64_t{index} * sizeof(T);
        if (index < count && at + sizeof(T) <= bytes_.size()) std::memcpy(&value, bytes_.data() + at, sizeof(T));
        return value;
    }

    std::span<const std::byte> bytes_;
    abi::BootBlock block_;
};

}  // namespace portico::posix
