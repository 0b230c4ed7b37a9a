#include "posix/memory_functions.h"

#include <cstdint>

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t length) noexcept {
    void* destination = to;
    asm volatile("rep movsb" : "+D"(destination), "+S"(from), "+c"(length) : : "memory");
    return to;
}

void* memmove(void* to, const void* from, size_t length) noexcept {
    if (reinterpret_cast<uintptr_t>(to) - reinterpret_cast<uintptr_t>(from) >= length) return memcpy(to, from, length);
    char* last_to = static_cast<char*>(to) + length - 1;
    const char* last_from = static_cast<const char*>(from) + length - 1;
    asm volatile("std\n rep movsb\n cld" : "+D"(last_to), "+S"(last_from), "+c"(length) : : "memory");
    return to;
}

void* memset(void* to, int value, size_t length) noexcept {
    void* destination = to;
    asm volatile("rep stosb" : "+D"(destination), "+c"(length) : "a"(value) : "memory");
    return to;
}

int memcmp(const void* a, const void* b, size_t length) noexcept {
    const auto* left = static_cast<const unsigned char*>(a);
    const auto* right = static_cast<const unsigned char*>(b);
    for (size_t i = 0; i < length; ++i)
        if (left[i] != right[i]) return left[i] < right[i] ? -1 : 1;
    return 0;
}

/// Not in the header: C and C++ libraries declare it with different types.
void* memchr(const void* in, int value, size_t length) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(in);
    for (size_t i = 0; i < length; ++i)
        if (bytes[i] == static_cast<unsigned char>(value)) return const_cast<unsigned char*>(bytes + i);
    return nullptr;
}

size_t strlen(const char* string) noexcept {
    size_t length = 0;
    while (string[length] != '\0') {
        ++length;
        asm volatile("");  // or the compiler makes a call of strlen of this
    }
    return length;
}

}  // extern "C"
