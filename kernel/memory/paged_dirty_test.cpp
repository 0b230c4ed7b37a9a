#include "kernel/arch/hosted/pager_fixture.h"

/// Dirty pages, and how a pager gets them back.
namespace portico::kernel::hosted {
namespace {

class DirtyPagesTest : public PagerTest {
protected:
    static constexpr uint64_t kBack = 0x7000'0000;

    void SetUp() override {
        PagerTest::SetUp();
        ASSERT_TRUE(machine.call(pager, abi::SpaceMap{abi::kSelfSpace, {}, 0, kBack, kPages * kPage, kFixed | kReadWrite}));
        ASSERT_TRUE(supply(0, 8));
    }
    Result<abi::MemoryDetach::Reply> detach(uint64_t page, uint64_t count, uint64_t keep = 0, uint64_t address = kBack) {
        return machine.call(pager, abi::MemoryDetach{memory, page * kPage, address, count * kPage, keep});
    }
    static constexpr uint64_t back(uint64_t place, uint64_t page) { return kBack + place * kPage + 8 * (page % 500); }
};

TEST_F(DirtyPagesTest, OnlyWrittenPagesAreDirty) {
    for (uint64_t page = 0; page < 8; ++page) EXPECT_EQ(machine.read(client, at(page)), value_of(page));
    for (const uint64_t page : {2, 5}) ASSERT_TRUE(machine.write(client, at(page), page));
    const auto bits = detach(0, 10);
    ASSERT_TRUE(bits) << name_of(bits.error());
    EXPECT_EQ(bits->present, 0xFFu);
    EXPECT_EQ(bits->dirty, 0x24u);
    EXPECT_EQ(machine.read(pager, back(2, 2)), 2u);
    EXPECT_EQ(machine.read(pager, back(5, 5)), 5u);
    EXPECT_EQ(machine.read(pager, back(3, 3)), 0u) << "clean ones are not handed over";
    for (const uint64_t page : {2, 3}) {
        miss(client, page);
        expect_asked(page);
        ASSERT_TRUE(supply(page));
        EXPECT_EQ(machine.read(client, at(page)), value_of(page));
    }
}

TEST_F(DirtyPagesTest, ADetachedPageIsThePagersAlone) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    ASSERT_TRUE(detach(1, 1));
    miss(client, 1);
    ASSERT_TRUE(machine.write(pager, back(0, 1), uint64_t{11}));
    ASSERT_TRUE(machine.call(pager, abi::MemorySupply{memory, kPage, kBack, kPage, 0}));
    EXPECT_EQ(machine.read(client, at(1)), 11u);
    EXPECT_EQ(detach(1, 1)->dirty, 0u) << "what is supplied is clean";
}

TEST_F(DirtyPagesTest, AKeptPageIsASnapshot) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    auto bits = detach(1, 2, 1);
    EXPECT_EQ(bits->dirty, 1u);
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{2}));
    EXPECT_EQ(machine.read(pager, back(0, 1)), 1u) << "written after the snapshot";
    EXPECT_EQ(machine.read(client, at(1)), 2u);
    bits = detach(1, 2, 1);
    EXPECT_EQ(bits->dirty, 1u) << "and dirty again";
    EXPECT_EQ(machine.read(pager, back(0, 1)), 2u);
    EXPECT_EQ(machine.read(client, at(1)), 2u);
    bits = detach(1, 2, 1);
    EXPECT_EQ(bits->present, 3u);
    EXPECT_EQ(bits->dirty, 0u) << "only read since";
    ASSERT_TRUE(machine.write(pager, back(0, 1), uint64_t{7}));
    EXPECT_EQ(machine.read(client, at(1)), 2u) << "the pager's copy is its own";
}

TEST_F(DirtyPagesTest, WithoutALandingOnlyCleanPagesLeave) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    const auto bits = detach(0, 8, 0, 0);
    EXPECT_EQ(bits->present, 0xFFu);
    EXPECT_EQ(bits->dirty, 2u);
    EXPECT_EQ(machine.read(client, at(1)), 1u);
    miss(client, 2);
}

TEST_F(DirtyPagesTest, ARefusedLandingChangesNothing) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    EXPECT_EQ(refusal(detach(0, 8, 0, 0x1234'5000)), Error::BadAddress);
    for (int64_t n = 0; n < 3; ++n) {
        FrameAllocator::fail_after = n;
        const auto result = detach(0, 8, 0, 0x1234'5000);
        FrameAllocator::fail_after = -1;
        EXPECT_FALSE(result);
    }
    EXPECT_EQ(detach(0, 8, 1, 0)->dirty, 2u);
    EXPECT_EQ(machine.read(client, at(1)), 1u);
    EXPECT_EQ(machine.read(client, at(2)), value_of(2));
}

TEST_F(DirtyPagesTest, WritesByTheKernelAreNoticed) {
    const uint64_t buffer = machine.map(client, kPage);
    machine.write(client, buffer, uint64_t{42});
    ASSERT_TRUE(machine.call(client, abi::MemoryWrite{client_memory, 3 * kPage, buffer, 8}));
    EXPECT_EQ(detach(0, 8, 1)->dirty, 8u);
}

TEST_F(DirtyPagesTest, EveryMappingLosesAnEvictedPage) {
    map_object(other);
    machine.use_cpu(0);
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    machine.use_cpu(1);
    EXPECT_EQ(machine.read(other, at(1)), 1u);
    machine.use_cpu(0);
    ASSERT_TRUE(detach(0, 8));
    miss(client, 1);
    miss(other, 1);
}

TEST_F(DirtyPagesTest, AMovedPageIsPaidByTheObject) {
    Ref<Account> account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), uint64_t{1} << 20); });
    Thread& helper = machine.make_thread(machine.make_process({}, account.get()));
    map_stock(helper);
    const Handle control = machine.give(pager, memory, helper);
    const uint64_t before = account->used_bytes();
    ASSERT_TRUE(supply(20, 10, &helper, control));
    EXPECT_LE(account->used_bytes(), before + 4 * kPage) << "page tables and nodes stay";
    EXPECT_EQ(machine.read(client, at(25)), value_of(25));
    machine.in_kernel([&] { account = nullptr; });
}

