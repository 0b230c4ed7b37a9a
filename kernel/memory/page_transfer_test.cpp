#include "kernel/arch/hosted/page_fixture.h"

/// Pages that leave one address space and arrive in another, without the messages around them.
namespace portico::kernel::hosted {
namespace {

TEST_F(PageTransferTest, OnePageMoves) {
    const uint64_t source = machine.map(sender, kPage), landing = machine.map(receiver, kPage);
    fill(sender, source, 1, 7);
    pass(source, 1, landing, Passing::Move);
    expect_filled(receiver, landing, 1, 7);
    expect_zero(sender, source, 1);
    fill(sender, source, 1, 8);
    expect_filled(receiver, landing, 1, 7);
}

TEST_F(PageTransferTest, AMovedPageIsMappedWritableAtOnce) {
    const uint64_t source = machine.map(sender, 3 * kPage), landing = machine.map(receiver, 3 * kPage);
    fill(sender, source, 3, 7);
    pass(source, 3, landing, Passing::Move);
    for (uint64_t i = 0; i < 3; ++i) {
        const arch::PageEntry entry = receiver.process().space().page_table().lookup(landing + i * kPage);
        EXPECT_TRUE(entry.present);
        EXPECT_EQ(entry.access, Access::ReadWrite);
        EXPECT_FALSE(sender.process().space().page_table().lookup(source + i * kPage).present);
    }
}

TEST_F(PageTransferTest, ACopiedPageIsSharedUntilOneWrites) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{5}}) {
        const uint64_t source = machine.map(sender, count * kPage), landing = machine.map(receiver, count * kPage);
        fill(sender, source, count, 100);
        expect_zero(receiver, landing, count);  // makes tables
        const uint64_t used = machine.root().used_bytes();
        pass(source, count, landing, Passing::Copy);
        EXPECT_LT(machine.root().used_bytes(), used + kPage) << "at most a node";
        expect_filled(receiver, landing, count, 100);
        expect_filled(sender, source, count, 100);
        fill(sender, source, count, 200);
        expect_filled(receiver, landing, count, 100);
        fill(receiver, landing, count, 300);
        expect_filled(sender, source, count, 200);
        expect_filled(receiver, landing, count, 300);
    }
}

TEST_F(PageTransferTest, TheLastHolderOfACopyWritesInPlace) {
    const uint64_t source = machine.map(sender, kPage), landing = machine.map(receiver, kPage);
    fill(sender, source, 1, 1);
    pass(source, 1, landing, Passing::Copy);
    machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, source, kPage});
    const uint64_t used = machine.root().used_bytes();
    fill(receiver, landing, 1, 2);
    EXPECT_EQ(machine.root().used_bytes(), used);
}

class PageRangeTest : public PageTransferTest, public testing::WithParamInterface<std::tuple<uint64_t, Passing>> {};

TEST_P(PageRangeTest, ArrivesWholeWhereverItLies) {
    const auto [count, how] = GetParam();
    // Over the ends of nodes (64 pages) and of last-level tables (512).
    for (const uint64_t lead : {0u, 1u, 60u, 500u}) {
        constexpr uint64_t kSource = 0x4000'0000, kLanding = 0x5020'0000;
        map_pieces(sender, kSource, {lead + count + 3});
        map_pieces(receiver, kLanding - 7 * kPage, {count + 20});
        const uint64_t source = kSource + lead * kPage, landing = kLanding - 7 * kPage + lead % 3 * kPage;
        fill(sender, kSource, lead + count + 3, 1000);
        fill(receiver, landing + count * kPage, 2, 1);
        pass(source, count, landing, how);
        for (uint64_t i = 0; i < count; ++i)
            EXPECT_EQ(machine.read(receiver, landing + i * kPage + 8 * ((lead + i) % 512)), 1000 + lead + i) << i;
        expect_filled(receiver, landing + count * kPage, 2, 1);
        expect_filled(sender, kSource, lead, 1000);
        for (uint64_t i = 0; i < count; ++i)
            EXPECT_EQ(machine.read(sender, source + i * kPage + 8 * ((lead + i) % 512)), how == Passing::Move ? 0 : 1000 + lead + i) << i;
        EXPECT_EQ(machine.read(sender, source + count * kPage + 8 * ((lead + count) % 512)), 1000 + lead + count);
    }
}

