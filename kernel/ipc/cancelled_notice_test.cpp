#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/ipc/port_set.h"

/// That a call was cancelled hears the process that took it and nobody else.
namespace portico::kernel::hosted {
namespace {

class CancelledNoticeTest : public PortFixture {
protected:
    Thread& other = machine.make_thread();
    Handle others = machine.give(server, port, other);

    uint64_t cancelled_call() {
        Thread& caller = machine.make_thread(client.process());
        machine.start_call(caller, sender);
        const uint64_t id = machine.receive(server, port)->id;
        alert(caller);
        return id;
    }
    void expect_notice(Thread& thread, Handle source, uint64_t id) {
        const auto notice = machine.receive(thread, source);
        ASSERT_TRUE(notice);
        EXPECT_EQ(notice->header.kind(), abi::MessageKind::Cancelled);
        EXPECT_EQ(notice->id, id);
    }
};

TEST_F(CancelledNoticeTest, ItsSuccessorAtThePortDoesNotHearIt) {
    for (int i = 0; i < 3; ++i) cancelled_call();
    ASSERT_TRUE(machine.send(client, sender, 5));
    const uint64_t used = machine.root().used_bytes();
    kill(server);
    EXPECT_LT(machine.root().used_bytes(), used) << "the records are gone";
    EXPECT_EQ(machine.receive(other, others)->word[0], 5u);
    EXPECT_EQ(refusal(machine.receive(other, others)), Error::WouldBlock);
}

TEST_F(CancelledNoticeTest, ASuccessorThatWaitsIsNotWoken) {
    machine.start_call(client, sender);
    ASSERT_TRUE(machine.receive(server, port));
    machine.start_receive(other, others);
    alert(client);
    EXPECT_TRUE(machine.waits(other));
    ASSERT_TRUE(machine.send(client, sender, 5));
    ASSERT_FALSE(machine.waits(other));
    EXPECT_EQ(machine.received(other)->word[0], 5u);
}

TEST_F(CancelledNoticeTest, AnotherProcessThatComesAcrossItDropsIt) {
    cancelled_call();
    EXPECT_EQ(refusal(machine.receive(other, others)), Error::WouldBlock);
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
    cancelled_call();
    ASSERT_TRUE(machine.send(client, sender, 5));
    EXPECT_EQ(machine.receive(other, others)->word[0], 5u);
    const uint64_t id = cancelled_call();
    expect_notice(server, port, id);
}

TEST_F(CancelledNoticeTest, BatchesAndSetsDropItToo) {
    const uint64_t array = machine.map(other, abi::kPageBytes);
    const auto batch = [&] { return machine.call(other, abi::PortReceiveBatch{others, array, 8, abi::kNow}); };
    cancelled_call();
    EXPECT_EQ(refusal(batch()), Error::WouldBlock);
    cancelled_call();
    ASSERT_TRUE(machine.send(client, sender, 5));
    cancelled_call();
    EXPECT_EQ(batch()->received, 1u);
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);

    const Handle set = machine.call(other, abi::SetCreate{})->set;
    const Handle second = machine.call(other, abi::PortCreate{})->port;
    const Handle second_sender = machine.call(other, abi::PortBadge{second, 1, 2})->sender;
    ASSERT_TRUE(machine.call(other, abi::SetAdd{set, others, 1}));
    ASSERT_TRUE(machine.call(other, abi::SetAdd{set, second, 2}));
    cancelled_call();
    EXPECT_EQ(refusal(machine.receive(other, set)), Error::WouldBlock);
    cancelled_call();
    ASSERT_TRUE(machine.send(other, second_sender, 6));
    EXPECT_EQ(machine.receive(other, set)->word[0], 6u) << "the next member's";
    const uint64_t id = call_taken();
    machine.start_receive(other, set);
    alert(client);
    EXPECT_TRUE(machine.waits(other));
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
    ASSERT_TRUE(machine.send(machine.make_thread(client.process()), sender, 7));
    EXPECT_EQ(machine.received(other)->word[0], 7u);
}

TEST_F(CancelledNoticeTest, OfAnAsynchronousCallToo) {
    const Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    const auto made = machine.message<abi::PortCallAsync>(client, {.handle_or_id = sender.value, .r14 = reply_port.value});
    ASSERT_TRUE(machine.receive(server, port));
    ASSERT_TRUE(machine.call(client, abi::CallCancel{reply_port, made->id}));
    expect_notice(server, port, made->id);
    const auto again = machine.message<abi::PortCallAsync>(client, {.handle_or_id = sender.value, .r14 = reply_port.value});
    ASSERT_TRUE(machine.receive(server, port));
    ASSERT_TRUE(machine.call(client, abi::CallCancel{reply_port, again->id}));
    kill(server);
    EXPECT_EQ(refusal(machine.receive(other, others)), Error::WouldBlock);
}

TEST_F(CancelledNoticeTest, WhatADyingProcessWasToldGoesToNobody) {
    Thread& own = machine.make_thread(server.process());
    const Handle itself = machine.call(server, abi::PortBadge{port, 1, 2})->sender;
    machine.start_call(own, itself);
    ASSERT_TRUE(machine.receive(server, port));
    kill(server);
    EXPECT_EQ(machine.receive(other, others)->word[0], abi::kNotifySendersGone) << "its handle";
    EXPECT_EQ(refusal(machine.receive(other, others)), Error::WouldBlock);
}

/// The receiver's thread waits while another of its threads calls: the end of the call posts a notice, which must not end with the process.
TEST_F(CancelledNoticeTest, ItDoesNotGoToAThreadThatEndsWithItsCaller) {
    Thread& caller = machine.make_thread(other.process());
    const Handle theirs = machine.give(server, server_sender, caller);
    machine.start_call(caller, theirs);
    const uint64_t id = machine.receive(server, port)->id;
    machine.start_receive(other, others);
    kill(other);
    expect_notice(server, port, id);
}

}  // namespace
}  // namespace portico::kernel::hosted
