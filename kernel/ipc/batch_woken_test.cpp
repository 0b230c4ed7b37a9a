#include "kernel/arch/hosted/batch_fixture.h"
#include "kernel/ipc/port_set.h"

/// A thread that waits for a batch is woken with its message still in the queue. If it does not come for it, the next one that waits is
/// woken: nobody sleeps beside a message.
namespace portico::kernel::hosted {
namespace {

class BatchWokenTest : public BatchFixture {
protected:
    Thread& woken = machine.make_thread(machine.make_process());
    Thread& second = machine.make_thread(server.process());
    Handle own = machine.give(server, port, woken);
    uint64_t array = machine.map(woken, abi::kPageBytes);

    /// `woken` waits for a batch, `second` for a message; the first is woken and then does as the test says.
    void wake(uint64_t into) {
        machine.start(woken, abi::PortReceiveBatch{own, into, 64, abi::kForever});
        machine.start_receive(second, port);
        ASSERT_EQ(send(numbered(1)), 1u);
        ASSERT_TRUE(machine.runnable(woken));
        ASSERT_TRUE(machine.waits(second));
    }
    void wake() { wake(array); }
    void expect_second_has_it() {
        ASSERT_FALSE(machine.waits(second)) << "it sleeps beside the message";
        EXPECT_EQ(machine.received(second)->word[0], 0u);
    }
};

TEST_F(BatchWokenTest, KilledBeforeItCame) {
    wake();
    kill(woken);
    expect_second_has_it();
}

TEST_F(BatchWokenTest, LeftForAnUpcall) {
    machine.call(woken, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x5000});
    wake();
    alert(woken);
    machine.switch_to(woken);
    expect_second_has_it();
}

TEST_F(BatchWokenTest, ItsHandleWasClosed) {
    wake();
    Thread& another = machine.make_thread(woken.process());
    ASSERT_TRUE(machine.call(another, abi::HandleClose{own}));
    EXPECT_EQ(refusal(go_on<abi::PortReceiveBatch>(woken)), Error::BadHandle);
    expect_second_has_it();
}

TEST_F(BatchWokenTest, ItsArrayIsNotThere) {
    wake(0x7000'0000);
    EXPECT_EQ(refusal(go_on<abi::PortReceiveBatch>(woken)), Error::BadAddress);
    expect_second_has_it();
}

TEST_F(BatchWokenTest, TheMessageIsNotForBatches) {
    machine.start(woken, abi::PortReceiveBatch{own, array, 64, abi::kForever});
    machine.start_receive(second, port);
    machine.start_message<abi::PortCall>(
        client, {.handle_or_id = sender.value, .header = Header::make(1).with_windows(), .r14 = outgoing, .rbx = 100});
    ASSERT_TRUE(machine.waits(second));
    EXPECT_EQ(refusal(go_on<abi::PortReceiveBatch>(woken)), Error::NotSupported);
    ASSERT_FALSE(machine.waits(second)) << "it sleeps beside the call";
    ASSERT_TRUE(machine.reply(second, machine.received(second)->id, 1));
    expect_call_answered(1);
}

TEST_F(BatchWokenTest, ItWaitsForSomethingElse) {
    wake();
    machine.start(woken, abi::ThreadSleep{abi::kForever});
    expect_second_has_it();
}

TEST_F(BatchWokenTest, TheOneAtTheSetIsWokenToo) {
    const Handle set = machine.call(server, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(server, abi::SetAdd{set, port, 7}));
    machine.start(woken, abi::PortReceiveBatch{own, array, 64, abi::kForever});
    machine.start_receive(second, set);
    ASSERT_EQ(send(numbered(1)), 1u);
    ASSERT_TRUE(machine.waits(second));
    kill(woken);
    expect_second_has_it();
}

TEST_F(BatchWokenTest, TheTaskGoesFromOneBatchToTheNext) {
    Thread& third = machine.make_thread(woken.process());
    machine.start(woken, abi::PortReceiveBatch{own, array, 64, abi::kForever});
    machine.start(third, abi::PortReceiveBatch{own, array, 64, abi::kForever});
    machine.start_receive(second, port);
    ASSERT_EQ(send(numbered(1)), 1u);
    EXPECT_TRUE(machine.waits(third));
    machine.in_kernel([&] { woken.process().kill(0); });  // both
    expect_second_has_it();
}

TEST_F(BatchWokenTest, WhoTookOneMessageHasDoneItsTask) {
    Thread& third = machine.make_thread(machine.make_process());
    const Handle thirds = machine.give(server, port, third);
    machine.start(woken, abi::PortReceiveBatch{own, array, 1, abi::kForever});
    machine.start(third, abi::PortReceiveBatch{thirds, array, 1, abi::kForever});
    machine.start(second, abi::PortReceiveBatch{port, incoming, 64, abi::kForever});
    ASSERT_EQ(send(numbered(2)), 2u);
    EXPECT_TRUE(machine.waits(second));
    EXPECT_EQ(go_on<abi::PortReceiveBatch>(woken)->received, 1u);
    EXPECT_TRUE(machine.waits(second)) << "the other message is the other one's";
    kill(third);
    const auto received = go_on<abi::PortReceiveBatch>(second);
    ASSERT_TRUE(received);
    expect_numbered(read_batch(second, incoming, received->received), 1, 1);
}

}  // namespace
}  // namespace portico::kernel::hosted
