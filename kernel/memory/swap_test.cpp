#include "kernel/arch/hosted/swap_fixture.h"

/// Pages of programs that go to the swap space and come back.
namespace portico::kernel::hosted {
namespace {

using SwapTest = SwapFixture;

TEST_F(SwapTest, MoreMemoryThanThereIs) {
    Thread& program = make_program();
    map(program, 4000);
    fill(program, 4000, 1000);
    EXPECT_GT(used_numbers(), 2000u);
    EXPECT_GE(system().swapped_out, used_numbers() - 2 * kPagesAtOnce);
    for (int round = 0; round < 2; ++round) expect_filled(program, 4000, 1000);
    EXPECT_GT(system().swapped_in, 4000u);
    fill(program, 4000, 9000);
    expect_filled(program, 4000, 9000);
    ASSERT_TRUE(call(program, abi::SpaceUnmap{abi::kSelfSpace, kPrograms, 4000 * kPage}));
    EXPECT_EQ(used_numbers(), 0u);
    map(program, 10);
    EXPECT_EQ(read(program, at(3)), 0u);
}

TEST_F(SwapTest, ReadingAheadServesLaterMisses) {
    ahead = 8;
    Thread& program = make_program();
    map(program, 4000);
    fill(program, 4000, 1000);
    const uint64_t before = system().swapped_in;
    expect_filled(program, 4000, 1000);
    EXPECT_GT(system().swapped_in, before + 2000);
}

TEST_F(SwapTest, NothingGoesWithoutNeedAndServersStay) {
    Thread& own = machine.make_thread();  // paid by the root account, as a server is
    const uint64_t place = machine.map(own, 200 * kPage);
    for (uint64_t i = 0; i < 200; ++i) machine.write(own, place + i * kPage, i);
    Thread& program = make_program();
    map(program, 3000);
    fill(program, 500, 1);
    EXPECT_EQ(used_numbers(), 0u);
    fill(program, 3000, 1);
    EXPECT_GT(used_numbers(), 1000u);
    EXPECT_EQ(own.process().space().page_table().present_pages(), 200u);
    for (uint64_t i = 0; i < 200; ++i) EXPECT_EQ(machine.read(own, place + i * kPage), i);
}

TEST_F(SwapTest, WhatAServerHasMappedStays) {
    Thread& program = make_program();
    const Handle memory = call(program, abi::MemoryCreate{100 * kPage})->memory;
    ASSERT_TRUE(call(program, abi::SpaceMap{abi::kSelfSpace, memory, 0, 0x5000'0000, 100 * kPage, kFixed | kReadWrite}));
    for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(write(program, 0x5000'0000 + i * kPage, i + 1));
    Thread& own = machine.make_thread();
    const Handle given = machine.give(program, memory, own);
    const uint64_t shown = machine.map(own, 50 * kPage, abi::MapFlags::Shared | Access::ReadWrite, given);
    map(program, 3000);
    fill(program, 3000, 1);
    for (uint64_t i = 0; i < 50; ++i) EXPECT_EQ(machine.read(own, shown + i * kPage), i + 1) << "without a wait";
    for (uint64_t i = 0; i < 100; ++i) EXPECT_EQ(read(program, 0x5000'0000 + i * kPage), i + 1);
}

TEST_F(SwapTest, AForkSharesWhatIsSwapped) {
    Thread& parent = make_program();
    map(parent, 2500);
    fill(parent, 2500, 1000);
    const uint64_t used = used_numbers();
    Thread& child = machine.make_thread(fork(parent));
    EXPECT_EQ(used_numbers(), used) << "numbers are shared";
    for (uint64_t i = 0; i < 2500; i += 2) ASSERT_TRUE(write(child, at(i), 50'000 + i));
    expect_filled(parent, 2500, 1000);
    for (uint64_t i = 0; i < 2500; ++i) ASSERT_EQ(read(child, at(i)), i % 2 == 0 ? 50'000 + i : 1000 + i) << i;
    EXPECT_GT(used_numbers(), used);
    kill(parent);
    for (uint64_t i = 0; i < 2500; ++i) ASSERT_EQ(read(child, at(i)), i % 2 == 0 ? 50'000 + i : 1000 + i) << i;
    kill(child);
    EXPECT_EQ(used_numbers(), 0u);
}

TEST_F(SwapTest, EveryForkLosesThePage) {
    Thread& parent = make_program();
    map(parent, 64);
    fill(parent, 64, 1000);
    Thread& child = machine.make_thread(fork(parent));
    for (Thread* each : {&parent, &child}) expect_filled(*each, 64, 1000);
    Thread& hog = make_program();
    map(hog, 4000);
    fill(hog, 4000, 1);
    EXPECT_EQ(child.process().space().page_table().present_pages(), parent.process().space().page_table().present_pages());
    for (Thread* each : {&child, &parent}) expect_filled(*each, 64, 1000);
}

TEST_F(SwapTest, APageThatIsSharedHasOneNumber) {
    Thread& parent = make_program();
    map(parent, 64);
    fill(parent, 64, 1000);
    Thread& child = machine.make_thread(fork(parent));
    ASSERT_TRUE(write(child, at(0), 7)) << "the node is copied, the other frames are shared";
    Thread& hog = make_program();
    map(hog, 4000);
    fill(hog, 4000, 1);
    kill(hog);
    serve_all();
    EXPECT_EQ(used_numbers(), 65u);
    expect_filled(parent, 64, 1000);
    EXPECT_LE(used_numbers(), 64u) << "the child's, but for frames that it had still in place";
    ASSERT_TRUE(write(parent, at(5), 1)) << "its own copy";
    for (uint64_t i = 1; i < 64; ++i) EXPECT_EQ(read(child, at(i)), 1000 + i);
    EXPECT_EQ(read(child, at(0)), 7u);
    EXPECT_EQ(used_numbers(), 0u);
}

TEST_F(SwapTest, PartsThatAreClonedCutOffOrPassed) {
    Thread& program = make_program();
    const Handle memory = call(program, abi::MemoryCreate{200 * kPage})->memory;
    ASSERT_TRUE(call(program, abi::SpaceMap{abi::kSelfSpace, memory, 0, 0x5000'0000, 200 * kPage, kFixed | kReadWrite}));
    fill(program, 200, 1000, 0x5000'0000);
    map(program, 3000);
    fill(program, 3000, 1);
    const Handle part = call(program, abi::MemoryClone{memory, 20 * kPage, 50 * kPage})->memory;
    ASSERT_TRUE(call(program, abi::MemoryResize{memory, 100 * kPage - 100}));
    ASSERT_TRUE(call(program, abi::MemoryResize{memory, 200 * kPage}));
    expect_filled(program, 99, 1000, 0x5000'0000);
    EXPECT_EQ(read(program, 0x5000'0000 + 100 * kPage - 8), 0u);
    EXPECT_EQ(read(program, at(99, 0x5000'0000)), 1099u);
    EXPECT_EQ(read(program, at(150, 0x5000'0000)), 0u);
    ASSERT_TRUE(call(program, abi::SpaceMap{abi::kSelfSpace, part, 0, 0x8000'0000, 50 * kPage, kFixed | kReadWrite}));
    for (uint64_t i = 0; i < 50; ++i) EXPECT_EQ(read(program, 0x8000'0000 + i * kPage + 8 * (20 + i)), 1020 + i);
    expect_filled(program, 3000, 1);
}

TEST_F(SwapTest, PagesOfMessagesComeInFirst) {
    Thread& program = make_program();
    Thread& receiver = make_program();
    const Handle own_port = call(receiver, abi::PortCreate{})->port;
    const Handle made = call(receiver, abi::PortBadge{own_port, 1, 8, 64})->sender;
    const Handle to = machine.give(receiver, made, program);
    map(program, 3000);
    map(receiver, 64, 0x5000'0000);
    fill(receiver, 64, 77, 0x5000'0000);
    fill(program, 3000, 1000);
    for (const uint64_t count : {1, 20}) {
        for (const bool copies : {false, true}) {
            abi::MessageRegisters registers{.handle_or_id = to.value, .header = abi::Header{}.with_pages(copies)};
            registers.r14 = kPrograms + 100 * kPage;
            registers.rbx = count * kPage;
            machine.start_message<abi::PortSend>(program, registers);
            while (machine.waits(program)) {
                ASSERT_TRUE(wait_for(program));
                machine.enter(program, abi::PortSend::doc.number);
            }
            ASSERT_TRUE(machine.received(program)) << name_of(machine.received(program).error());
            abi::MessageRegisters landing{.handle_or_id = own_port.value, .deadline_or_badge = abi::kNow};
            landing.r15 = 0x5000'0000;
            landing.rbx = count * kPage << 32;
            const auto received = machine.message<abi::PortReceive>(receiver, landing);
            ASSERT_TRUE(received) << name_of(received.error());
            EXPECT_EQ(received->page_bytes(), count * kPage);
            for (uint64_t i = 0; i < count; ++i) {
                EXPECT_EQ(read(receiver, 0x5000'0000 + i * kPage + 8 * (100 + i)), 1100 + i);
                EXPECT_EQ(read(program, at(100 + i)), copies ? 1100 + i : 0u);
                ASSERT_TRUE(write(program, at(100 + i), 1100 + i));
            }
            fill(program, 100, 1000);
            for (uint64_t i = 200; i < 3000; ++i) ASSERT_TRUE(write(program, at(i), 1000 + i));
        }
    }
    expect_filled(program, 3000, 1000);
}

TEST_F(SwapTest, SwappedPagesAreTold) {
    Thread& program = make_program();
    map(program, 3000);
    fill(program, 3000, 1);
    uint64_t swapped = 0, resident = 0;
    for (uint64_t from = kPrograms; from < kPrograms + 3000 * kPage;) {
        abi::MappingUsage usage;
        const uint64_t place = kPrograms + 2999 * kPage;
        ASSERT_TRUE(call(program, abi::ProcessInspect{abi::kSelfProcess, from, place}));
        ASSERT_TRUE(access(program, place, &usage, sizeof(usage), Access::Read));
        swapped += usage.swapped;
        resident += usage.private_dirty + usage.shared_dirty;
        from = usage.counted_to;
    }
    EXPECT_GE(swapped, used_numbers());
    EXPECT_LE(swapped + resident, 3000u);
    EXPECT_GT(swapped + resident, 2900u) << "but for those that are between page table and swap space";
}

TEST_F(SwapTest, AnAccountPaysForWhatIsInMemory) {
    Thread& program = make_program();
    map(program, 4000);
    fill(program, 4000, 1);
    EXPECT_LT(account->used_bytes(), 2048 * kPage);
    const uint64_t used = machine.root().used_bytes();
    expect_filled(program, 4000, 1);
    EXPECT_LT(account->used_bytes(), 2048 * kPage);
    EXPECT_NEAR(static_cast<double>(machine.root().used_bytes()), static_cast<double>(used), 200.0 * kPage);
    kill(program);
    EXPECT_EQ(used_numbers(), 0u);
}

}  // namespace
}  // namespace portico::kernel::hosted
