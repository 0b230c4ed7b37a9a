#pragma once

#include <cstddef>

/// The C functions that the compiler calls by itself and library headers expect, without vector registers.
extern "C" {
void* memcpy(void* __restrict to, const void* __restrict from, size_t length) noexcept;
void* memmove(void* to, const void* from, size_t length) noexcept;
void* memset(void* to, int value, size_t length) noexcept;
int memcmp(const void* a, const void* b, size_t length) noexcept;
size_t strlen(const char* string) noexcept;
}
