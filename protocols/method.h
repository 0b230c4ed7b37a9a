#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "abi/message.h"

/// A protocol is a list of methods; a method is a struct with its request fields, a Reply and a Method description.
/// Ordinals are unique over all protocols, so a server may serve several on one port.
///
/// Request and reply travel in the five words, field by field as laid out. If one carries handles it says
/// `static constexpr unsigned kHandles = N`, is exactly five words long and has its N Handle fields last.
/// Handles in requests are duplicated (the caller keeps its own), handles in replies are moved.
/// Longer data (paths, file contents) goes through the call's windows: the doc says which.
namespace portico::protocols {

using abi::Handle;

/// May a client send the request again to a restarted server?
enum class Repeat : uint8_t { No, Yes };

struct Method {
    uint16_t ordinal;
    std::string_view name;
    std::string_view summary;
    Repeat repeat = Repeat::No;
};

struct Empty {};

template <class T>
constexpr unsigned handle_count() {
    if constexpr (requires { T::kHandles; })
        return T::kHandles;
    else
        return 0;
}

template <class T>
constexpr void check_layout() {
    static_assert(std::is_trivially_copyable_v<T>);
    static_assert(sizeof(T) <= 8 * abi::kMessageWords, "a message carries five words");
    static_assert(handle_count<T>() == 0 || sizeof(T) == 8 * abi::kMessageWords, "handles ride in the last words");
}

template <class T>
void pack(abi::Message& message, const T& value) {
    check_layout<T>();
    if constexpr (!std::is_empty_v<T>) std::memcpy(message.word, &value, sizeof(T));
}

template <class T>
T unpack(const abi::Message& message) {
    check_layout<T>();
    T value{};
    if constexpr (!std::is_empty_v<T>) std::memcpy(&value, message.word, sizeof(T));
    return value;
}

template <class... Methods>
struct MethodList {
    static constexpr std::array<Method, sizeof...(Methods)> kMethods{Methods::method...};
    static constexpr bool ordinals_differ() {
        for (size_t i = 0; i < kMethods.size(); ++i)
            for (size_t j = 0; j < i; ++j)
                if (kMethods[i].ordinal == kMethods[j].ordinal) return false;
        return true;
    }
    static_assert(ordinals_differ());
};

}  // namespace portico::protocols
