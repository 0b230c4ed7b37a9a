#include "kernel/arch/hosted/pager_fixture.h"

/// Dirty pages that their pager writes in two steps, so that nothing is lost whatever becomes of it in between.
namespace portico::kernel::hosted {
namespace {

using abi::DetachMode;

class WrittenPagesTest : public PagerTest {
protected:
    static constexpr uint64_t kBack = 0x7000'0000;

    void SetUp() override {
        PagerTest::SetUp();
        map_landing(pager);
        ASSERT_TRUE(supply(0, 8));
    }
    void map_landing(Thread& thread) {
        ASSERT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, kBack, kPages * kPage, kFixed | kReadWrite}));
    }
    Result<abi::MemoryDetach::Reply> detach(DetachMode mode, uint64_t page, uint64_t count, uint64_t address = kBack) {
        return machine.call(pager, abi::MemoryDetach{memory, page * kPage, address, count * kPage, static_cast<uint64_t>(mode)});
    }
    static constexpr uint64_t back(uint64_t place, uint64_t page) { return kBack + place * kPage + 8 * (page % 500); }
    /// Another process with a handle that makes a pager.
    Handle give_control(Thread& thread) { return machine.give(pager, memory, thread); }
};

TEST_F(WrittenPagesTest, CopiedPagesStayDirtyUntilTheyAreWritten) {
    for (const uint64_t page : {2, 5}) ASSERT_TRUE(machine.write(client, at(page), page));
    for (int i = 0; i < 2; ++i) {
        const auto bits = detach(DetachMode::Copy, 0, 8);
        ASSERT_TRUE(bits) << name_of(bits.error());
        EXPECT_EQ(bits->present, 0xFFu);
        EXPECT_EQ(bits->dirty, 0x24u);
        EXPECT_EQ(machine.read(pager, back(5, 5)), 5u);
        EXPECT_EQ(machine.read(client, at(2)), 2u);
    }
    const uint64_t free = frames.free_pages();
    const auto bits = detach(DetachMode::Written, 0, 8);
    EXPECT_EQ(bits->present, 0xFFu);
    EXPECT_EQ(bits->dirty, 0x24u);
    EXPECT_EQ(frames.free_pages(), free + 2) << "the landing holds them no more";
    EXPECT_EQ(machine.read(pager, back(5, 5)), 0u);
    EXPECT_EQ(machine.read(client, at(3)), value_of(3));
    miss(client, 2);
    EXPECT_EQ(detach(DetachMode::Written, 0, 8)->dirty, 0u);
}

TEST_F(WrittenPagesTest, WhatChangedSinceStays) {
    for (const uint64_t page : {1, 2, 3}) ASSERT_TRUE(machine.write(client, at(page), page));
    ASSERT_TRUE(detach(DetachMode::Copy, 0, 8));
    EXPECT_EQ(machine.read(client, at(3)), 3u);
    ASSERT_TRUE(machine.write(client, at(2), uint64_t{22})) << "the landing has the old one: a copy";
    EXPECT_EQ(machine.read(pager, back(2, 2)), 2u);
    ASSERT_TRUE(machine.call(pager, abi::SpaceUnmap{abi::kSelfSpace, kBack, kPages * kPage}));
    map_object(other);
    EXPECT_EQ(machine.read(other, at(3)), 3u) << "alone again, but a write must be noticed";
    ASSERT_TRUE(machine.write(other, at(3), uint64_t{33}));
    map_landing(pager);
    EXPECT_EQ(detach(DetachMode::Written, 0, 8)->dirty, 2u);
    EXPECT_EQ(machine.read(client, at(2)), 22u);
    EXPECT_EQ(machine.read(client, at(3)), 33u);
    EXPECT_EQ(detach(DetachMode::Copy, 0, 8)->dirty, 0xCu);
    miss(client, 1);
}

TEST_F(WrittenPagesTest, CleaningEndsWriting) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    ASSERT_TRUE(detach(DetachMode::Copy, 0, 8));
    ASSERT_TRUE(detach(DetachMode::Keep, 0, 8));
    EXPECT_EQ(detach(DetachMode::Written, 0, 8)->dirty, 0u);
    EXPECT_EQ(machine.read(client, at(1)), 1u);
}

TEST_F(WrittenPagesTest, BadRequestsChangeNothing) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    EXPECT_EQ(refusal(detach(DetachMode::Copy, 0, 8, 0)), Error::InvalidArgument);
    EXPECT_EQ(refusal(detach(static_cast<DetachMode>(4), 0, 8)), Error::InvalidArgument);
    EXPECT_EQ(refusal(detach(DetachMode::Copy, 0, 8, 0x1234'5000)), Error::BadAddress);
    ASSERT_TRUE(detach(DetachMode::Copy, 0, 8));
    EXPECT_EQ(refusal(detach(DetachMode::Written, 0, 8, 0x1234'5000)), Error::BadAddress);
    EXPECT_EQ(machine.read(client, at(1)), 1u);
    EXPECT_EQ(detach(DetachMode::Written, 0, 8)->dirty, 2u);
}

TEST_F(WrittenPagesTest, ASuccessorWritesAndReadsWhatThePagerDidNot) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    ASSERT_TRUE(detach(DetachMode::Copy, 0, 8));
    miss(client, 20);
    expect_asked(20);
    miss(machine.make_thread(client.process()), 21);

    const Handle own = give_control(other), own_port = machine.give(pager, port, other);
    map_landing(other);
    map_stock(other);
    kill(pager);
    const auto detach_by_other = [&](DetachMode mode) {
        return machine.call(other, abi::MemoryDetach{own, 0, kBack, 8 * kPage, static_cast<uint64_t>(mode)});
    };
    EXPECT_EQ(detach_by_other(DetachMode::Written)->dirty, 0u) << "it wrote nothing yet";
    for (const uint64_t page : {20, 21}) {
        const auto message = machine.receive(other, own_port);
        ASSERT_TRUE(message) << "asked again";
        EXPECT_EQ(message->word[0], page * kPage);
    }
    EXPECT_EQ(refusal(machine.receive(other, own_port)), Error::WouldBlock);
    ASSERT_TRUE(supply(20, 2, &other, own));
    EXPECT_EQ(machine.read(client, at(20)), value_of(20));
    EXPECT_EQ(detach_by_other(DetachMode::Copy)->dirty, 2u);
    EXPECT_EQ(detach_by_other(DetachMode::Written)->dirty, 2u);
}

TEST_F(WrittenPagesTest, WhoReceivesAtThePortIsAskedAgainToo) {
    miss(client, 20);
    expect_asked(20);
    const Handle own_port = machine.give(pager, port, other);
    miss(machine.make_thread(client.process()), 21);
    kill(pager);
    for (const uint64_t page : {20, 21}) EXPECT_EQ(machine.receive(other, own_port)->word[0], page * kPage);
    EXPECT_EQ(refusal(machine.receive(other, own_port)), Error::WouldBlock);
}

}  // namespace
}  // namespace portico::kernel::hosted
