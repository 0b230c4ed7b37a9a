#include <gtest/gtest.h>

#include "kernel/arch/hosted/machine.h"
#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

/// Senders that wait for a credit, of which there is one.
class SendWaitTest : public PortFixture {
protected:
    void start_send(Thread& thread, uint64_t word, uint64_t deadline_ns = abi::kForever) {
        machine.start_message<abi::PortSendWait>(thread, {.handle_or_id = one.value, .word = {word}, .deadline_or_badge = deadline_ns});
    }
    uint64_t receive() { return machine.receive(server, port)->word[0]; }

    Handle servers = machine.call(server, abi::PortBadge{port, kBadge, 1})->sender;
    Handle one = machine.give(server, servers, client);
};

TEST_F(SendWaitTest, WithACreditItIsASend) {
    start_send(client, 1, abi::kNow);
    EXPECT_FALSE(machine.waits(client));
    EXPECT_TRUE(machine.received(client));
    EXPECT_EQ(receive(), 1u);
}

TEST_F(SendWaitTest, WithoutOneItWaitsForItsTurn) {
    Thread& second = machine.make_thread(client.process());
    Thread& third = machine.make_thread(client.process());
    ASSERT_TRUE(machine.send(client, one, 0));
    start_send(client, 1, abi::kNow);
    EXPECT_EQ(refusal(machine.received(client)), Error::NoCredit);
    start_send(client, 1);
    start_send(second, 2);
    start_send(third, 3);
    EXPECT_EQ(refusal(machine.send(machine.make_thread(client.process()), one, 9)), Error::NoCredit) << "nobody overtakes";
    EXPECT_EQ(receive(), 0u);
    EXPECT_FALSE(machine.waits(client));
    EXPECT_TRUE(machine.received(client));
    EXPECT_TRUE(machine.waits(second));
    EXPECT_EQ(receive(), 1u);
    EXPECT_TRUE(machine.received(second));
    EXPECT_TRUE(machine.waits(third));
    EXPECT_EQ(receive(), 2u);
    EXPECT_EQ(receive(), 3u);
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
}

TEST_F(SendWaitTest, ABatchThatIsTakenLetsAsManyIn) {
    const Handle three = machine.give(server, machine.call(server, abi::PortBadge{port, kBadge, 3})->sender, client);
    for (uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(machine.send(client, three, i));
    std::vector<Thread*> waiting;
    for (uint64_t i = 3; i < 8; ++i) {
        waiting.push_back(&machine.make_thread(client.process()));
        machine.start_message<abi::PortSendWait>(*waiting.back(), {.handle_or_id = three.value, .word = {i}});
    }
    const uint64_t array = machine.map(server, abi::kPageBytes);
    EXPECT_EQ(machine.call(server, abi::PortReceiveBatch{port, array, 64, abi::kNow})->received, 3u);
    for (unsigned i = 0; i < 5; ++i) EXPECT_EQ(machine.waits(*waiting[i]), i >= 3) << i;
    for (uint64_t i = 3; i < 8; ++i) EXPECT_EQ(receive(), i);
}

TEST_F(SendWaitTest, TheDeadlineAnAlertAndDeathEndTheWait) {
    Thread& killed = machine.make_thread();
    const Handle theirs = machine.give(client, one, killed);
    Thread& last = machine.make_thread(client.process());
    ASSERT_TRUE(machine.send(client, one, 0));
    start_send(client, 1, 1'000'000);
    machine.start_message<abi::PortSendWait>(killed, {.handle_or_id = theirs.value, .word = {2}});
    start_send(last, 3);
    machine.advance(2'000'000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    start_send(client, 4);
    machine.in_kernel([&] { client.alert(); });
    EXPECT_EQ(refusal(machine.received(client)), Error::Interrupted);
    machine.in_kernel([&] { killed.process().kill(1); });
    EXPECT_EQ(receive(), 0u);
    EXPECT_TRUE(machine.received(last)) << "those before it no longer wait";
    EXPECT_EQ(receive(), 3u);
}

TEST_F(SendWaitTest, AClosedPortEndsAllWaits) {
    Thread& second = machine.make_thread(client.process());
    ASSERT_TRUE(machine.send(client, one, 0));
    start_send(client, 1);
    start_send(second, 2);
    ASSERT_TRUE(machine.call(server, abi::HandleClose{port}));
    EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.received(second)), Error::PeerClosed);
}

TEST_F(SendWaitTest, WaitingKeepsTheSenderWhoseHandlesAreGone) {
    Thread& second = machine.make_thread(client.process());
    ASSERT_TRUE(machine.send(client, one, 0));
    start_send(second, 1);
    ASSERT_TRUE(machine.call(client, abi::HandleClose{one}));
    ASSERT_TRUE(machine.call(server, abi::HandleClose{servers}));
    EXPECT_EQ(receive(), 0u);
    EXPECT_TRUE(machine.received(second));
    EXPECT_EQ(receive(), 1u);
    EXPECT_EQ(receive(), abi::kNotifySendersGone);
}

TEST_F(SendWaitTest, WhatTheMessageCarriesIsTakenWhenItGoes) {
    Thread& second = machine.make_thread(client.process());
    Thread& third = machine.make_thread(client.process());
    const Handle memory = machine.call(client, abi::MemoryCreate{abi::kPageBytes})->memory;
    const auto carrying = [&](Thread& thread) {
        machine.start_message<abi::PortSendWait>(
            thread, {.handle_or_id = one.value, .header = abi::Header::make(0, 1, 1), .word = {7, 0, 0, 0, memory.value}});
    };
    ASSERT_TRUE(machine.send(client, one, 0));
    carrying(second);
    carrying(third);
    EXPECT_TRUE(machine.call(client, abi::MemoryResize{memory, abi::kPageBytes})) << "still the sender's";
    EXPECT_EQ(receive(), 0u);
    EXPECT_TRUE(machine.received(second));
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryResize{memory, abi::kPageBytes})), Error::BadHandle);
    EXPECT_NE(machine.receive(server, port)->word[4], 0u);
    EXPECT_EQ(refusal(machine.received(third)), Error::BadHandle) << "it had gone with another message meanwhile";
    EXPECT_TRUE(machine.send(client, one, 1)) << "a refused message gives its credit back";
}

TEST_F(SendWaitTest, ARefusedMessageLetsTheNextOneIn) {
    Thread& bad = machine.make_thread(client.process());
    Thread& good = machine.make_thread(client.process());
    const Handle memory = machine.call(client, abi::MemoryCreate{abi::kPageBytes})->memory;
    ASSERT_TRUE(machine.send(client, one, 0));
    machine.start_message<abi::PortSendWait>(
        bad, {.handle_or_id = one.value, .header = abi::Header::make(0, 1, 1), .word = {7, 0, 0, 0, memory.value}});
    start_send(good, 5);
    ASSERT_TRUE(machine.call(client, abi::HandleClose{memory}));
    EXPECT_EQ(receive(), 0u);
    EXPECT_EQ(refusal(machine.received(bad)), Error::BadHandle);
    EXPECT_TRUE(machine.received(good));
    EXPECT_EQ(receive(), 5u);
}

}  // namespace
}  // namespace portico::kernel::hosted
