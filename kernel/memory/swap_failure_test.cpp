#include "kernel/arch/hosted/swap_fixture.h"

/// Swapping when something is in the way: a server that dies, does nothing or cannot read; too little space; threads that wait for frames.
namespace portico::kernel::hosted {
namespace {

class SwapFailureTest : public SwapFixture {
protected:
    Thread& program = make_program();

    void SetUp() override { map(program, 4000); }
    /// Fills pages until the program waits for a frame; returns which one it waits for.
    uint64_t fill_until_it_waits() {
        uint64_t page = 0, value;
        for (; page < 4000; ++page) {
            value = 1 + page;
            if (!machine.access(program, at(page), &value, 8, Access::Write)) break;
        }
        EXPECT_TRUE(machine.waits(program));
        EXPECT_EQ(program.wait(), Thread::Wait::Frame);
        return page;
    }
};

TEST_F(SwapFailureTest, NothingIsLostWithAServerThatDiesWriting) {
    for (uint64_t i = 0; i < 4000; ++i) {
        if (i % 200 == 0) dies_writing = true;
        ASSERT_TRUE(write(program, at(i), 1 + i));
    }
    EXPECT_GE(restarts, 5u);
    expect_filled(program, 4000, 1);
}

TEST_F(SwapFailureTest, ThreadsThatWaitGoOnWithTheNextServer) {
    const uint64_t page = fill_until_it_waits();
    ASSERT_TRUE(machine.receive(*server, server_port)) << "a PageOut, and dies with it";
    restart_server();
    ASSERT_TRUE(wait_for(program));
    ASSERT_TRUE(write(program, at(page), 1 + page));
    expect_filled(program, page + 1, 1);

    fill(program, 3500, 1);
    uint64_t gone = 0, value;
    while (machine.access(program, at(gone), &value, 8, Access::Read)) ++gone;
    ASSERT_EQ(program.wait(), Thread::Wait::Page);
    while (machine.receive(*server, server_port)->header.kind() != abi::MessageKind::PageIn) {
    }
    restart_server();
    ASSERT_TRUE(wait_for(program));
    expect_filled(program, 3500, 1);
}

TEST_F(SwapFailureTest, OnlyALostPageIsLost) {
    Thread& other = make_program();
    map(other, 100);
    fill(other, 100, 5);
    fill(program, 3000, 1);
    broken_number = 20;
    unsigned losses = 0;
    for (Thread* each : {&program, &other})
        for (uint64_t i = 0; i < (each == &program ? 3000u : 100u); ++i) {
            const auto value = read(*each, at(i));
            if (value) {
                ASSERT_EQ(*value, (each == &program ? 1 : 5) + i);
                continue;
            }
            ++losses;
            ASSERT_TRUE(each->in_upcall());
            EXPECT_EQ(each->upcall()->kind, abi::FaultKind::PageLost);
            EXPECT_EQ(each->upcall()->address, at(i));
            broken_number = ~uint64_t{0};
            const abi::Registers registers = each->upcall()->registers;
            machine.call(*each, abi::UpcallReturn{machine.put(*each, registers)});
        }
    EXPECT_EQ(losses, refusals);
}

TEST_F(SwapFailureTest, AFrameThatIsFreedWakesOneWhoWaits) {
    Thread& other = make_program();
    map(other, 100);
    fill(other, 100, 5);
    const uint64_t page = fill_until_it_waits();
    ASSERT_TRUE(machine.call(other, abi::SpaceUnmap{abi::kSelfSpace, kPrograms, 100 * kPage}));
    ASSERT_FALSE(machine.waits(program));
    ASSERT_TRUE(machine.write(program, at(page), page + 1));
    ASSERT_FALSE(reclaimer.anyone_waits());
}

TEST_F(SwapFailureTest, AMuteServerCostsTheDeadlineThenTheSupervisorDecides) {
    fill_until_it_waits();
    machine.advance(kWaitNs + 1);
    EXPECT_EQ(program.process().exit_code(), abi::kExitCodeFault) << "no memory, and no supervisor";
    EXPECT_FALSE(reclaimer.anyone_waits());
}

TEST_F(SwapFailureTest, ASystemCallWaitsForFramesToo) {
    Thread& caller = machine.make_thread(program.process());
    const uint64_t page = fill_until_it_waits();
    machine.start(caller, abi::MemoryCreate{kPage});
    uint64_t made = 0;
    while (!machine.waits(caller) && made < 1000) {  // the kernel's heap has some room
        ASSERT_TRUE(machine.result<abi::MemoryCreate>(caller));
        machine.start(caller, abi::MemoryCreate{kPage});
        ++made;
    }
    ASSERT_TRUE(machine.waits(caller));
    EXPECT_EQ(caller.wait(), Thread::Wait::Frame);
    ASSERT_TRUE(wait_for(caller));
    machine.enter(caller, abi::MemoryCreate::doc.number);
    ASSERT_FALSE(machine.waits(caller));
    EXPECT_TRUE(machine.result<abi::MemoryCreate>(caller));
    ASSERT_TRUE(wait_for(program));
    expect_filled(program, page, 1);
}

TEST_F(SwapFailureTest, ASystemCallThatWaitsInVainIsRefused) {
    Thread& caller = machine.make_thread(program.process());
    fill_until_it_waits();
    machine.start(caller, abi::MemoryCreate{kPage});
    for (int i = 0; i < 1000 && !machine.waits(caller); ++i) machine.start(caller, abi::MemoryCreate{kPage});
    ASSERT_EQ(caller.wait(), Thread::Wait::Frame);
    machine.in_kernel([&] { caller.end_wait(Error::TimedOut); });
    EXPECT_EQ(refusal(machine.result<abi::MemoryCreate>(caller)), Error::NoMemory);
}

TEST_F(SwapFailureTest, AFullSpaceIsTheEnd) {
    Thread& hog = make_program();
    map(hog, 9000);
    uint64_t page = 0;
    while (page < 9000 && write(hog, at(page), page)) ++page;
    EXPECT_GT(page, kSwapPages);
    EXPECT_LT(page, kSwapPages + 2048);
    EXPECT_EQ(hog.state(), Thread::State::Dead) << "nobody judges";
    fill(program, 1000, 1);
    expect_filled(program, 1000, 1);
}

TEST_F(SwapFailureTest, APageThatIsFreedWhileItIsAskedForIsNotWaitedFor) {
    fill(program, 3000, 1);
    Thread& second = machine.make_thread(program.process());
    uint64_t gone = 0, value;
    while (machine.access(second, at(gone), &value, 8, Access::Read)) ++gone;
    ASSERT_EQ(second.wait(), Thread::Wait::Page);
    auto message = machine.receive(*server, server_port);
    for (; message->header.kind() != abi::MessageKind::PageIn; message = machine.receive(*server, server_port))
        write_out(message->word[0] / kPage, message->word[1] / kPage);
    ASSERT_TRUE(call(program, abi::SpaceMap{abi::kSelfSpace, {}, 0, at(gone) & ~(kPage - 1), kPage, kFixed | kReadWrite}));
    ASSERT_FALSE(machine.waits(second)) << "its page is another now";
    EXPECT_EQ(read(second, at(gone)), 0u);
    const uint64_t number = message->word[0] / kPage;
    read_in(number, 1);
    EXPECT_EQ(detach(abi::DetachMode::Keep, number, 1)->present, 0u) << "what comes late does not stay";
}

TEST_F(SwapFailureTest, WhenThePortClosesSwappedPagesAreLost) {
    fill(program, 3000, 1);
    kill(*server);
    server = &init;
    machine.call(init, abi::HandleClose{port});
    uint64_t lost = 0, value;
    while (machine.access(program, at(lost), &value, 8, Access::Read)) ++lost;
    ASSERT_TRUE(program.in_upcall());
    EXPECT_EQ(program.upcall()->kind, abi::FaultKind::PageLost);
    Thread& next = make_program();
    map(next, 3000);
    uint64_t page = 0;
    while (machine.write(next, at(page), page)) ++page;
    EXPECT_EQ(next.state(), Thread::State::Dead) << "nothing goes there any more";
}

}  // namespace
}  // namespace portico::kernel::hosted
