#include "kernel/arch/hosted/pager_fixture.h"

/// What becomes of paged objects when frames get few.
namespace portico::kernel::hosted {
namespace {

class ReclaimTest : public PagerTest {
protected:
    static constexpr uint64_t kHoard = 0x1'0000'0000, kBack = 0x7000'0000;
    uint64_t hoarded = 0;

    void SetUp() override {
        PagerTest::SetUp();
        ASSERT_TRUE(machine.call(pager, abi::SpaceMap{abi::kSelfSpace, {}, 0, kBack, kPages * kPage, kFixed | kReadWrite}));
        ASSERT_TRUE(machine.call(other, abi::SpaceMap{abi::kSelfSpace, {}, 0, kHoard, 64 << 20, kFixed | kReadWrite}));
        take_upcalls(other);
        for (uint64_t page = 0; page < kPages; page += 20) ASSERT_TRUE(supply(page, 20));
        ASSERT_EQ(present(), kPages);  // and its result has a page to be written to
    }
    /// Another process touches a page more; false if there is none.
    bool hoard() {
        const uint64_t place = hoarded++;
        return machine.write(other, kHoard + place * kPage, hoarded);
    }
    void hoard_until_few() {
        while (!frames.are_few()) ASSERT_TRUE(hoard());
    }
    /// More than the object has, so that all of its pages are looked at again and again.
    void hoard_more() {
        for (uint64_t i = 0; i < 2 * kPages; ++i) ASSERT_TRUE(hoard());
    }
    uint64_t present() { return machine.query<abi::MemoryInfo>(pager, abi::MemoryQuery{memory, 0})->resident_bytes / kPage; }
};

TEST_F(ReclaimTest, NothingGoesWhileThereIsEnough) {
    for (uint64_t page = 0; page < kPages; ++page) EXPECT_EQ(machine.read(client, at(page)), value_of(page));
    hoard_until_few();
    EXPECT_EQ(present(), kPages);
}

TEST_F(ReclaimTest, CleanPagesGoAndAreAskedForAgain) {
    for (uint64_t page = 0; page < kPages; ++page) EXPECT_EQ(machine.read(client, at(page)), value_of(page));
    hoard_until_few();
    hoard_more();
    EXPECT_EQ(present(), 0u);
    expect_not_asked();
    miss(client, 5);
    expect_asked(5);
    ASSERT_TRUE(supply(5));
    EXPECT_EQ(machine.read(client, at(5)), value_of(5));
}

TEST_F(ReclaimTest, APageInUseGetsASecondChance) {
    map_object(other);
    hoard_until_few();
    for (int i = 0; i < 200; ++i) {
        for (const uint64_t page : {3, 70}) {
            machine.use_cpu(static_cast<unsigned>(i % 2));
            ASSERT_EQ(machine.read(i % 2 == 0 ? client : other, at(page)), value_of(page)) << "round " << i;
        }
        ASSERT_TRUE(hoard());
    }
    EXPECT_EQ(present(), 2u) << "those that nobody used are gone";
}

TEST_F(ReclaimTest, DirtyPagesAreAskedBackAndNeverDropped) {
    for (const uint64_t page : {10, 12, 80}) ASSERT_TRUE(machine.write(client, at(page), page));
    hoard_until_few();
    hoard_more();
    EXPECT_EQ(present(), 3u);
    const auto message = asked();
    ASSERT_TRUE(message);
    EXPECT_EQ(message->header.kind(), abi::MessageKind::PageOut);
    EXPECT_EQ(message->badge, kKey);
    EXPECT_EQ(message->word[0], 10 * kPage);
    EXPECT_EQ(message->word[1], 3 * kPage);
    expect_not_asked();
    const auto bits = machine.call(pager, abi::MemoryDetach{memory, message->word[0], kBack, message->word[1], 0});
    ASSERT_TRUE(bits);
    EXPECT_EQ(bits->dirty, 5u);
    EXPECT_EQ(machine.read(pager, kBack + 8 * 10), 10u);
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(hoard());
    EXPECT_EQ(asked()->word[0], 80 * kPage) << "the clock went on";
    EXPECT_EQ(machine.read(client, at(80)), 80u);
}

TEST_F(ReclaimTest, AMissIsToldBesideAPageOut) {
    ASSERT_TRUE(machine.write(client, at(10), uint64_t{1}));
    hoard_until_few();
    hoard_more();
    miss(client, 11);
    Thread& second = machine.make_thread(client.process());
    miss(second, 12);
    EXPECT_EQ(asked()->header.kind(), abi::MessageKind::PageOut);
    expect_asked(11);
    expect_asked(12);
    expect_not_asked();
    machine.call(pager, abi::HandleClose{port});
    EXPECT_FALSE(machine.waits(client)) << "nobody else held the receive right";
}

TEST_F(ReclaimTest, AnObjectGoesWithAPageOutInTheQueue) {
    ASSERT_TRUE(machine.write(client, at(10), uint64_t{1}));
    hoard_until_few();
    hoard_more();
    kill(client);
    machine.call(pager, abi::HandleClose{memory});
    expect_not_asked();
}

TEST_F(ReclaimTest, ManyObjectsTakeTurnsAndTheLastFrameIsFound) {
    std::vector<Handle> objects;
    for (uint64_t i = 0; i < 10; ++i) {
        objects.push_back(make_object());
        ASSERT_TRUE(machine.call(pager, abi::MemorySupply{objects.back(), 0, 0, 30 * kPage})) << "the zero page needs no frame and stays";
        for (uint64_t page = 40; page < 60; ++page) machine.write(pager, kStock + page * kPage, page);
        ASSERT_TRUE(machine.call(pager, abi::MemorySupply{objects.back(), 40 * kPage, kStock + 40 * kPage, 20 * kPage}));
    }
    machine.call(pager, abi::HandleClose{objects[4]});
    uint64_t left = 0;
    while (hoard()) left = frames.free_pages();
    for (const Handle object : objects) {
        if (object.value == objects[4].value) continue;
        EXPECT_LE(machine.query<abi::MemoryInfo>(pager, abi::MemoryQuery{object, 0})->resident_bytes, 30 * kPage);
    }
    EXPECT_EQ(present(), 0u);
    EXPECT_LE(left, 1u);
    EXPECT_EQ(other.process().exit_code(), abi::kExitCodeFault) << "want of memory is no upcall, and it has no supervisor";
}

}  // namespace
}  // namespace portico::kernel::hosted
