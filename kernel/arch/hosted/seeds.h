#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "kernel/arch/hosted/explorer.h"

namespace portico::kernel::hosted {

/// Which seeds a test runs: 1 to `usual_count` (fewer with the thread sanitizer), unless the environment says otherwise.
///   PORTICO_SEED=N          only this one
///   PORTICO_SEEDS=COUNT     so many
///   PORTICO_FIRST_SEED=N    beginning with this one
struct Seeds {
    uint64_t first = 1, count;

    explicit Seeds(uint64_t usual_count) : count(usual_count / sanitizer::kSlowness) {
        if (const char* text = std::getenv("PORTICO_FIRST_SEED")) first = std::strtoull(text, nullptr, 0);
        if (const char* text = std::getenv("PORTICO_SEEDS")) count = std::strtoull(text, nullptr, 0);
        if (const char* text = std::getenv("PORTICO_SEED")) {
            first = std::strtoull(text, nullptr, 0);
            count = 1;
        }
    }
};

/// The strategies take turns by seed; PORTICO_STRATEGY=random or pct picks one.
inline Strategy strategy_for(uint64_t seed) {
    const char* text = std::getenv("PORTICO_STRATEGY");
    if (text == nullptr) return seed % 2 == 0 ? Strategy::Random : Strategy::Pct;
    return std::string_view(text) == "pct" ? Strategy::Pct : Strategy::Random;
}

}  // namespace portico::kernel::hosted
