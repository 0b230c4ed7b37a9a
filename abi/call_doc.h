#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "abi/errors.h"

namespace portico::abi {

/// Native calls and Linux calls use the same instruction. Linux numbers are below kNativeBase.
inline constexpr uint64_t kNativeBase = 0x8000;
inline constexpr unsigned kArgumentsMax = 6;

struct ArgumentDoc {
    std::string_view name;
    std::string_view meaning;
};

/// Everything said about one system call. `errors` ends at the first None.
struct CallDoc {
    unsigned number;
    std::string_view name;
    std::string_view summary;
    std::array<ArgumentDoc, kArgumentsMax> arguments{};
    std::array<Error, 12> errors{};
};

/// Registers of an ordinary call. in: rax kNativeBase + number, rdi rsi rdx r10 r8 r9 the fields of the call in order;
/// out: rax Error, the fields of Reply in the same registers; rcx and r11 are lost, the rest is kept.
using Arguments = std::array<uint64_t, kArgumentsMax>;

struct NoReply {};
/// Reply of calls that use MessageRegisters (abi/message.h) instead of Arguments; their struct has no fields.
struct MessageReply {};

template <class T>
inline constexpr bool kUsesMessageRegisters = std::is_same_v<typename T::Reply, MessageReply>;

template <class T>
constexpr Arguments to_arguments(const T& value) {
    Arguments result{};
    if constexpr (!std::is_empty_v<T>) {
        static_assert(sizeof(T) % 8 == 0 && sizeof(T) <= sizeof(Arguments), "every field is one register, at most six");
        const auto words = std::bit_cast<std::array<uint64_t, sizeof(T) / 8>>(value);
        for (size_t i = 0; i < words.size(); ++i) result[i] = words[i];
    }
    return result;
}

template <class T>
constexpr T from_arguments(const Arguments& arguments) {
    if constexpr (std::is_empty_v<T>) {
        return T{};
    } else {
        std::array<uint64_t, sizeof(T) / 8> words{};
        for (size_t i = 0; i < words.size(); ++i) words[i] = arguments[i];
        return std::bit_cast<T>(words);
    }
}

template <class... Calls>
struct CallList {
    static constexpr size_t kCount = sizeof...(Calls);
    static constexpr std::array<CallDoc, kCount> kDocs{Calls::doc...};
    static constexpr bool numbers_are_positions() {
        for (size_t i = 0; i < kCount; ++i)
            if (kDocs[i].number != i) return false;
        return true;
    }
    static_assert(numbers_are_positions(), "system calls are listed in the order of their numbers, without gaps");
};

}  // namespace portico::abi
