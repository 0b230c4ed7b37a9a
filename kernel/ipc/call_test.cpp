#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class CallTest : public PortFixture {};

TEST_F(CallTest, ReplyReachesTheCaller) {
    machine.start_call(client, sender, 11);
    EXPECT_TRUE(machine.waits(client));
    const auto taken = machine.receive(server, port);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->header.kind(), abi::MessageKind::Call);
    EXPECT_EQ(taken->word[0], 11u);
    EXPECT_NE(taken->id, 0u);
    ASSERT_TRUE(machine.reply(server, taken->id, 22));
    expect_call_answered(22);
}

TEST_F(CallTest, ACallHandsTheCpuToAParkedReceiver) {
    machine.start_receive(server, port);
    machine.start_call(client, sender, 3);
    EXPECT_EQ(machine.running(), &server);
    const uint64_t id = machine.received(server)->id;
    machine.start_message<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .word = {8}, .r14 = id});
    EXPECT_TRUE(machine.waits(server));
    expect_call_answered(8);
}

TEST_F(CallTest, DoubleReplyAndForgedIdsAreRefused) {
    const uint64_t id = call_taken();
    EXPECT_EQ(refusal(machine.reply(machine.make_thread(client.process()), id)),
              Error::NoSuchCall);  // only the receiver's process has the id
    EXPECT_EQ(refusal(machine.reply(server, id + 1)), Error::NoSuchCall);
    EXPECT_EQ(refusal(machine.reply(server, 0)), Error::NoSuchCall);
    EXPECT_TRUE(machine.reply(server, id));
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
}

TEST_F(CallTest, AnyThreadOfTheReceiverMayReply) {
    const uint64_t id = call_taken();
    EXPECT_TRUE(machine.reply(machine.make_thread(server.process()), id, 4));
    expect_call_answered(4);
}

TEST_F(CallTest, DeadlineEndsAQueuedCallWithoutATrace) {
    machine.start_call(client, sender, 0, machine.hardware.now_ns() + 1000);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
}

TEST_F(CallTest, DeadlineEndsATakenCallAndTellsTheReceiver) {
    const uint64_t id = call_taken(0, machine.hardware.now_ns() + 1000);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
    const auto cancelled = machine.receive(server, port);
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(cancelled->header.kind(), abi::MessageKind::Cancelled);
    EXPECT_EQ(cancelled->id, id);
    EXPECT_EQ(cancelled->badge, kBadge);
    // The next call of the same thread is a new one.
    EXPECT_NE(call_taken(1), id);
}

TEST_F(CallTest, AlertEndsATakenCall) {
    const uint64_t id = call_taken();
    machine.in_kernel([&] { client.alert(); });
    EXPECT_EQ(refusal(machine.received(client)), Error::Interrupted);
    EXPECT_EQ(machine.receive(server, port)->id, id);
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
}

TEST_F(CallTest, AnAlertDoesNotEndASteadyCall) {
    machine.start_message<abi::PortCall>(client, {.handle_or_id = sender.value, .header = abi::Header::make(0).as_steady()});
    machine.in_kernel([&] { client.alert(); });
    EXPECT_TRUE(machine.waits(client));
    EXPECT_TRUE(machine.reply(server, machine.receive(server, port)->id, 5));
    expect_call_answered(5);
}

TEST_F(CallTest, ReceiversDeathFailsEachOfItsCallsOnce) {
    Thread& second = machine.make_thread(client.process());
    machine.start_call(client, sender);
    machine.start_call(second, sender);
    machine.receive(server, port);
    machine.in_kernel([&] { server.process().kill(1); });
    EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.received(second)), Error::PeerClosed);
}

TEST_F(CallTest, TakenCallsSurviveTheClosingOfThePort) {
    const uint64_t id = call_taken();
    machine.call(server, abi::HandleClose{port});
    EXPECT_TRUE(machine.waits(client));
    EXPECT_TRUE(machine.reply(server, id, 6));
    expect_call_answered(6);
}

TEST_F(CallTest, CallersDeathIsAnnounced) {
    const uint64_t id = call_taken();
    machine.in_kernel([&] { client.process().kill(1); });
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
    EXPECT_EQ(machine.receive(server, port)->header.kind(), abi::MessageKind::Cancelled);
}

class AsyncCallTest : public CallTest {
protected:
    Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    uint64_t call_async(uint64_t word = 0) {
        return machine.message<abi::PortCallAsync>(client, {.handle_or_id = sender.value, .word = {word}, .r14 = reply_port.value})->id;
    }
};

TEST_F(AsyncCallTest, ReplyArrivesAtThePort) {
    const uint64_t id = call_async(3);
    const auto taken = machine.receive(server, port);
    EXPECT_EQ(taken->id, id);
    EXPECT_EQ(taken->word[0], 3u);
    EXPECT_TRUE(machine.reply(server, id, 4));
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
    const auto answer = machine.receive(client, reply_port);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->header.kind(), abi::MessageKind::Reply);
    EXPECT_EQ(answer->id, id);
    EXPECT_EQ(answer->word[0], 4u);
    EXPECT_EQ(answer->badge, 0u);
}

TEST_F(AsyncCallTest, CancelInEveryState) {
    const uint64_t queued = call_async();
    EXPECT_TRUE(machine.call(client, abi::CallCancel{reply_port, queued}));
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);

    const uint64_t taken = call_async();
    machine.receive(server, port);
    EXPECT_TRUE(machine.call(client, abi::CallCancel{reply_port, taken}));
    EXPECT_EQ(refusal(machine.call(client, abi::CallCancel{reply_port, taken})), Error::NoSuchCall);
    EXPECT_EQ(machine.receive(server, port)->header.kind(), abi::MessageKind::Cancelled);
    EXPECT_EQ(refusal(machine.reply(server, taken)), Error::NoSuchCall);

    const uint64_t replied = call_async();
    machine.receive(server, port);
    EXPECT_TRUE(machine.reply(server, replied));
    EXPECT_TRUE(machine.call(client, abi::CallCancel{reply_port, replied}));
    EXPECT_EQ(refusal(machine.receive(client, reply_port)), Error::WouldBlock);
}

TEST_F(AsyncCallTest, ReceiversDeathReplies) {
    const uint64_t id = call_async();
    const uint64_t queued = call_async();
    machine.receive(server, port);
    machine.in_kernel([&] { server.process().kill(1); });
    for (int i = 0; i < 2; ++i) {
        const auto answer = machine.receive(client, reply_port);
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status(), Error::PeerClosed);
        EXPECT_TRUE(answer->id == id || answer->id == queued);
    }
}

TEST_F(AsyncCallTest, ReplyToAClosedPortIsDropped) {
    const uint64_t id = call_async();
    const uint64_t waiting = call_async();
    machine.receive(server, port);
    machine.receive(server, port);
    EXPECT_TRUE(machine.reply(server, waiting));
    machine.call(client, abi::HandleClose{reply_port});
    EXPECT_TRUE(machine.reply(server, id));
}

TEST_F(AsyncCallTest, CallersDeathCancels) {
    const uint64_t id = call_async();
    machine.receive(server, port);
    call_async();
    machine.in_kernel([&] { client.process().kill(1); });
    const auto cancelled = machine.receive(server, port);
    ASSERT_TRUE(cancelled);
    EXPECT_EQ(cancelled->header.kind(), abi::MessageKind::Cancelled);
    EXPECT_EQ(cancelled->id, id);
}

}  // namespace
}  // namespace portico::kernel::hosted
