#include "kernel/arch/hosted/priority_fixture.h"

/// Inherited priorities with forwarded calls, batches, faults and several CPUs.
namespace portico::kernel::hosted {
namespace {

constexpr unsigned kLow = 4, kMiddle = 18, kHigh = 20;

class PriorityReceiveTest : public PriorityFixture {
protected:
    Server low = make_server(kLow), second = make_server(5);
    Thread& urgent = make_client(kHigh);
    Thread& lazy = make_client(kLow);
    Handle from_urgent = sender_to(low, urgent);
    Handle from_lazy = sender_to(low, lazy);

    uint64_t receive_batch(uint64_t count) {
        const auto received = machine.call(low.thread, abi::PortReceiveBatch{low.port, machine.scratch(low.thread), count, abi::kNow});
        EXPECT_TRUE(received);
        return received ? received->received : 0;
    }
    uint64_t id_in_batch(uint64_t index) { return *machine.read(low.thread, machine.scratch(low.thread) + index * sizeof(abi::Message)); }
};

TEST_F(PriorityReceiveTest, AForwardedCallKeepsItsCallersPriority) {
    const Handle to_second = sender_to(second, low.thread), from_lazy_to_second = sender_to(second, lazy);
    const auto forward = [&](uint64_t id) {
        EXPECT_TRUE(machine.message<abi::PortForward>(low.thread, {.handle_or_id = to_second.value, .r14 = id}));
    };
    serve(second);
    machine.start_call(urgent, from_urgent);
    forward(take(low));
    EXPECT_EQ(second.thread.priority(), kHigh);
    EXPECT_EQ(machine.running(), &second.thread);
    EXPECT_EQ(low.thread.priority(), kHigh) << "it has not received yet";
    EXPECT_EQ(refusal(machine.receive(low.thread, low.port)), Error::WouldBlock);
    expect_at_base(low);
    answer(second, taken_id(second));
    expect_at_base(second);

    // The second server is busy: it inherits while the call is in its queue.
    machine.start_call(lazy, from_lazy_to_second);
    const uint64_t busy_with = taken_id(second);
    machine.start_call(urgent, from_urgent);
    forward(take(low));
    EXPECT_EQ(second.thread.priority(), kHigh);
    answer(second, busy_with);
    EXPECT_EQ(second.thread.priority(), kHigh);
    answer(second, taken_id(second));
    expect_at_base(second);
}

TEST_F(PriorityReceiveTest, ABatchOfCallsIsDoneAtTheHighest) {
    machine.start_call(urgent, from_urgent);
    machine.start_call(lazy, from_lazy);
    ASSERT_EQ(receive_batch(8), 2u);
    EXPECT_EQ(low.thread.priority(), kHigh) << "it holds the urgent call";
    for (uint64_t i = 0; i < 2; ++i) ASSERT_TRUE(machine.reply(low.thread, id_in_batch(i)));
    serve(low);
    expect_at_base(low);
}

TEST_F(PriorityReceiveTest, ABatchOfMessagesEndsWhatWasInherited) {
    machine.start_call(urgent, from_urgent);
    ASSERT_TRUE(machine.reply(low.thread, take(low)));
    EXPECT_EQ(low.thread.priority(), kHigh);
    ASSERT_TRUE(machine.send(lazy, from_lazy));
    ASSERT_TRUE(machine.send(lazy, from_lazy));
    ASSERT_EQ(receive_batch(1), 1u);
    expect_at_base(low);
}

TEST_F(PriorityReceiveTest, ABatchInFrontOfAnUrgentCallIsDoneAtItsPriority) {
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(machine.send(lazy, from_lazy));
    machine.start_call(urgent, from_urgent);
    ASSERT_EQ(receive_batch(2), 2u);
    EXPECT_EQ(low.thread.priority(), kHigh) << "the urgent call waits for this to be done";
    Thread& other = make_client(25);
    machine.start_call(other, sender_to(low, other));
    EXPECT_EQ(low.thread.priority(), 25u) << "and so does this one";
}

TEST_F(PriorityReceiveTest, AWaitInABatchReceiveIsAtBase) {
    machine.start_call(urgent, from_urgent);
    ASSERT_TRUE(machine.reply(low.thread, take(low)));
    machine.start(low.thread, abi::PortReceiveBatch{low.port, machine.scratch(low.thread), 4, abi::kForever});
    expect_at_base(low);
    machine.start_call(urgent, from_urgent);
    ASSERT_EQ(go_on<abi::PortReceiveBatch>(low.thread)->received, 1u);
    EXPECT_EQ(low.thread.priority(), kHigh);
}

TEST_F(PriorityReceiveTest, ASupervisorJudgesAtTheFaultingThreadsPriority) {
    Ref<Sender> supervisor =
        machine.in_kernel([&] { return Ref<Sender>(**lazy.process().handles().get<Sender>(from_lazy, Rights::Send)); });
    Thread& faulting = machine.make_thread(machine.make_process(std::move(supervisor)), kHigh);
    serve(low);
    machine.write<uint64_t>(faulting, 0x7000'0000, 1);
    EXPECT_EQ(low.thread.priority(), kHigh);
    answer(low, taken_id(low));
    expect_at_base(low);
}

TEST_F(PriorityReceiveTest, OneWayMessagesAndAsyncCallsLendNone) {
    const Handle reply_port = machine.call(urgent, abi::PortCreate{})->port;
    ASSERT_TRUE(machine.send(urgent, from_urgent));
    ASSERT_TRUE(machine.receive(low.thread, low.port));
    expect_at_base(low);
    ASSERT_TRUE(machine.message<abi::PortCallAsync>(urgent, {.handle_or_id = from_urgent.value, .r14 = reply_port.value}));
    take(low);
    expect_at_base(low);
}

class PriorityTwoCpuTest : public testing::Test {
protected:
    Machine machine{2};
};

TEST_F(PriorityTwoCpuTest, AServerInAnotherCpusQueueIsRunThere) {
    Thread& server = machine.make_thread(machine.make_process(), kLow);
    Thread& hog = machine.make_thread(machine.make_process(), kMiddle);
    Thread& lazy = machine.make_thread(machine.make_process(), kLow);
    Thread& urgent = machine.make_thread(machine.make_process(), kHigh);
    const Handle port = machine.call(server, abi::PortCreate{})->port;
    const Handle made = machine.call(server, abi::PortBadge{port, 1, 8})->sender;
    const Handle from_lazy = machine.give(server, made, lazy), from_urgent = machine.give(server, made, urgent);
    machine.start_call(lazy, from_lazy);
    ASSERT_TRUE(machine.receive(server, port));
    machine.use_cpu(1);
    machine.switch_to(server);
    machine.switch_to(hog);
    ASSERT_EQ(server.state(), Thread::State::Ready);
    ASSERT_EQ(server.cpu->index, 1u);
    machine.use_cpu(0);
    machine.start_call(urgent, from_urgent);
    EXPECT_EQ(server.priority(), kHigh);
    EXPECT_EQ(server.state(), Thread::State::Running) << "not where the hog was";
    EXPECT_EQ(hog.state(), Thread::State::Ready);
}

}  // namespace
}  // namespace portico::kernel::hosted
