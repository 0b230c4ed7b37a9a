#include "kernel/arch/hosted/batch_fixture.h"
#include "kernel/ipc/port_set.h"

/// Batch receives that wait: they are woken and make their system call again.
namespace portico::kernel::hosted {
namespace {

class BatchWaitTest : public BatchFixture {
protected:
    Thread& second = machine.make_thread(server.process());
    Result<uint64_t> receive_by(Thread& thread) {
        const auto received = machine.call(thread, abi::PortReceiveBatch{port, incoming, 64, abi::kNow});
        if (!received) return fail(received.error());
        return received->received;
    }
    bool waits_for_batch(Thread& thread) { return machine.waits(thread) && thread.wait() == Thread::Wait::ReceiveBatch; }
};

TEST_F(BatchWaitTest, WaitsAndTakesAllThereIsWhenWoken) {
    start_receive_batch(server, 64);
    EXPECT_TRUE(waits_for_batch(server));
    ASSERT_EQ(send(numbered(5)), 5u);
    EXPECT_TRUE(machine.runnable(server));
    expect_numbered(go_on_receiving(server), 5);
    start_receive_batch(server, 3);
    EXPECT_TRUE(waits_for_batch(server));
    ASSERT_EQ(send(numbered(5)), 5u);
    expect_numbered(go_on_receiving(server), 3);
    expect_numbered(receive(64), 2, 3);
}

TEST_F(BatchWaitTest, RegistersAreKeptOverTheWait) {
    abi::Registers& r = server.frame.registers;
    r.rbx = 1, r.rbp = 2, r.r12 = 3, r.r13 = 4, r.r14 = 5, r.r15 = 6;
    const uint64_t rip = r.rip;
    start_receive_batch(server, 64);
    ASSERT_EQ(send(numbered(1)), 1u);
    EXPECT_EQ(r.rip, rip) << "at the system call again";
    EXPECT_EQ(r.rax, abi::kNativeBase + abi::PortReceiveBatch::doc.number);
    EXPECT_EQ(r.rdi, port.value);
    EXPECT_EQ(r.rsi, incoming);
    EXPECT_EQ(r.rdx, 64u);
    EXPECT_EQ(r.r10, abi::kForever);
    const uint64_t kept[] = {r.rbx, r.rbp, r.r12, r.r13, r.r14, r.r15};
    for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(kept[i], i + 1);
    expect_numbered(go_on_receiving(server), 1);
    EXPECT_EQ(r.rip, rip + 2);
}

TEST_F(BatchWaitTest, TwoWhoWaitAreWokenByTwoMessages) {
    start_receive_batch(server, 64);
    start_receive_batch(second, 64);
    ASSERT_EQ(send(numbered(1)), 1u);
    EXPECT_FALSE(machine.waits(server));
    EXPECT_TRUE(waits_for_batch(second));
    ASSERT_EQ(send(numbered(1, 1)), 1u);
    EXPECT_FALSE(machine.waits(second));
    expect_numbered(go_on_receiving(second), 2);
    machine.enter(server, abi::PortReceiveBatch::doc.number);
    EXPECT_TRUE(waits_for_batch(server)) << "nothing was left for it";
    ASSERT_EQ(send(numbered(1, 2)), 1u);
    expect_numbered(go_on_receiving(server), 1, 2);
}

TEST_F(BatchWaitTest, APlainReceiverAndABatchWaitTogether) {
    start_receive_batch(server, 64);
    machine.start_receive(second, port);
    ASSERT_EQ(send(numbered(3)), 3u);
    EXPECT_FALSE(machine.waits(second));
    EXPECT_EQ(machine.received(second)->word[0], 0u) << "messages are taken in order";
    expect_numbered(go_on_receiving(server), 2, 1);
}

TEST_F(BatchWaitTest, ACallDoesNotOvertakeTheMessageABatchWasWokenFor) {
    Thread& caller = machine.make_thread(client.process());
    for (int round = 0; round < 2; ++round) {  // in the second the caller has a call record: the fast path could be taken
        start_receive_batch(server, 64);
        machine.start_receive(second, port);
        ASSERT_EQ(send(numbered(1)), 1u);
        machine.start_call(caller, sender, 5);
        ASSERT_FALSE(machine.waits(second));
        const auto first = machine.received(second);
        EXPECT_EQ(first->header.kind(), MessageKind::Send) << "round " << round;
        const auto batch = go_on_receiving(server);
        ASSERT_EQ(batch->size(), 1u);
        EXPECT_EQ((*batch)[0].header.kind(), MessageKind::Call);
        ASSERT_TRUE(machine.reply(server, (*batch)[0].id, 6));
        expect_answer(caller, 6);
    }
}

TEST_F(BatchWaitTest, DeadlinesPass) {
    start_receive_batch(server, 64, machine.hardware.now_ns() + 1000);
    machine.advance(2000);
    ASSERT_FALSE(machine.waits(server));
    EXPECT_EQ(refusal(machine.result<abi::PortReceiveBatch>(server)), Error::TimedOut);

    start_receive_batch(server, 64, machine.hardware.now_ns() + 1000);
    ASSERT_EQ(send(numbered(1)), 1u);
    machine.advance(2000);
    expect_numbered(go_on_receiving(server), 1);

    start_receive_batch(server, 64, machine.hardware.now_ns() + 1000);
    ASSERT_EQ(send(numbered(1)), 1u);
    EXPECT_EQ(receive_by(second), 1u);
    machine.enter(server, abi::PortReceiveBatch::doc.number);
    EXPECT_TRUE(waits_for_batch(server));
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.result<abi::PortReceiveBatch>(server)), Error::TimedOut) << "the deadline is the first one";
}