INSTANTIATE_TEST_SUITE_P(Sizes, PageRangeTest,
                         testing::Combine(testing::Values(2, 31, 33, 64, 65, 256), testing::Values(Passing::Move, Passing::Copy)));

TEST_F(PageTransferTest, RangesSpanMappings) {
    for (const Passing how : {Passing::Move, Passing::Copy}) {
        const uint64_t source = map_pieces(sender, 0x4000'0000, {5, 1, 70, 4});
        const uint64_t landing = map_pieces(receiver, 0x6000'0000, {30, 3, 47});
        fill(sender, source, 80, 500);
        pass(source, 80, landing, how);
        expect_filled(receiver, landing, 80, 500);
        if (how == Passing::Move)
            expect_zero(sender, source, 80);
        else
            expect_filled(sender, source, 80, 500);
    }
}

TEST_F(PageTransferTest, PagesNeverWrittenArriveAsZeros) {
    for (const Passing how : {Passing::Move, Passing::Copy}) {
        const uint64_t source = machine.map(sender, 200 * kPage), landing = machine.map(receiver, 200 * kPage);
        fill(receiver, landing, 200, 900);
        for (const uint64_t i : {3u, 4u, 70u, 199u}) machine.write(sender, source + i * kPage, i);
        EXPECT_EQ(machine.read(sender, source + 5 * kPage), 0u) << "shows the zero page";
        pass(source, 200, landing, how);
        for (uint64_t i = 0; i < 200; ++i) {
            const bool written = i == 3 || i == 4 || i == 70 || i == 199;
            EXPECT_EQ(machine.read(receiver, landing + i * kPage), written ? i : 0) << i;
            EXPECT_EQ(machine.read(sender, source + i * kPage), written && how == Passing::Copy ? i : 0) << i;
        }
        machine.write<uint64_t>(sender, source + 5 * kPage, 1);
        EXPECT_EQ(machine.read(receiver, landing + 5 * kPage), 0u);
    }
}

TEST_F(PageTransferTest, ARangeOfNothingFreesWhatWasThere) {
    const uint64_t source = machine.map(sender, 70 * kPage), landing = machine.map(receiver, 70 * kPage);
    pass(source, 70, landing, Passing::Move);
    const uint64_t used = receiver_account->used_bytes();
    machine.write<uint64_t>(receiver, landing, 1);
    pass(source, 70, landing, Passing::Move);
    expect_zero(receiver, landing, 70);
    EXPECT_LT(receiver_account->used_bytes(), used + kPage) << "at most a node";
}

TEST_F(PageTransferTest, PagesSharedWithAForkAreCopiedWhenMoved) {
    const uint64_t source = machine.map(sender, 100 * kPage), landing = machine.map(receiver, 100 * kPage);
    fill(sender, source, 100, 1);
    Thread& child = fork(sender);
    pass(source + 10 * kPage, 20, landing, Passing::Move);
    expect_filled(child, source, 100, 1);
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(machine.read(receiver, landing + i * kPage + 8 * (10 + i)), 11 + i);
    expect_filled(sender, source, 10, 1);
    expect_zero(sender, source + 10 * kPage, 20);
    ASSERT_EQ(refusal(take(child, source, 100, Passing::Move)), Error::None);
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    expect_filled(receiver, landing, 100, 1);
    expect_zero(child, source, 100);
    for (uint64_t i = 30; i < 100; ++i) EXPECT_EQ(machine.read(sender, source + i * kPage + 8 * i), 1 + i);
}

TEST_F(PageTransferTest, PagesSharedWithAForkAreSharedWhenCopied) {
    const uint64_t source = machine.map(sender, 70 * kPage), landing = machine.map(receiver, 70 * kPage);
    fill(sender, source, 70, 1);
    Thread& child = fork(sender);
    pass(source, 70, landing, Passing::Copy);
    for (uint64_t round = 2; round < 5; ++round) {
        Thread& writer = round == 2 ? child : round == 3 ? sender : receiver;
        fill(writer, round == 4 ? landing : source, 70, round * 1000);
    }
    expect_filled(child, source, 70, 2000);
    expect_filled(sender, source, 70, 3000);
    expect_filled(receiver, landing, 70, 4000);
}

TEST_F(PageTransferTest, LandingInMemorySharedWithAForkLeavesTheForkItsPages) {
    const uint64_t source = machine.map(sender, 3 * kPage), landing = machine.map(receiver, 100 * kPage);
    fill(sender, source, 3, 1);
    fill(receiver, landing, 100, 50);
    Thread& child = fork(receiver);
    pass(source, 3, landing + 62 * kPage, Passing::Move);
    expect_filled(child, landing, 100, 50);
    expect_filled(receiver, landing + 62 * kPage, 3, 1);
    expect_filled(receiver, landing, 62, 50);
}

TEST_F(PageTransferTest, APageMovedWhileACopyOfItIsUnderWay) {
    const uint64_t source = machine.map(sender, 2 * kPage), landing = machine.map(receiver, 2 * kPage);
    fill(sender, source, 2, 5);
    ASSERT_EQ(refusal(take(sender, source, 2, Passing::Copy)), Error::None);
    CarriedPages first = std::move(carried);
    ASSERT_EQ(refusal(take(sender, source, 2, Passing::Move)), Error::None);
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    fill(receiver, landing, 2, 9);
    carried = std::move(first);
    ASSERT_EQ(refusal(land(sender, source)), Error::None) << "back where it came from";
    expect_filled(sender, source, 2, 5);
    expect_filled(receiver, landing, 2, 9);
}

TEST_F(PageTransferTest, WithinOneSpaceAndOntoItself) {
    const uint64_t source = machine.map(sender, 8 * kPage);
    fill(sender, source, 8, 1);
    ASSERT_EQ(refusal(take(sender, source, 4, Passing::Move)), Error::None);
    ASSERT_EQ(refusal(land(sender, source + 2 * kPage)), Error::None);
    expect_zero(sender, source, 2);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(machine.read(sender, source + (2 + i) * kPage + 8 * i), 1 + i);
    ASSERT_EQ(refusal(take(sender, source, 8, Passing::Copy)), Error::None);
    ASSERT_EQ(refusal(land(sender, source)), Error::None);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(machine.read(sender, source + (2 + i) * kPage + 8 * i), 1 + i);
}

// ---- other CPUs

TEST_F(PageTransferTest, AnotherCpuLosesAMovedPageBeforeItIsGivenAway) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{40}}) {
        Thread& writer = machine.make_thread(sender.process());
        const uint64_t source = machine.map(sender, count * kPage), landing = machine.map(receiver, count * kPage);
        machine.use_cpu(1);
        fill(writer, source, count, 1);  // CPU 1 caches writable translations
        machine.use_cpu(0);
        ASSERT_EQ(refusal(take(sender, source, count, Passing::Move)), Error::None);
        machine.use_cpu(1);
        fill(writer, source, count, 2);
        machine.use_cpu(0);
        ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
        expect_filled(receiver, landing, count, 1);
        expect_filled(sender, source, count, 2);
    }
}

