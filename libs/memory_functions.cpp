#include <cstddef>
#include <cstdint>

/// What the compiler calls by name, in the kernel and in the runtime library: without vector registers. Blocks of eight plain moves, since
/// an emulator takes every round of a repeated string instruction for one of its own (and is 2.5 times slower with them), and processors
/// run both at about the same speed.
namespace {

struct __attribute__((packed, may_alias)) Word {
    uint64_t value;
};
constexpr size_t kWord = sizeof(Word), kBlock = 8 * kWord;

Word* word_at(uint8_t* at) {
    return reinterpret_cast<Word*>(at);
}
const Word* word_at(const uint8_t* at) {
    return reinterpret_cast<const Word*>(at);
}

constexpr uint64_t kOnes = 0x0101'0101'0101'0101, kHighBits = 0x8080'8080'8080'8080;

/// The high bit of each byte that is zero, up to and including the first one; behind it others may be set.
uint64_t zero_bytes(uint64_t word) {
    return (word - kOnes) & ~word & kHighBits;
}
size_t first_byte(uint64_t marks) {
    return static_cast<size_t>(__builtin_ctzll(marks)) / 8;
}

/// The whole words of a copy, upwards: right for overlapping ranges too if the target is the lower one.
void copy_words(uint8_t*& target, const uint8_t*& source, size_t length) {
    for (; length >= kBlock; length -= kBlock, target += kBlock, source += kBlock) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < 8; ++i) word_at(target)[i].value = word_at(source)[i].value;
    }
#pragma clang loop unroll(disable)
    for (; length >= kWord; length -= kWord, target += kWord, source += kWord) word_at(target)->value = word_at(source)->value;
}

}  // namespace

extern "C" {

void* memcpy(void* __restrict to, const void* __restrict from, size_t length) {
    auto* target = static_cast<uint8_t*>(to);
    auto* source = static_cast<const uint8_t*>(from);
    if (length >= kWord) {
        uint8_t* const last = target + length - kWord;
        const uint64_t value = word_at(source + length - kWord)->value;
        copy_words(target, source, length - 1);
        word_at(last)->value = value;  // overlaps the word before it by what the length is not a multiple of 8
        return to;
    }
    for (; length > 0; --length) *target++ = *source++;
    return to;
}

void* memmove(void* to, const void* from, size_t length) {
    auto* target = static_cast<uint8_t*>(to);
    auto* source = static_cast<const uint8_t*>(from);
    if (reinterpret_cast<uintptr_t>(target) - reinterpret_cast<uintptr_t>(source) >= length) {
        copy_words(target, source, length);
        for (size_t rest = length % kWord; rest > 0; --rest) *target++ = *source++;
        return to;
    }
    target += length;
    source += length;
    for (size_t words = length / kWord; words > 0; --words) {
        target -= kWord;
        source -= kWord;
        word_at(target)->value = word_at(source)->value;
    }
    for (size_t rest = length % kWord; rest > 0; --rest) *--target = *--source;
    return to;
}

void* memset(void* to, int value, size_t length) {
    auto* target = static_cast<uint8_t*>(to);
    if (length >= kWord) {
        const uint64_t pattern = static_cast<uint8_t>(value) * 0x0101'0101'0101'0101;
        word_at(target + length - kWord)->value = pattern;
        for (; length >= kBlock; length -= kBlock, target += kBlock) {
#pragma clang loop unroll(full)
            for (size_t i = 0; i < 8; ++i) word_at(target)[i].value = pattern;
        }
#pragma clang loop unroll(disable)
        for (; length >= kWord; length -= kWord, target += kWord) word_at(target)->value = pattern;
        return to;
    }
    for (; length > 0; --length) *target++ = static_cast<uint8_t>(value);
    return to;
}

int memcmp(const void* left, const void* right, size_t length) {
    auto* a = static_cast<const uint8_t*>(left);
    auto* b = static_cast<const uint8_t*>(right);
    for (; length >= kWord && word_at(a)->value == word_at(b)->value; length -= kWord, a += kWord, b += kWord) {
    }
    for (; length > 0; --length, ++a, ++b)
        if (*a != *b) return *a - *b;
    return 0;
}

int bcmp(const void* left, const void* right, size_t length) {
    return memcmp(left, right, length);
}

void* memchr(const void* in, int value, size_t length) {
    const auto* at = static_cast<const uint8_t*>(in);
    const uint64_t pattern = static_cast<uint8_t>(value) * kOnes;
    for (; length >= kWord; length -= kWord, at += kWord)
        if (const uint64_t found = zero_bytes(word_at(at)->value ^ pattern); found != 0)
            return const_cast<uint8_t*>(at) + first_byte(found);
    for (; length > 0; --length, ++at)
        if (*at == static_cast<uint8_t>(value)) return const_cast<uint8_t*>(at);
    return nullptr;
}

size_t strlen(const char* text) {
    // Whole aligned words, which never reach into a page that the text does not. Of the first the bytes before the text are made no zeros.
    const auto address = reinterpret_cast<uintptr_t>(text);
    const auto* at = reinterpret_cast<const uint8_t*>(address & ~(kWord - 1));
    uint64_t found = zero_bytes(word_at(at)->value | ((uint64_t{1} << (address % kWord * 8)) - 1));
    while (found == 0) {
        at += kWord;
        found = zero_bytes(word_at(at)->value);
    }
    return static_cast<size_t>(at - reinterpret_cast<const uint8_t*>(text)) + first_byte(found);
}

}  // extern "C"