TEST_F(BatchWaitTest, AlertsCloseAndDeathEndTheWait) {
    start_receive_batch(server, 64);
    alert(server);
    EXPECT_EQ(refusal(machine.result<abi::PortReceiveBatch>(server)), Error::Interrupted);
    ASSERT_EQ(send(numbered(1)), 1u);
    expect_numbered(receive(64), 1);
    start_receive_batch(server, 64);
    machine.call(second, abi::HandleClose{port});
    EXPECT_EQ(refusal(machine.result<abi::PortReceiveBatch>(server)), Error::PeerClosed);
    port = machine.call(server, abi::PortCreate{})->port;
    start_receive_batch(server, 64);
    kill(server);
    EXPECT_EQ(server.state(), Thread::State::Dead);
}

TEST_F(BatchWaitTest, TheArrayIsLookedAtWhenMessagesCome) {
    machine.start(server, abi::PortReceiveBatch{port, 0x7000'0000, 64, abi::kForever});
    EXPECT_TRUE(waits_for_batch(server));
    ASSERT_EQ(send(numbered(1)), 1u);
    EXPECT_EQ(refusal(go_on<abi::PortReceiveBatch>(server)), Error::BadAddress);
    expect_numbered(receive(64), 1);
}

TEST_F(BatchWaitTest, ACallThatLendsMemoryWakesAndIsRefused) {
    start_receive_batch(server, 64);
    machine.start_message<abi::PortCall>(
        client, {.handle_or_id = sender.value, .header = Header::make(1).with_windows(), .r14 = outgoing, .rbx = 100});
    EXPECT_EQ(refusal(go_on<abi::PortReceiveBatch>(server)), Error::NotSupported);
    ASSERT_TRUE(machine.reply(server, machine.receive(server, port)->id, 1));
    expect_call_answered(1);
}

TEST_F(BatchWaitTest, ASuspendedReceiverTakesThemWhenItGoesOn) {
    start_receive_batch(server, 64);
    machine.in_kernel([&] { server.process().suspend(); });
    ASSERT_EQ(send(numbered(2)), 2u);
    EXPECT_EQ(server.state(), Thread::State::Held);
    machine.in_kernel([&] { server.process().resume(); });
    expect_numbered(go_on_receiving(server), 2);
}

TEST_F(BatchWaitTest, AMemberOfASetIsReceivedFromInBatches) {
    const Handle set = machine.call(server, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(server, abi::SetAdd{set, port, 7}));
    ASSERT_EQ(send(numbered(3)), 3u);
    expect_numbered(receive(2), 2);
    EXPECT_EQ(machine.receive(server, set)->word[0], 2u);
    EXPECT_EQ(refusal(machine.receive(server, set)), Error::WouldBlock);
    start_receive_batch(server, 64);
    machine.start_receive(second, set);
    ASSERT_EQ(send(numbered(1)), 1u);
    EXPECT_TRUE(machine.waits(second)) << "who waits at the port itself goes first";
    expect_numbered(go_on_receiving(server), 1);
    EXPECT_TRUE(machine.waits(second));
}

}  // namespace
}  // namespace portico::kernel::hosted
