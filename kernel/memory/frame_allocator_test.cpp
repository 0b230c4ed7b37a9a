#include "kernel/memory/frame_allocator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "kernel/arch/hosted/machine.h"

/// Frames and the heap above them.
namespace portico::kernel::hosted {
namespace {

class FrameAllocatorTest : public testing::Test {
protected:
    Machine machine{1, 2};
};

TEST_F(FrameAllocatorTest, GivesEveryFrameOnceAndTakesThemBack) {
    std::set<PhysicalAddress> pages;
    const uint64_t free = frames.free_pages(), used = machine.root().used_bytes();
    while (const auto page = frames.allocate(machine.root())) EXPECT_TRUE(pages.insert(*page).second);
    EXPECT_EQ(pages.size(), free);
    EXPECT_EQ(frames.free_pages(), 0u);
    EXPECT_EQ(machine.root().used_bytes(), used + free * abi::kPageBytes);
    for (const PhysicalAddress page : pages) frames.free(page);
    EXPECT_EQ(frames.free_pages(), free);
    EXPECT_EQ(machine.root().used_bytes(), used);
}

TEST_F(FrameAllocatorTest, TheAccountsLimitHolds) {
    auto account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), 2 * abi::kPageBytes); });
    const auto one = frames.allocate(*account), two = frames.allocate(*account);
    ASSERT_TRUE(one && two);
    const uint64_t free = frames.free_pages();
    EXPECT_EQ(frames.allocate(*account).error(), Error::NoMemory);
    EXPECT_EQ(frames.free_pages(), free);
    frames.free(*one);
    frames.free(*two);
    EXPECT_EQ(account->used_bytes(), 0u);
    EXPECT_EQ(account->peak_bytes(), 2 * abi::kPageBytes);
}

TEST_F(FrameAllocatorTest, RamIsKnown) {
    EXPECT_FALSE(frames.overlaps_ram({{0}, kRamBase}));
    EXPECT_TRUE(frames.overlaps_ram({{0}, kRamBase + 1}));
    EXPECT_TRUE(frames.overlaps_ram({{0}, uint64_t{1} << 40})) << "a range around all RAM";
    EXPECT_FALSE(frames.overlaps_ram({{kRamBase + (2 << 20)}, 4096}));
}

using HeapTest = FrameAllocatorTest;

TEST_F(HeapTest, BlocksAreSeparateAlignedAndPaidFor) {
    std::mt19937_64 random(7);
    struct Block {
        uint8_t* start;
        size_t bytes;
        uint8_t mark;
    };
    std::vector<Block> blocks;
    const uint64_t used = machine.root().used_bytes(), pages = heap.page_count();
    for (int step = 0; step < 20'000; ++step) {
        if (blocks.size() < 200 && random() % 2 == 0) {
            const size_t bytes = random() % 8 == 0 ? 1 + random() % Heap::kBlockBytesMax : 1 + random() % 300;
            const auto made = heap.allocate(bytes, machine.root());
            if (!made) continue;
            ASSERT_EQ(reinterpret_cast<uint64_t>(*made) % 16, 0u);
            blocks.push_back({static_cast<uint8_t*>(*made), bytes, static_cast<uint8_t>(step)});
            memset(*made, step & 0xFF, bytes);
        } else if (!blocks.empty()) {
            const size_t at = random() % blocks.size();
            const Block block = blocks[at];
            blocks[at] = blocks.back();
            blocks.pop_back();
            ASSERT_TRUE(std::all_of(block.start, block.start + block.bytes, [&](uint8_t byte) { return byte == block.mark; }));
            heap.free(block.start, machine.root());
        }
    }
    EXPECT_GE(machine.root().used_bytes(), used);
    for (const Block& block : blocks) heap.free(block.start, machine.root());
    EXPECT_EQ(machine.root().used_bytes(), used);
    EXPECT_EQ(heap.page_count(), pages) << "empty pages go back";
}

TEST_F(HeapTest, ARefusedAllocationChargesNothing) {
    const uint64_t used = machine.root().used_bytes();
    FrameAllocator::fail_after = 1;  // the block's page
    const auto made = heap.allocate(Heap::kBlockBytesMax, machine.root());
    FrameAllocator::fail_after = -1;
    EXPECT_FALSE(made);
    EXPECT_EQ(machine.root().used_bytes(), used);
}

}  // namespace
}  // namespace portico::kernel::hosted
