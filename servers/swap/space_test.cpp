#include "servers/swap/space.h"

#include <random>

#include "servers/swap/test_parts.h"

namespace portico::swap {
namespace {

TEST(SwapSpace, PagesEvictedTogetherAreOneRequest) {
    TestSwap swap(512);
    swap.put(10, 40, 1);
    swap.space->page_out(10, 40);
    EXPECT_EQ(swap.disk.writes, 1u);
    EXPECT_TRUE(swap.pages.present.empty()) << "what is written is dropped";
    for (uint64_t page = 10; page < 50; ++page) EXPECT_TRUE(swap.comes_back(page, 1 + page)) << page;
}

TEST(SwapSpace, LongRangesGoPartByPart) {
    TestSwap swap(512);
    swap.put(100, 200, 1);
    swap.pages.present.erase(150);
    swap.space->page_out(100, 200);
    EXPECT_TRUE(swap.pages.present.empty());
    for (uint64_t page = 100; page < 300; ++page)
        if (page != 150) EXPECT_TRUE(swap.comes_back(page, 1 + page)) << page;
    swap.space->page_out(0, ~uint64_t{0});  // nothing is dirty, and the end is the end
}

TEST(SwapSpace, ReadsAheadForWhoGoesOn) {
    TestSwap swap(512);
    swap.put(0, 256, 7);
    swap.space->page_out(0, 256);
    for (uint64_t page = 0; page < 256; ++page) ASSERT_TRUE(swap.comes_back(page, 7 + page, 256 - page)) << page;
    EXPECT_LE(swap.disk.reads, 12u);
    swap.pages.present.clear();
    swap.disk.reads = 0;
    swap.pages.is_short = true;
    EXPECT_TRUE(swap.comes_back(77, 7 + 77, 100));
    EXPECT_EQ(swap.pages.present.size(), 1u) << "no more than is needed when memory is short";
}

TEST(SwapSpace, PageThatCameAnewWhileItWasWrittenStays) {
    TestSwap swap(512);
    swap.put(5, 2, 1);
    swap.pages.on_written = [&] { swap.pages.put(5, 99); };
    swap.space->page_out(5, 2);
    EXPECT_EQ(swap.pages.present.size(), 1u);
    EXPECT_TRUE(swap.comes_back(5, 99));
    swap.space->page_out(5, 1);
    EXPECT_TRUE(swap.comes_back(5, 99));
}

TEST(SwapSpace, UnknownPagesAreRefused) {
    TestSwap swap(512);
    swap.space->page_in(3, 1);
    swap.space->page_in(~uint64_t{0}, 1);
    EXPECT_EQ(swap.pages.refused, (std::set<uint64_t>{3, ~uint64_t{0}}));
}

TEST(SwapThreats, D4_BadSlotForWritingIsLeftForASpareOne) {
    TestSwap swap(512);
    swap.disk.unwritable = {12};
    swap.put(10, 8, 1);
    swap.space->page_out(10, 8);
    EXPECT_TRUE(swap.pages.present.empty());
    EXPECT_EQ(swap.map->slot_of(12), swap.layout.pages);
    for (uint64_t page = 10; page < 18; ++page) EXPECT_TRUE(swap.comes_back(page, 1 + page, 8)) << page;
    swap.disk.writes = 0;
    swap.pages.present.clear();
    swap.put(10, 8, 50);
    swap.space->page_out(10, 8);
    EXPECT_EQ(swap.disk.writes, 3u) << "before it, it, behind it: without an error now";
    swap.restart();
    EXPECT_TRUE(swap.comes_back(12, 62));
}

TEST(SwapThreats, D4_WithoutSpareSlotsPagesStayInMemory) {
    TestSwap swap(64);
    for (uint64_t slot = 0; slot < 64; ++slot) swap.disk.unwritable.insert(slot);
    swap.put(0, 20, 1);
    swap.space->page_out(0, 20);
    EXPECT_EQ(swap.pages.present.size(), 20u);
    for (uint64_t page = 0; page < 20; ++page) EXPECT_TRUE(swap.comes_back(page, 1 + page)) << page;
    swap.disk.unwritable.clear();
    swap.space->page_out(0, 20);
    EXPECT_TRUE(swap.pages.present.empty()) << "a disk that works again is used again";
    for (uint64_t page = 0; page < 20; ++page) EXPECT_TRUE(swap.comes_back(page, 1 + page)) << page;
}

TEST(SwapThreats, D4_OnlyThePageThatCannotBeReadIsLost) {
    TestSwap swap(512);
    swap.put(10, 8, 1);
    swap.space->page_out(10, 8);
    swap.disk.unreadable = {13};
    for (uint64_t page = 10; page < 18; ++page) EXPECT_EQ(swap.comes_back(page, 1 + page, 18 - page), page != 13) << page;
    EXPECT_EQ(swap.pages.refused, (std::set<uint64_t>{13}));
    swap.put(13, 1, 5);  // another page gets the number
    swap.space->page_out(13, 1);
    EXPECT_TRUE(swap.comes_back(13, 18)) << "and not the slot";
}

TEST(SwapThreats, D5_WrongDataIsRefused) {
    TestSwap swap(1024);
    std::mt19937 random(5);
    uint64_t refused = 0;
    for (unsigned round = 0; round < 1000; ++round) {
        const uint64_t page = random() % 400, other = 400 + random() % 400, seed = random();
        swap.pages.present.clear();
        swap.pages.refused.clear();
        swap.put(page, 1, seed);
        swap.put(other, 1, seed);
        swap.space->page_out(page, 1);
        swap.space->page_out(other, 1);
        std::byte* const at = swap.disk.bytes.data() + swap.map->slot_of(page) * kPageBytes;
        switch (random() % 4) {
        case 0:  // a bit is flipped
            at[random() % kPageBytes] ^= std::byte{1} << random() % 8;
            break;
        case 1:  // another's data
            std::memcpy(at, swap.disk.bytes.data() + swap.map->slot_of(other) * kPageBytes, kPageBytes);
            break;
        case 2:  // nothing was written
            std::memset(at, 0, kPageBytes);
            break;
        default: {  // a later write was lost
            const Content before(at, at + kPageBytes);
            swap.put(page, 1, seed + 1);
            swap.space->page_out(page, 1);
            std::ranges::copy(before, swap.disk.bytes.data() + swap.map->slot_of(page) * kPageBytes);
        }
        }
        swap.space->page_in(page, 1);
        EXPECT_FALSE(swap.pages.present.contains(page)) << round;
        refused += swap.pages.refused.count(page);
        EXPECT_TRUE(swap.comes_back(other, seed + other));
    }
    EXPECT_EQ(refused, 1000u);
}

/// Pages come, go to the disk and back, their numbers are used again, and the server dies at any step: what comes back is what went.
TEST(SwapThreats, D7_DeathAtAnyStepLosesNothing) {
    unsigned deaths = 0;
    for (unsigned seed = 0; seed < 40; ++seed) {
        TestSwap swap(200);
        std::mt19937 random(seed);
        std::map<uint64_t, uint64_t> expected;
        for (unsigned round = 0; round < 300; ++round) {
            const uint64_t first = random() % 150, count = 1 + random() % 40;
            if (random() % 8 == 0) swap.life.steps_left = 1 + random() % 6;
            switch (random() % 4) {
            case 0:
                for (uint64_t page = first; page < first + count; ++page) {
                    swap.pages.put(page, expected[page] = random());
                    swap.pages.present[page].marked = false;
                }
                break;
            case 1:
                swap.space->page_out(first, count);
                break;
            case 2:  // clean ones are dropped
                std::erase_if(swap.pages.present, [](const auto& each) { return !each.second.dirty; });
                break;
            default:
                if (!expected.contains(first)) break;
                const bool back = swap.comes_back(first, expected[first], count);
                if (swap.life.steps_left > 0) ASSERT_TRUE(back) << "seed " << seed << " round " << round << " page " << first;
            }
            if (swap.life.steps_left > 0) continue;
            swap.restart();
            ++deaths;
        }
        swap.life.steps_left = ~uint64_t{0};
        for (const auto& [page, content] : expected) ASSERT_TRUE(swap.comes_back(page, content)) << "seed " << seed << " page " << page;
        EXPECT_TRUE(swap.pages.refused.empty());
    }
    EXPECT_GT(deaths, 500u);
}

}  // namespace
}  // namespace portico::swap
