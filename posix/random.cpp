#include "posix/random.h"

#include <cpuid.h>
#include <bit>
#include <cstring>
#include <new>

#include "posix/mutex.h"

namespace portico::posix {

namespace {

struct Generator {
    uint32_t key[8];
    uint64_t counter;
    std::byte left[32];  ///< the half of the last block that did not become the key; the last left_bytes of it were not given out yet
    uint64_t left_bytes;
};

constinit Mutex mutex;
constinit Generator generator GUARDED_BY(mutex){};

bool has_rdrand() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_RDRND) != 0;
}

uint64_t hardware_random() {
    uint64_t value = 0;
    bool good = false;
    for (int tries = 0; tries < 10 && !good; ++tries) asm volatile("rdrand %0" : "=r"(value), "=@ccc"(good) : : "cc");
    return good ? value : 0;
}

void quarter_round(uint32_t& a, uint32_t& b, uint32_t& c, uint32_t& d) {
    a += b, d = std::rotl(d ^ a, 16);
    c += d, b = std::rotl(b ^ c, 12);
    a += b, d = std::rotl(d ^ a, 8);
    c += d, b = std::rotl(b ^ c, 7);
}

void block_locked(uint32_t (&out)[16]) REQUIRES(mutex) {
    uint32_t state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
    for (int i = 0; i < 8; ++i) state[4 + i] = generator.key[i];
    state[12] = static_cast<uint32_t>(generator.counter);
    state[13] = static_cast<uint32_t>(generator.counter >> 32);
    state[14] = state[15] = 0;
    ++generator.counter;
    for (int i = 0; i < 16; ++i) out[i] = state[i];
    for (int round = 0; round < 10; ++round) {
        for (int i = 0; i < 4; ++i) quarter_round(out[i], out[4 + i], out[8 + i], out[12 + i]);
        for (int i = 0; i < 4; ++i) quarter_round(out[i], out[4 + (i + 1) % 4], out[8 + (i + 2) % 4], out[12 + (i + 3) % 4]);
    }
    for (int i = 0; i < 16; ++i) out[i] += state[i];
}

/// A block whose first half becomes the key: it changes with each use, so earlier output can not be computed from memory. The other half
/// is what may be given out next.
void rekey_locked() REQUIRES(mutex) {
    uint32_t out[16];
    block_locked(out);
    for (int i = 0; i < 8; ++i) generator.key[i] = out[i];
    std::memcpy(generator.left, out + 8, sizeof(generator.left));
    generator.left_bytes = sizeof(generator.left);
}

/// Gives out what is left, and forgets it.
size_t take_left_locked(std::span<std::byte> to) REQUIRES(mutex) {
    const size_t length = to.size() < generator.left_bytes ? to.size() : generator.left_bytes;
    std::byte* const from = generator.left + (sizeof(generator.left) - generator.left_bytes);
    std::memcpy(to.data(), from, length);
    std::memset(from, 0, length);
    generator.left_bytes -= length;
    return length;
}

}  // namespace

void random_stir(uint64_t distinction) {
    const bool hardware = has_rdrand();
    const MutexGuard guard(mutex);
    for (int i = 0; i < 8; i += 2) {
        const uint64_t entropy = (hardware ? hardware_random() : 0) ^ std::rotl(__builtin_ia32_rdtsc(), 17 * i) ^ distinction;
        generator.key[i] ^= static_cast<uint32_t>(entropy);
        generator.key[i + 1] ^= static_cast<uint32_t>(entropy >> 32);
    }
    rekey_locked();
}

void random_after_fork(uint64_t distinction) NO_THREAD_SAFETY_ANALYSIS {
    ::new (&mutex) Mutex;  // a thread that the child does not have may have held it
    random_stir(distinction);
}

void random_start(std::span<const uint8_t, 16> seed) {
    {
        const MutexGuard guard(mutex);
        std::memcpy(generator.key, seed.data(), seed.size());
    }
    random_stir(reinterpret_cast<uint64_t>(&generator));
}

void random_fill(std::span<std::byte> to) {
    const MutexGuard guard(mutex);
    to = to.subspan(take_left_locked(to));
    if (to.empty()) return;
    uint32_t out[16];
    while (to.size() > sizeof(generator.left)) {
        block_locked(out);
        const size_t length = to.size() < sizeof(out) ? to.size() : sizeof(out);
        std::memcpy(to.data(), out, length);
        to = to.subspan(length);
    }
    rekey_locked();  // also behind long output: its key is gone now
    (void)take_left_locked(to);
}

}  // namespace portico::posix
