#include "runtime/block_allocator.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace portico::ipc {
namespace {

constexpr uint32_t kFirst = 16;

TEST(BlockAllocator, HandsOutNeighboursAndTakesThemBack) {
    BlockAllocator blocks(kFirst, 1024);
    EXPECT_FALSE(blocks.allocate(1)) << "nothing was added yet";
    blocks.add(256 - kFirst);
    const auto one = blocks.allocate(1);
    const auto three = blocks.allocate(3);
    ASSERT_TRUE(one && three);
    EXPECT_GE(one->first, kFirst);
    EXPECT_TRUE(blocks.is_block(one->first, one->serial));
    blocks.release(one->first);
    EXPECT_FALSE(blocks.is_block(one->first, one->serial));
    blocks.release(three->first);
    EXPECT_TRUE(blocks.allocate(128)) << "what was cut up is whole again";
}

TEST(BlockAllocator, RefusesWhatDoesNotFit) {
    BlockAllocator blocks(kFirst, 1024);
    blocks.add(64 - kFirst);
    EXPECT_FALSE(blocks.allocate(0));
    EXPECT_FALSE(blocks.allocate(33)) << "48 are there, but 33 of them do not begin where 64 could";
    EXPECT_TRUE(blocks.allocate(32));
    EXPECT_FALSE(blocks.allocate(32));
    EXPECT_TRUE(blocks.allocate(16));
    EXPECT_FALSE(blocks.allocate(1));
    EXPECT_FALSE(blocks.allocate(BlockName::kGranulesMax));
    EXPECT_FALSE(blocks.allocate(~0u));
    blocks.add(64);
    EXPECT_TRUE(blocks.allocate(64));
}

TEST(BlockAllocator, NamesOfThePastMeanNothing) {
    BlockAllocator blocks(kFirst, 1024);
    blocks.add(32 - kFirst);
    const auto before = blocks.allocate(16);
    ASSERT_TRUE(before);
    blocks.release(before->first);
    const auto after = blocks.allocate(16);
    ASSERT_TRUE(after);
    EXPECT_EQ(before->first, after->first);
    EXPECT_FALSE(blocks.is_block(before->first, before->serial));
    EXPECT_TRUE(blocks.is_block(after->first, after->serial));
    EXPECT_FALSE(blocks.is_block(after->first + 1, after->serial)) << "the middle of a block";
    EXPECT_FALSE(blocks.is_block(0, 0));
    EXPECT_FALSE(blocks.is_block(BlockName::kGranulesMax - 1, 0));
}

/// Blocks in use never overlap, and when all are free again there is nothing lost.
class RandomUse : public testing::TestWithParam<unsigned> {};

TEST_P(RandomUse, KeepsBlocksApart) {
    std::mt19937 random(GetParam());
    BlockAllocator blocks(kFirst, 8192);
    blocks.add(512 - kFirst);
    std::map<uint32_t, uint32_t> used;  // first → count
    for (int step = 0; step < 20000; ++step) {
        if (blocks.granule_count() < 8192 && random() % 1000 == 0)
            blocks.add(std::min<uint32_t>(1 + random() % 700, 8192 - blocks.granule_count()));
        if (random() % 2 == 0) {
            const uint32_t count = 1 + random() % (1u << random() % 9);
            const auto block = blocks.allocate(count);
            if (!block) continue;
            ASSERT_GE(block->first, kFirst);
            ASSERT_LE(block->first + count, blocks.granule_count());
            const auto next = used.lower_bound(block->first);
            ASSERT_TRUE(next == used.end() || block->first + count <= next->first);
            ASSERT_TRUE(next == used.begin() || std::prev(next)->first + std::prev(next)->second <= block->first);
            used[block->first] = count;
        } else if (!used.empty()) {
            auto chosen = used.lower_bound(random() % blocks.granule_count());
            if (chosen == used.end()) chosen = used.begin();
            blocks.release(chosen->first);
            used.erase(chosen);
        }
    }
    for (const auto& [first, count] : used) blocks.release(first);
    for (uint32_t size = 2048; size >= 32; size /= 2)
        if (blocks.granule_count() >= 2 * size) {
            EXPECT_TRUE(blocks.allocate(size)) << size << " of " << blocks.granule_count();
            break;
        }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomUse, testing::Range(0u, 8u));

}  // namespace
}  // namespace portico::ipc