TEST_F(PageTransferTest, AnotherCpuCannotWriteToWhatWasCopied) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{40}}) {
        Thread& writer = machine.make_thread(sender.process());
        const uint64_t source = machine.map(sender, count * kPage), landing = machine.map(receiver, count * kPage);
        machine.use_cpu(1);
        fill(writer, source, count, 1);
        machine.use_cpu(0);
        ASSERT_EQ(refusal(take(sender, source, count, Passing::Copy)), Error::None);
        machine.use_cpu(1);
        fill(writer, source, count, 2);
        machine.use_cpu(0);
        ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
        expect_filled(receiver, landing, count, 1);
    }
}

TEST_F(PageTransferTest, AnotherCpuSeesWhatLanded) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{40}}) {
        Thread& reader = machine.make_thread(receiver.process());
        const uint64_t source = machine.map(sender, count * kPage), landing = machine.map(receiver, count * kPage);
        fill(sender, source, count, 1);
        machine.use_cpu(1);
        fill(reader, landing, count, 2);
        machine.use_cpu(0);
        pass(source, count, landing, Passing::Move);
        machine.use_cpu(1);
        expect_filled(reader, landing, count, 1);
        fill(reader, landing, count, 3);
        machine.use_cpu(0);
        expect_filled(receiver, landing, count, 3);
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