// ---- clones

class PagedCloneTest : public DirtyPagesTest {
protected:
    static constexpr uint64_t kClone = 0x5000'0000;
    Handle clone_to(Thread& thread, uint64_t first = 0, uint64_t count = kPages) {
        const Handle mine = give_to(thread);
        const Handle clone = machine.call(thread, abi::MemoryClone{mine, first * kPage, count * kPage})->memory;
        const auto flags = kFixed | kReadWrite;
        EXPECT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, clone, 0, kClone, count * kPage, flags}));
        return clone;
    }
    static constexpr uint64_t in_clone(uint64_t page) { return at(page) - kObject + kClone; }
};

TEST_F(PagedCloneTest, ACloneGetsItsPagesFromThePager) {
    clone_to(other);
    EXPECT_EQ(machine.read(other, in_clone(3)), value_of(3));
    uint64_t word = 5;
    ASSERT_FALSE(machine.access(other, in_clone(20), &word, 8, Access::Write));
    ASSERT_TRUE(machine.waits(other));
    ASSERT_EQ(asked()->word[0], 20 * kPage);
    ASSERT_TRUE(supply(20));
    ASSERT_TRUE(machine.write(other, in_clone(20), uint64_t{5}));
    EXPECT_EQ(machine.read(client, at(20)), value_of(20)) << "written to the clone alone";
    EXPECT_EQ(machine.read(other, in_clone(20)), 5u);
    EXPECT_EQ(detach(20, 1)->dirty, 0u);
}

TEST_F(PagedCloneTest, WritesToTheObjectDoNotReachPagesThatACloneHas) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    clone_to(other);
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{2}));
    EXPECT_EQ(machine.read(other, in_clone(1)), 1u);
    ASSERT_TRUE(supply(30));
    ASSERT_TRUE(machine.write(client, at(30), uint64_t{3}));
    EXPECT_EQ(machine.read(other, in_clone(30)), 3u) << "as it is when first touched";
    ASSERT_TRUE(machine.write(client, at(30), uint64_t{4}));
    EXPECT_EQ(machine.read(other, in_clone(30)), 3u);
    EXPECT_EQ(detach(0, 64, 1)->dirty, uint64_t{1} << 1 | uint64_t{1} << 30);
}

TEST_F(PagedCloneTest, EvictionLeavesAClonesPagesAlone) {
    ASSERT_TRUE(machine.write(client, at(1), uint64_t{1}));
    clone_to(other);
    EXPECT_EQ(detach(0, 8)->dirty, 2u);
    EXPECT_EQ(machine.read(pager, back(1, 1)), 1u);
    EXPECT_EQ(machine.read(other, in_clone(1)), 1u);
    EXPECT_EQ(machine.read(other, in_clone(2)), value_of(2));
    miss(client, 1);
}

TEST_F(PagedCloneTest, ForkedClonesAndParts) {
    clone_to(other, 10, 20);
    const Handle forked = machine.call(other, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
    Thread& child = machine.make_thread(machine.adopt_process(other, forked));
    machine.call(other, abi::HandleClose{forked});
    uint64_t word;
    ASSERT_FALSE(machine.access(child, kClone + 2 * kPage + 8 * 12, &word, 8, Access::Read));
    ASSERT_EQ(asked()->word[0], 12 * kPage);
    ASSERT_TRUE(supply(12));
    EXPECT_EQ(machine.read(child, kClone + 2 * kPage + 8 * 12), value_of(12));
    ASSERT_TRUE(machine.write(child, kClone + 2 * kPage + 8 * 12, uint64_t{1}));
    EXPECT_EQ(machine.read(other, kClone + 2 * kPage + 8 * 12), value_of(12));
    EXPECT_EQ(machine.read(client, at(12)), value_of(12));
}

TEST_F(PagedCloneTest, WhatACloneGrowsByIsZero) {
    const Handle clone = clone_to(other, 0, 4);
    ASSERT_TRUE(machine.call(other, abi::MemoryResize{clone, 2 * kPage}));
    ASSERT_TRUE(machine.call(other, abi::MemoryResize{clone, 4 * kPage}));
    EXPECT_EQ(machine.read(other, in_clone(1)), value_of(1));
    EXPECT_EQ(machine.read(other, in_clone(3)), 0u);
}

TEST_F(PagedCloneTest, ClonesAreNotPassedAsAnonymousMemory) {
    const Handle clone = clone_to(other);
    machine.call(other, abi::HandleClose{clone});
    EXPECT_EQ(refusal(machine.in_kernel([&]() -> Result<> {
                  PhysicalAddress page[1];
                  return other.process().space().list_pages(kClone, Passing::Move, page);
              })),
              Error::InvalidArgument);
}

}  // namespace
}  // namespace portico::kernel::hosted
