#pragma once

#include <cstdint>

namespace portico::kernel::hosted {

/// Numbers that follow from a seed, the same with every library (splitmix64, Steele, Lea and Flood 2014).
class SeededRandom {
public:
    explicit SeededRandom(uint64_t seed = 0) : state_(seed) {}

    uint64_t operator()() {
        uint64_t z = state_ += 0x9E37'79B9'7F4A'7C15;
        z = (z ^ (z >> 30)) * 0xBF58'476D'1CE4'E5B9;
        z = (z ^ (z >> 27)) * 0x94D0'49BB'1331'11EB;
        return z ^ (z >> 31);
    }
    /// 0 to end - 1.
    uint64_t below(uint64_t end) { return (*this)() % end; }
    bool one_in(uint64_t count) { return below(count) == 0; }
    /// Another generator, which does not depend on how often this one is asked from now on.
    SeededRandom branch() { return SeededRandom((*this)()); }

private:
    uint64_t state_;
};

}  // namespace portico::kernel::hosted
