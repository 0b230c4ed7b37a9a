#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "runtime/heap_receiver.h"
#include "runtime/heap_sender.h"
#include "runtime/test_memory.h"

namespace portico::ipc {
namespace {

constexpr uint64_t kPage = 4096;

/// Two sides of a connection: `left` sends, `right` receives.
struct Connection {
    TestOwnMemory left_own, right_own;
    TestPeerMemory right_seen_by_left{right_own}, left_seen_by_right{left_own};
    HeapSender sender{left_own, right_seen_by_left};
    HeapReceiver receiver{right_own, left_seen_by_right};

    explicit Connection(uint64_t size_bytes = 4 * kPage, uint64_t bytes_max = 64 * kPage)
        : left_own(size_bytes, bytes_max), right_own(kPage, kPage) {}

    ArenaHeader& right_header() { return *reinterpret_cast<ArenaHeader*>(right_own.base()); }

    /// What an honest peer does with a name.
    void take_and_return(BlockName name) { ASSERT_TRUE(receiver.accept(name)); }
};

void fill(const Block& block, uint8_t with) {
    std::ranges::fill(block.bytes(), std::byte{with});
}

bool is_filled(std::span<const std::byte> bytes, uint8_t with) {
    return std::ranges::all_of(bytes, [with](std::byte byte) { return byte == std::byte{with}; });
}

TEST(SharedHeap, HandsABlockOver) {
    Connection connection;
    auto block = connection.sender.allocate(1000);
    ASSERT_TRUE(block);
    ASSERT_EQ(block->bytes().size(), 1000u);
    fill(*block, 7);
    const BlockName name = block->name();
    block->handed_over();
    const auto got = connection.receiver.accept(name);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->length_bytes(), 1000u);
    EXPECT_TRUE(is_filled(got->take_copy().bytes(), 7));
    EXPECT_EQ(*got->read<uint16_t>(998), 0x0707u);
    EXPECT_EQ(got->read<uint16_t>(999).error(), Error::InvalidArgument);
    EXPECT_EQ(got->read<uint16_t>(~0u).error(), Error::InvalidArgument);
}

TEST(SharedHeap, WhatIsReturnedIsUsedAgain) {
    Connection connection(2 * kPage, 2 * kPage);
    for (int round = 0; round < 10000; ++round) {
        auto block = connection.sender.allocate(kPage);
        ASSERT_TRUE(block) << round;
        block->handed_over();
        connection.take_and_return(block->name());
    }
    EXPECT_EQ(connection.left_own.resizes(), 0u);
}

TEST(SharedHeap, GrowsToItsBoundAndNotFurther) {
    Connection connection(2 * kPage, 8 * kPage);
    std::vector<BlockName> names;
    for (;;) {
        auto block = connection.sender.allocate(kPage);
        if (!block) {
            EXPECT_EQ(block.error(), Error::NoSpace);
            break;
        }
        fill(*block, static_cast<uint8_t>(names.size()));
        names.push_back(block->name());
        block->handed_over();
    }
    EXPECT_EQ(names.size(), 7u) << "all but the header's page";
    for (size_t i = 0; i < names.size(); ++i) {
        const auto got = connection.receiver.accept(names[i]);
        ASSERT_TRUE(got) << "the receiver sees that the arena grew";
        EXPECT_TRUE(is_filled(got->take_copy().bytes(), static_cast<uint8_t>(i)));
    }
    EXPECT_TRUE(connection.sender.allocate(4 * kPage)) << "all were returned and became one again";
    EXPECT_EQ(connection.sender.allocate(8 * kPage).error(), Error::NoSpace);
    EXPECT_EQ(connection.sender.allocate(0).error(), Error::TooLarge);
    EXPECT_EQ(connection.sender.allocate(uint64_t{1} << 40).error(), Error::TooLarge);
}

TEST(SharedHeap, ABlockThatWasNotSentIsFreeAgain) {
    Connection connection(2 * kPage, 2 * kPage);
    BlockName abandoned;
    {
        const auto block = connection.sender.allocate(kPage);
        ASSERT_TRUE(block);
        abandoned = block->name();
    }
    auto next = connection.sender.allocate(kPage);
    ASSERT_TRUE(next);
    fill(*next, 1);
    // The peer had the name all the same, say of a call that timed out. Its return must not free what is there now.
    connection.take_and_return(abandoned);
    EXPECT_EQ(connection.sender.allocate(kPage).error(), Error::NoSpace);
    EXPECT_TRUE(is_filled(next->bytes(), 1));
}

TEST(SharedHeap, NamesAreChecked) {
    Connection connection(4 * kPage, 64 * kPage);
    const auto refused = [&](uint32_t granule, uint32_t length) {
        const auto got = connection.receiver.accept(BlockName::make(granule, 1, length));
        return !got && got.error() == Error::BadProtocol;
    };
    EXPECT_TRUE(refused(0, 100)) << "the header";
    EXPECT_TRUE(refused(15, 100)) << "the header";
    EXPECT_TRUE(refused(16, 0)) << "nothing";
    EXPECT_TRUE(refused(16, 3 * kPage + 1)) << "one byte too long";
    EXPECT_FALSE(refused(16, 3 * kPage));
    EXPECT_TRUE(refused(64, 1)) << "behind the end";
    EXPECT_TRUE(refused(BlockName::kGranulesMax - 1, BlockName::kLengthMax)) << "far behind the end";
    ASSERT_TRUE(connection.left_own.grow(5 * kPage));
    EXPECT_FALSE(refused(64, kPage)) << "now it is inside";
    EXPECT_TRUE(refused(64, kPage + 1));
}

TEST(SharedHeap, ManyReturnsAtOnceAreNotLost) {
    constexpr int kBlocks = 1000;
    Connection connection(kPage + kBlocks * BlockName::kGranuleBytes, kPage + kBlocks * BlockName::kGranuleBytes);
    std::vector<Untrusted> held;
    for (int i = 0; i < kBlocks; ++i) {
        auto block = connection.sender.allocate(BlockName::kGranuleBytes);
        ASSERT_TRUE(block) << i;
        block->handed_over();
        held.push_back(std::move(*connection.receiver.accept(block->name())));
    }
    EXPECT_EQ(connection.sender.allocate(1).error(), Error::NoSpace);
    held.clear();  // four times what the returns have room for
    for (int i = 0; i < kBlocks; ++i) {
        auto block = connection.sender.allocate(BlockName::kGranuleBytes);
        ASSERT_TRUE(block) << i;
        block->handed_over();
        held.push_back(std::move(*connection.receiver.accept(block->name())));
    }
}

// ---- a peer that lies

TEST(SharedHeap, ReturnsOfWhatIsNotTheirsChangeNothing) {
    Connection connection(4 * kPage, 4 * kPage);
    const auto mine = connection.sender.allocate(kPage);
    ASSERT_TRUE(mine);
    fill(*mine, 9);
    ArenaHeader& header = connection.right_header();
    uint64_t returned = 0;
    const auto claim = [&](BlockName name) {
        header.returns[returned % ArenaHeader::kReturnsMax] = name.value;
        header.returned = ++returned;
    };
    claim(BlockName::make(0, 0, 1));
    claim(BlockName::make(mine->name().first_granule() + 1, mine->name().serial(), 1));
    claim(BlockName::make(mine->name().first_granule(), static_cast<uint16_t>(mine->name().serial() + 1), 1));
    claim(BlockName::make(BlockName::kGranulesMax - 1, 0xFFFF, BlockName::kLengthMax));
    claim(BlockName{~uint64_t{0}});
    ASSERT_TRUE(connection.sender.collect());
    std::vector<Block> others;
    while (auto block = connection.sender.allocate(BlockName::kGranuleBytes)) {
        fill(*block, 1);
        others.push_back(std::move(*block));
    }
    EXPECT_EQ(others.size(), 2 * kPage / BlockName::kGranuleBytes);
    EXPECT_TRUE(is_filled(mine->bytes(), 9));
}

TEST(SharedHeap, AReturnOfABlockStillHeldIsRefusedAtTheSecondTime) {
    Connection connection(2 * kPage, 2 * kPage);
    auto block = connection.sender.allocate(kPage);
    ASSERT_TRUE(block);
    const BlockName name = block->name();
    block->handed_over();
    connection.take_and_return(name);
    connection.take_and_return(name);
    auto first = connection.sender.allocate(kPage);
    EXPECT_TRUE(first);
    EXPECT_EQ(connection.sender.allocate(kPage).error(), Error::NoSpace);
}

TEST(SharedHeap, ACountThatMakesNoSenseIsAnError) {
    Connection connection;
    connection.right_header().returned = ArenaHeader::kReturnsMax + 1;
    EXPECT_EQ(connection.sender.allocate(1).error(), Error::BadProtocol);
    connection.right_header().returned = ~uint64_t{0};
    EXPECT_EQ(connection.sender.allocate(1).error(), Error::BadProtocol);
}

/// A value that is checked and then used: between the two a peer may change it as often as it likes (double fetch).
TEST(SharedHeap, WhatWasCheckedIsWhatIsUsed) {
    if (kSeesRaces) GTEST_SKIP();
    Connection connection;
    auto block = connection.sender.allocate(sizeof(uint64_t));
    ASSERT_TRUE(block);
    const auto got = connection.receiver.accept(block->name());
    ASSERT_TRUE(got);
    volatile auto* const shared = reinterpret_cast<volatile uint64_t*>(block->bytes().data());
    *shared = 5;
    std::atomic<bool> stop = false;
    std::thread flipper([&] {
        while (!stop.load(std::memory_order_relaxed)) *shared = *shared == 5 ? ~uint64_t{0} : 5;
    });
    uint64_t table[8] = {};
    uint64_t small = 0, large = 0;
    while (small < 200'000 || large < 200'000) {
        const uint64_t index = *got->read<uint64_t>();
        if (index < std::size(table)) {
            ++table[index];  // one past the check would be found by the sanitizer
            ++small;
        } else {
            ++large;
        }
    }
    stop = true;
    flipper.join();
    EXPECT_EQ(table[5], small);
}

/// All that the peer may write, its own arena, is garbage from beginning to end, and changes all the time.
TEST(SharedHeap, SurvivesAPeerThatScribbles) {
    if (kSeesRaces) GTEST_SKIP();
    TestOwnMemory ours(16 * kPage, 256 * kPage), theirs(16 * kPage, 16 * kPage);
    TestPeerMemory seen(theirs);
    HeapSender sender(ours, seen);
    HeapReceiver receiver(ours, seen);
    std::atomic<bool> stop = false;
    std::thread scribbler([&] {
        std::mt19937_64 random(1);
        auto* const words = reinterpret_cast<volatile uint64_t*>(theirs.base());
        auto* const header = reinterpret_cast<volatile ArenaHeader*>(theirs.base());
        for (uint64_t step = 0; !stop.load(std::memory_order_relaxed); ++step) {
            words[random() % (theirs.size_bytes() / 8)] = random();
            header->returned = step % 3 == 0 ? random() : step / 64;  // now and then nearly plausible
            header->returns[step % ArenaHeader::kReturnsMax] = BlockName::make(16 + random() % 1024, random() % 4, 1).value;
            header->collected = random() % 2 == 0 ? random() : 0;
        }
    });
    std::mt19937_64 random(2);
    std::map<uint32_t, uint8_t> kept;
    std::vector<Block> blocks;
    uint64_t refused = 0, accepted = 0;
    for (int step = 0; step < 300'000; ++step) {
        if (auto block = sender.allocate(1 + random() % 3000)) {
            fill(*block, static_cast<uint8_t>(step));  // outside the arena would be found by the sanitizer
            blocks.push_back(std::move(*block));
        } else {
            ++refused;
        }
        if (blocks.size() > 64) blocks.erase(blocks.begin() + static_cast<ptrdiff_t>(random() % blocks.size()));
        const BlockName name{random() % 2 == 0 ? random() : BlockName::make(random() % 300, 0, random() % 70000).value};
        if (const auto got = receiver.accept(name)) {
            const Copied copy = got->take_copy();
            ASSERT_EQ(copy.bytes().size(), name.length_bytes());
            ++accepted;
        }
    }
    stop = true;
    scribbler.join();
    EXPECT_GT(refused, 0u);
    EXPECT_GT(accepted, 0u);
    EXPECT_LE(ours.size_bytes(), ours.bytes_max());
}

/// An honest pair, each in a thread; messages go through an ordinary queue.
TEST(SharedHeap, TwoThreads) {
    Connection connection(4 * kPage, 32 * kPage);
    constexpr unsigned kMessages = 20000;
    std::mutex mutex;
    std::deque<BlockName> messages;
    std::thread receiving([&] {
        std::mt19937 random(3);
        std::vector<Untrusted> held;
        for (unsigned got = 0; got < kMessages;) {
            BlockName name;
            {
                const std::lock_guard guard(mutex);
                if (!messages.empty()) name = messages.front(), messages.pop_front();
            }
            if (name.value == 0) {
                held.clear();
                std::this_thread::yield();
                continue;
            }
            auto block = connection.receiver.accept(name);
            ASSERT_TRUE(block);
            ASSERT_TRUE(is_filled(block->take_copy().bytes(), static_cast<uint8_t>(got)));
            if (random() % 2 == 0) held.push_back(std::move(*block));
            if (random() % 32 == 0) held.clear();
            ++got;
        }
    });
    std::mt19937 random(4);
    for (unsigned sent = 0; sent < kMessages;) {
        auto block = connection.sender.allocate(1 + random() % 5000);
        if (!block) {
            EXPECT_EQ(block.error(), Error::NoSpace);
            std::this_thread::yield();
            continue;
        }
        fill(*block, static_cast<uint8_t>(sent++));
        const std::lock_guard guard(mutex);
        messages.push_back(block->name());
        block->handed_over();
    }
    receiving.join();
    EXPECT_TRUE(connection.sender.allocate(8 * kPage)) << "everything came back";
}

}  // namespace
}  // namespace portico::ipc
