#pragma once

#include <cstdint>

namespace portico::posix {

/// Writes digits without a zero at the end; returns how many, at most 20.
inline uint32_t write_decimal(char* to, uint64_t value) {
    char reversed[20];
    uint32_t count = 0;
    do reversed[count++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    for (uint32_t i = 0; i < count; ++i) to[i] = reversed[count - 1 - i];
    return count;
}

}  // namespace portico::posix
