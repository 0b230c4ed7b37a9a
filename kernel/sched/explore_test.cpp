#include <gtest/gtest.h>

#include "kernel/arch/hosted/explored_calls.h"
#include "kernel/arch/hosted/seeds.h"

/// Programs on several CPUs, interleaved by seeds (docs/hosted.md). Each seed is one short run on a machine of its own.
namespace portico::kernel::hosted {
namespace {

class ExploreTest : public testing::Test {
protected:
    Explorer explorer;

    /// Makes, explores and verifies `World` once for each seed.
    template <class World>
    void explore(uint64_t seeds_usual, uint64_t length) {
        const auto* test = testing::UnitTest::GetInstance()->current_test_info();
        const Seeds seeds(seeds_usual);
        const auto began = std::chrono::steady_clock::now();
        uint64_t pauses = 0, pauses_max = 0;
        for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
            const Exploration how{.seed = seed, .strategy = strategy_for(seed), .depth = 2 + static_cast<unsigned>(seed / 2 % 4), .length = length};
            explorer.set_title(std::string("--gtest_filter=ExploreTest.") + test->name());
            World world(how);
            world.explore(explorer);
            world.verify();
            pauses += world.explorer_pauses;
            pauses_max = std::max(pauses_max, world.explorer_pauses);
        }
        const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
        std::printf("%s: %lu seeds, %.0f seeds/s, %.0f pauses/s, %lu pauses a run, at most %lu\n", test->name(), seeds.count,
                    static_cast<double>(seeds.count) / seconds, static_cast<double>(pauses) / seconds, pauses / seeds.count, pauses_max);
    }
};

class CallsWorld : public ExploredWorld {
public:
    explicit CallsWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& server = machine.make_thread();
        const Handle port = machine.call(server, abi::PortCreate{})->port;
        const auto callers = static_cast<unsigned>(1 + random.below(3));
        share.badges_left = callers;
        for (unsigned i = 0; i < callers; ++i) {
            Thread& caller = machine.make_thread();
            const Handle sender = badge(server, port, i, 4, caller);
            start<CheckedCaller>(caller, sender, ledger, i + 1, 1 + random.below(6), Fates{});
        }
        start<CheckedServer>(server, port, share, ledger);
        if (random.one_in(2)) start<CheckedServer>(machine.make_thread(server.process()), port, share, ledger);
    }
    void verify() { ledger.verify(); }
    CallLedger ledger;
    ServerShare share{0};
};

TEST_F(ExploreTest, EachCallEndsOnce) {
    explore<CallsWorld>(1000, 300);
}

}  // namespace
}  // namespace portico::kernel::hosted
