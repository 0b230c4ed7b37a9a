#include "kernel/arch/hosted/pager_fixture.h"

/// Pages are asked of a pager, supplied, refused, late.
namespace portico::kernel::hosted {
namespace {

TEST_F(PagerTest, AMissingPageIsAskedForAndSupplied) {
    miss(client, 7);
    expect_asked(7);
    expect_not_asked();
    ASSERT_TRUE(supply(7));
    EXPECT_EQ(machine.read(client, at(7)), value_of(7));
    EXPECT_EQ(machine.read(pager, kStock + 7 * kPage), 0u) << "the page moved";
    expect_not_asked();
}

TEST_F(PagerTest, APageIsAskedForOnceHoweverManyWait) {
    std::vector<Thread*> threads;
    for (int i = 0; i < 3; ++i) miss(*threads.emplace_back(&machine.make_thread(client.process())), 3);
    expect_asked(3);
    for (int i = 0; i < 3; ++i) miss(*threads.emplace_back(&machine.make_thread(client.process())), 3, Access::Write);
    miss(*threads.emplace_back(&machine.make_thread(client.process())), 4);
    expect_asked(4);
    expect_not_asked();
    ASSERT_TRUE(supply(3));
    for (int i = 0; i < 6; ++i) EXPECT_EQ(machine.read(*threads[static_cast<size_t>(i)], at(3)), value_of(3));
    EXPECT_TRUE(machine.waits(*threads[6]));
    ASSERT_TRUE(supply(4));
    EXPECT_EQ(machine.read(*threads[6], at(4)), value_of(4));
}

TEST_F(PagerTest, AReceiverThatWaitsIsWoken) {
    machine.start_receive(pager, port);
    ASSERT_TRUE(machine.waits(pager));
    miss(client, 9, Access::Write);
    const auto message = machine.received(pager);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->word[0], 9 * kPage);
    EXPECT_EQ(message->word[1], 32 * kPage) << "neighbours that are absent too";
    EXPECT_EQ(message->word[2], static_cast<uint64_t>(Access::Write));
}

TEST_F(PagerTest, ManyPagesInOneCall) {
    ASSERT_TRUE(supply(10, 64));
    for (uint64_t page = 10; page < 74; ++page) EXPECT_EQ(machine.read(client, at(page)), value_of(page));
    miss(client, 9);
    ASSERT_TRUE(machine.call(pager, abi::MemorySupply{memory, 0, 0, 10 * kPage, 0})) << "zero pages";
    EXPECT_EQ(machine.read(client, at(9)), 0u);
    EXPECT_TRUE(machine.write(client, at(9), uint64_t{5}));
    EXPECT_EQ(machine.read(client, at(9)), 5u);
    EXPECT_EQ(machine.read(client, at(8)), 0u);
}

TEST_F(PagerTest, WhatIsThereStays) {
    ASSERT_TRUE(supply(5));
    ASSERT_TRUE(machine.write(client, at(5), uint64_t{99}));
    ASSERT_TRUE(supply(4, 3));
    EXPECT_EQ(machine.read(client, at(5)), 99u);
    EXPECT_EQ(machine.read(client, at(6)), value_of(6));
    EXPECT_EQ(machine.read(pager, kStock + 5 * kPage), 0u) << "given away all the same";
}

TEST_F(PagerTest, ARefusedPageIsAFault) {
    take_upcalls(client);
    miss(client, 2);
    expect_asked(2);
    ASSERT_TRUE(refuse(2));
    expect_lost(client, 2);
    miss(client, 2);
    expect_asked(2);
    ASSERT_TRUE(supply(2));
    EXPECT_EQ(machine.read(client, at(2)), value_of(2));
}

TEST_F(PagerTest, WithoutUpcallsTheSupervisorHearsOfALostPage) {
    const Handle supervised = machine.call(pager, abi::PortCreate{})->port;
    const Handle badge = machine.call(pager, abi::PortBadge{supervised, 5, 4})->sender;
    Ref<Sender> supervisor = machine.in_kernel([&] { return Ref<Sender>(**pager.process().handles().get<Sender>(badge, Rights::Send)); });
    Thread& bare = machine.make_thread(machine.make_process(std::move(supervisor)));
    map_object(bare);
    miss(bare, 2);
    ASSERT_TRUE(refuse(0, 10));
    const auto fault = machine.receive(pager, supervised);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->header.kind(), abi::MessageKind::Fault);
    EXPECT_EQ(fault->word[0] & 0xFFFF'FFFF, static_cast<uint64_t>(abi::FaultKind::PageLost));
    ASSERT_TRUE(machine.reply(pager, fault->id)) << "tries again";
    miss(bare, 2);
    machine.in_kernel([&] { supervisor = nullptr; });
}

TEST_F(PagerTest, WithoutAnybodyTheProcessEnds) {
    Thread& second = machine.make_thread(client.process());
    miss(client, 2);
    miss(second, 2);
    ASSERT_TRUE(refuse(2));
    machine.settle();
    EXPECT_EQ(client.process().state(), abi::ProcessState::Exited);
    EXPECT_EQ(client.process().exit_code(), abi::kExitCodeFault);
}

/// Threat D2.
TEST_F(PagerTest, AMutePagerHurtsOnlyWhoWaitsForIt) {
    take_upcalls(client);
    uint64_t used = 0;
    for (int round = 0; round < 1000; ++round) {
        const uint64_t page = static_cast<uint64_t>(round) % kPages;
        miss(client, page);
        if (round % 2 == 0) expect_asked(page);
        machine.advance(kWaitNs - 1);
        ASSERT_TRUE(machine.waits(client));
        ASSERT_TRUE(machine.call(other, abi::ClockRead{})) << "others go on";
        machine.advance(1);
        expect_lost(client, page);
        expect_not_asked();
        if (round == 0) used = machine.root().used_bytes();
    }
    EXPECT_EQ(machine.root().used_bytes(), used);
    ASSERT_TRUE(supply(0, 64));
    EXPECT_EQ(machine.read(client, at(1)), value_of(1)) << "late, but there";
}

TEST_F(PagerTest, ADeadPagerFailsAllAtOnce) {
    take_upcalls(client);
    Thread& second = machine.make_thread(client.process());
    miss(client, 1);
    expect_asked(1);
    miss(second, 2);
    kill(pager);
    expect_lost(client, 1);
    expect_lost(second, 2);
    uint64_t word;
    EXPECT_FALSE(machine.access(client, at(3), &word, 8, Access::Read));
    expect_lost(client, 3);
}

TEST_F(PagerTest, AThreadThatWaitsCanBeKilled) {
    Thread& second = machine.make_thread(client.process());
    map_object(other);
    miss(client, 1);
    miss(second, 2);
    miss(other, 2);
    kill(client);
    expect_asked(2);
    expect_not_asked();
    ASSERT_TRUE(supply(2));
    EXPECT_EQ(machine.read(other, at(2)), value_of(2));
    miss(other, 3);
    expect_asked(3);
    kill(other);
    EXPECT_TRUE(supply(3));
}

TEST_F(PagerTest, ItsOwnFaultsFailAtOnce) {
    take_upcalls(pager);
    map_object(pager);
    uint64_t word;
    EXPECT_FALSE(machine.access(pager, at(1), &word, 8, Access::Read));
    expect_lost(pager, 1);
    EXPECT_EQ(refusal(machine.call(pager, abi::MemoryRead{memory, kPage, kStock, 8})), Error::WouldBlock);
    expect_not_asked();
    // Who takes the messages is the pager, whoever made the object.
    const Handle elsewhere = machine.give(pager, port, other);
    const Handle control = machine.give(pager, memory, other);
    map_stock(other);
    miss(client, 1);
    ASSERT_TRUE(machine.receive(other, elsewhere));
    miss(pager, 2);
    EXPECT_EQ(machine.receive(other, elsewhere)->word[0], 2 * kPage);
    ASSERT_TRUE(supply(1, 2, &other, control));
    EXPECT_EQ(machine.read(pager, at(2)), value_of(2));
}

TEST_F(PagerTest, ACallWaitsAndIsMadeAgain) {
    const uint64_t buffer = machine.map(client, 2 * kPage);
    machine.start(client, abi::MemoryRead{client_memory, 3 * kPage + 8 * 3, buffer, 8});
    ASSERT_TRUE(machine.waits(client));
    expect_asked(3);
    machine.in_kernel([&] { client.alert(); });
    EXPECT_TRUE(machine.waits(client)) << "alerts come after";
    ASSERT_TRUE(supply(3));
    machine.enter(client, abi::MemoryRead::doc.number);
    ASSERT_TRUE(machine.result<abi::MemoryRead>(client));
    EXPECT_EQ(machine.read(client, buffer), value_of(3));

    machine.start(client, abi::ClockRead{});
    machine.start(client, abi::MemoryQuery{client_memory, kObject + 4 * kPage});
    ASSERT_TRUE(machine.waits(client)) << "results too are written to pages that may be absent";
    ASSERT_TRUE(refuse(4));
    EXPECT_EQ(refusal(machine.result<abi::MemoryQuery>(client)), Error::IoError);
}

TEST_F(PagerTest, AServerIsNotHeldUpForLongByAMutePager) {
    const Handle service = machine.call(other, abi::PortCreate{})->port;
    const Handle to_service = machine.give(other, machine.call(other, abi::PortBadge{service, 1, 4})->sender, client);
    const abi::MessageRegisters request{
        .handle_or_id = to_service.value, .header = abi::Header::make(1).with_windows(), .r14 = at(5), .rbx = 8};
    machine.start_message<abi::PortCall>(client, request);
    const uint64_t id = machine.receive(other, service)->id;
    const uint64_t buffer = machine.map(other, kPage);
    machine.start(other, abi::WindowRead{id, 0, buffer, 8});
    ASSERT_TRUE(machine.waits(other));
    expect_asked(5);
    machine.advance(Paging::kOthersWaitNs);
    EXPECT_EQ(refusal(machine.result<abi::WindowRead>(other)), Error::IoError);
    EXPECT_EQ(refusal(machine.call(other, abi::WindowRead{id, 0, buffer, 8})), Error::IoError) << "from then on at once";
    ASSERT_TRUE(supply(4));
    machine.start(other, abi::WindowRead{id, 0, buffer, 8});
    ASSERT_TRUE(machine.waits(other)) << "the pager was heard of";
    ASSERT_TRUE(supply(5));
    machine.enter(other, abi::WindowRead::doc.number);
    EXPECT_TRUE(machine.result<abi::WindowRead>(other));
    EXPECT_EQ(machine.read(other, buffer), value_of(5));
}

TEST_F(PagerTest, PagesPastANewEndAreNotWaitedFor) {
    take_upcalls(client);
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryResize{client_memory, 10 * kPage})), Error::AccessDenied);
    miss(client, 50);
    ASSERT_TRUE(machine.call(pager, abi::MemoryResize{memory, 10 * kPage}));
    uint64_t word;
    EXPECT_FALSE(machine.access(client, at(50), &word, 8, Access::Read));
    ASSERT_TRUE(client.in_upcall());
    EXPECT_EQ(client.upcall()->kind, abi::FaultKind::Page);
}

TEST_F(PagerTest, AnUnmappedObjectLivesUntilItsWaitsEnd) {
    Thread& second = machine.make_thread(client.process());
    take_upcalls(client);
    miss(client, 1);
    machine.call(second, abi::SpaceUnmap{abi::kSelfSpace, kObject, kPages * kPage});
    machine.call(second, abi::HandleClose{client_memory});
    machine.call(pager, abi::HandleClose{memory});
    expect_asked(1);
    machine.advance(kWaitNs);
    expect_lost(client, 1);
}

TEST_F(PagerTest, ManyObjectsTakeTurns) {
    const Handle second = make_object();
    map_object(other, machine.give(pager, second, other));
    Thread& third = machine.make_thread(client.process());
    miss(client, 1);
    miss(third, 2);
    miss(other, 8);
    std::vector<uint64_t> pages;
    for (int i = 0; i < 3; ++i) pages.push_back(asked()->word[0] / kPage);
    EXPECT_EQ(pages, (std::vector<uint64_t>{1, 8, 2}));
    expect_not_asked();
}

}  // namespace
}  // namespace portico::kernel::hosted
