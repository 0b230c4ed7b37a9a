#pragma once

#include <gtest/gtest.h>

#include <ctime>

#include "kernel/arch/hosted/explored_world.h"
#include "kernel/arch/hosted/seeds.h"

namespace portico::kernel::hosted {

/// Runs worlds, each made from one seed (docs/hosted.md).
class ExploreTest : public testing::Test {
protected:
    Explorer explorer;

    /// Makes, explores and verifies one `World` for each seed. `length`: pauses that a run has, about.
    template <class World>
    void explore(uint64_t seeds_usual, uint64_t length) {
        const Seeds seeds(seeds_usual);
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        explorer.set_title(std::string(test->test_suite_name()) + "." + test->name());
        uint64_t pauses = 0, pauses_max = 0, fingerprint = 0;
        const std::clock_t began = std::clock();
        for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
            run<World>(seed, length);
            pauses += explorer.pauses();
            pauses_max = std::max(pauses_max, explorer.pauses());
            fingerprint = fingerprint * 31 + explorer.fingerprint();
        }
        const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
        std::printf(
            "           %lu seeds, %lu pauses a run, at most %lu, fingerprint %016lx; a second of one CPU: %.0f seeds, %.0f pauses\n",
            seeds.count, pauses / seeds.count, pauses_max, fingerprint, static_cast<double>(seeds.count) / seconds,
            static_cast<double>(pauses) / seconds);
    }
    template <class World>
    void run(uint64_t seed, uint64_t length) {
        World world({.seed = seed,
                     .strategy = strategy_for(seed),
                     .depth = 2 + static_cast<unsigned>(seed / 2 % 4),
                     .length = length,
                     .pauses_max = 50'000});
        world.explore(explorer);
        world.verify();
    }
};

}  // namespace portico::kernel::hosted
