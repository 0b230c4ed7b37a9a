#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

/// The stack a Linux program starts with: argument count, argv, envp, auxiliary vector, and the strings above them.
namespace portico::posix {

/// Keys of the auxiliary vector.
enum class Auxiliary : uint64_t {
    End = 0,
    ProgramHeaders = 3,
    ProgramHeaderBytes = 4,
    ProgramHeaderCount = 5,
    PageBytes = 6,
    InterpreterBase = 7,
    Flags = 8,
    Entry = 9,
    Uid = 11,
    EffectiveUid = 12,
    Gid = 13,
    EffectiveGid = 14,
    Platform = 15,
    HardwareCapabilities = 16,
    ClockTicks = 17,
    Secure = 23,
    Random = 25,
    HardwareCapabilities2 = 26,
    ExecutablePath = 31,
    SignalStackMin = 51,
};

struct AuxiliaryEntry {
    Auxiliary key;
    uint64_t value;
};

struct ProgramStackPlan {
    std::string_view arguments;  ///< argument_count strings, each with its zero
    uint32_t argument_count = 0;
    std::string_view environment;  ///< likewise
    uint32_t environment_count = 0;
    std::string_view executable;  ///< without zero
    std::span<const uint8_t, 16> random;
    std::span<const AuxiliaryEntry> auxiliary;  ///< without those that point into the stack
};

/// Writes into `memory`, which the program will see at `address`, from its end down. Returns the stack pointer, 16-aligned, or
/// nothing if it does not fit or the strings are fewer than said.
inline std::optional<uint64_t> build_program_stack(std::span<std::byte> memory, uint64_t address, const ProgramStackPlan& plan) {
    uint64_t top = memory.size();
    const auto take = [&](uint64_t length_bytes, uint64_t alignment) {
        if (length_bytes > top) return false;
        top = (top - length_bytes) & ~(alignment - 1);
        return true;
    };
    const auto put = [&](std::string_view text, bool with_zero) -> std::optional<uint64_t> {
        if (!take(text.size() + (with_zero ? 1 : 0), 1)) return std::nullopt;
        if (!text.empty()) std::memcpy(memory.data() + top, text.data(), text.size());
        if (with_zero) memory[top + text.size()] = std::byte{0};
        return address + top;
    };
    constexpr std::string_view kPlatform = "x86_64";
    const auto executable = put(plan.executable, true);
    const auto environment = put(plan.environment, false);
    const auto arguments = put(plan.arguments, false);
    const auto platform = put(kPlatform, true);
    if (!executable || !environment || !arguments || !platform || !take(16, 16)) return std::nullopt;
    std::memcpy(memory.data() + top, plan.random.data(), 16);
    const uint64_t random = address + top;

    constexpr uint64_t kStackPointers = 4;  // Random, Platform, ExecutablePath, End
    const uint64_t words = 1 + plan.argument_count + 1 + plan.environment_count + 1 + 2 * (plan.auxiliary.size() + kStackPointers);
    if (!take(words * sizeof(uint64_t), 16)) return std::nullopt;
    const uint64_t stack_pointer = address + top;
    uint64_t at = top;
    const auto word = [&](uint64_t value) {
        std::memcpy(memory.data() + at, &value, sizeof(value));
        at += sizeof(value);
    };
    const auto pointers = [&](std::string_view strings, uint64_t first, uint32_t count) {
        for (uint32_t i = 0, position = 0; i < count; ++i) {
            if (position >= strings.size()) return false;
            const size_t zero = strings.find('\0', position);
            if (zero == std::string_view::npos) return false;
            word(first + position);
            position = static_cast<uint32_t>(zero + 1);
        }
        word(0);
        return true;
    };
    const auto pair = [&](Auxiliary key, uint64_t value) {
        word(static_cast<uint64_t>(key));
        word(value);
    };
    word(plan.argument_count);
    if (!pointers(plan.arguments, *arguments, plan.argument_count) || !pointers(plan.environment, *environment, plan.environment_count))
        return std::nullopt;
    for (const AuxiliaryEntry& entry : plan.auxiliary) pair(entry.key, entry.value);
    pair(Auxiliary::Random, random);
    pair(Auxiliary::Platform, *platform);
    pair(Auxiliary::ExecutablePath, *executable);
    pair(Auxiliary::End, 0);
    return stack_pointer;
}

}  // namespace portico::posix
