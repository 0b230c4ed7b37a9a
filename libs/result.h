#pragma once

#include <expected>

#include "abi/errors.h"

namespace portico {

using abi::Error;

/// A value or the reason there is none. Never call value(): it would link abort.
template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(Error error) {
    return std::unexpected<Error>(error);
}

}  // namespace portico

/// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define TRY(expression)                                                   \
    __extension__({                                                       \
        auto&& try_result = (expression);                                 \
        if (!try_result) [[unlikely]]                                     \
            return std::unexpected<::portico::Error>(try_result.error()); \
        *std::move(try_result);                                           \
    })
