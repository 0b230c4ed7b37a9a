#include <cstddef>
#include <cstdint>

/// What the compiler calls by name. Short lengths by plain loops, since a repeated instruction takes long to start.
namespace {

constexpr size_t kShort = 32;

struct __attribute__((packed, may_alias)) Word {
    uint64_t value;
};

}  // namespace

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t length) {
    auto* target = static_cast<uint8_t*>(to);
    auto* source = static_cast<const uint8_t*>(from);
    if (length >= kShort) {
        size_t words = length / 8;
        asm volatile("rep movsq" : "+D"(target), "+S"(source), "+c"(words)::"memory");
    } else {
        for (size_t words = length / 8; words > 0; --words, target += 8, source += 8)
            reinterpret_cast<Word*>(target)->value = reinterpret_cast<const Word*>(source)->value;
    }
    for (size_t rest = length & 7; rest > 0; --rest) *target++ = *source++;
    return to;
}

void* memmove(void* to, const void* from, size_t length) {
    auto* target = static_cast<uint8_t*>(to);
    auto* source = static_cast<const uint8_t*>(from);
    if (reinterpret_cast<uintptr_t>(target) - reinterpret_cast<uintptr_t>(source) >= length) return memcpy(to, from, length);
    target += length;
    source += length;
    for (size_t words = length / 8; words > 0; --words) {
        target -= 8;
        source -= 8;
        reinterpret_cast<Word*>(target)->value = reinterpret_cast<const Word*>(source)->value;
    }
    for (size_t rest = length & 7; rest > 0; --rest) *--target = *--source;
    return to;
}

void* memset(void* to, int value, size_t length) {
    auto* target = static_cast<uint8_t*>(to);
    const uint64_t pattern = static_cast<uint8_t>(value) * 0x0101'0101'0101'0101;
    if (length >= kShort) {
        size_t words = length / 8;
        asm volatile("rep stosq" : "+D"(target), "+c"(words) : "a"(pattern) : "memory");
    } else {
        for (size_t words = length / 8; words > 0; --words, target += 8) reinterpret_cast<Word*>(target)->value = pattern;
    }
    for (size_t rest = length & 7; rest > 0; --rest) *target++ = static_cast<uint8_t>(value);
    return to;
}

int memcmp(const void* left, const void* right, size_t length) {
    auto* a = static_cast<const uint8_t*>(left);
    auto* b = static_cast<const uint8_t*>(right);
    while (length >= 8 && reinterpret_cast<const Word*>(a)->value == reinterpret_cast<const Word*>(b)->value) {
        a += 8;
        b += 8;
        length -= 8;
    }
    for (; length > 0; --length, ++a, ++b)
        if (*a != *b) return *a - *b;
    return 0;
}

int bcmp(const void* left, const void* right, size_t length) { return memcmp(left, right, length); }

void* memchr(const void* in, int value, size_t length) {
    for (auto* at = static_cast<const uint8_t*>(in); length > 0; --length, ++at)
        if (*at == static_cast<uint8_t>(value)) return const_cast<uint8_t*>(at);
    return nullptr;
}

size_t strlen(const char* text) {
    size_t length = 0;
    while (text[length] != '\0') ++length;
    return length;
}

}  // extern "C"
