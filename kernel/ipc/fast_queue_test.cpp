#include "kernel/arch/hosted/fast_path_fixture.h"
#include "kernel/object/process.h"

/// Which sends and receives take the fast path when only one side is there; and, one by one, what must not, with the result that the
/// general path gives.
namespace portico::kernel::hosted {
namespace {

class FastQueueTest : public FastPathFixture {
protected:
    FastQueueTest() {  // the client has memory for messages
        machine.send(client, sender);
        machine.receive(server, port);
    }
    bool send_is_fast(Thread& thread, const abi::MessageRegisters& registers) {
        return stays_fast(thread, [&] { machine.start_message<abi::PortSend>(thread, registers); });
    }
    bool send_is_fast(uint64_t word) { return send_is_fast(client, {.handle_or_id = sender.value, .word = {word}}); }
    bool receive_is_fast(Handle from, uint64_t deadline_ns = abi::kNow) {
        return stays_fast(server, [&] { machine.start_receive(server, from, deadline_ns); });
    }
    bool receive_is_fast() { return receive_is_fast(port); }
    Error told(Thread& thread) { return refusal(machine.received(thread)); }
    void expect_received(uint64_t word, MessageKind kind = MessageKind::Send) {
        const auto message = machine.received(server);
        ASSERT_TRUE(message) << name_of(message.error());
        EXPECT_EQ(message->word[0], word);
        EXPECT_EQ(message->header.kind(), kind);
    }
};

TEST_F(FastQueueTest, WordsAreQueuedAndTakenFast) {
    for (uint64_t i = 0; i < 3; ++i)
        EXPECT_TRUE(send_is_fast(
            client, {.handle_or_id = sender.value, .header = Header::make(5, 0, 0, 0xABCD), .word = {i, 2, 3, 4, 5}, .rbx = 77}));
    EXPECT_EQ(told(client), Error::None);
    for (uint64_t i = 0; i < 3; ++i) {
        server.frame.registers.rbx = 99;
        EXPECT_TRUE(receive_is_fast());
        expect_received(i);
        const abi::Registers& r = machine.result_registers(server);
        EXPECT_EQ(r.rdi, 0u);
        EXPECT_EQ(r.r13, kBadge);
        EXPECT_EQ(r.rsi, Header::make(5, 0, 0, 0xABCD).with_kind(MessageKind::Send).value);
        EXPECT_EQ(r.r12, 5u);
        EXPECT_EQ(r.rbx, 0u) << "no pages came";
    }
    EXPECT_EQ(machine.running(), &server);
}

TEST_F(FastQueueTest, QueuedCallsAreTakenFast) {
    machine.start_message<abi::PortCall>(client, {.handle_or_id = sender.value,
                                                  .header = Header::make(1).with_windows(),
                                                  .word = {6},
                                                  .r14 = 0x10000,
                                                  .r15 = 0x20000,
                                                  .rbx = 16 | uint64_t{8} << 32});
    EXPECT_TRUE(receive_is_fast());
    expect_received(6, MessageKind::Call);
    EXPECT_EQ(machine.result_registers(server).rbx, 16 | uint64_t{8} << 32);
    EXPECT_TRUE(machine.reply(server, taken_id(), 7));
    expect_call_answered(7);
}

TEST_F(FastQueueTest, NotificationsAreTakenFast) {
    for (const uint64_t bits : {1, 6}) ASSERT_TRUE(machine.call(client, abi::PortNotify{sender, bits}));
    server.frame.registers.rbx = 99;
    EXPECT_TRUE(receive_is_fast());
    expect_received(7, MessageKind::Notification);
    const abi::Registers& r = machine.result_registers(server);
    EXPECT_EQ(r.rdi, 0u);
    EXPECT_EQ(r.r13, kBadge);
    EXPECT_EQ(r.r12, 0u);
    EXPECT_EQ(r.rbx, 0u);
    ASSERT_TRUE(machine.call(client, abi::PortNotify{sender, 8}));
    EXPECT_TRUE(receive_is_fast()) << "it can be raised again";
    expect_received(8, MessageKind::Notification);
}

TEST_F(FastQueueTest, WhoMustWaitDoesAtOnce) {
    EXPECT_FALSE(receive_is_fast(port, abi::kForever)) << "somebody else runs then";
    EXPECT_TRUE(machine.waits(server));
    EXPECT_FALSE(send_is_fast(8)) << "it is delivered";
    expect_received(8);
    EXPECT_FALSE(receive_is_fast());
    EXPECT_EQ(told(server), Error::WouldBlock);
    const uint64_t soon = machine.hardware.now_ns() + 1000;
    EXPECT_FALSE(receive_is_fast(port, soon));
    machine.advance(2000);
    EXPECT_EQ(told(server), Error::TimedOut);
}

TEST_F(FastQueueTest, SendsThatAreRefused) {
    const Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    const auto refused = [&](const abi::MessageRegisters& registers) {
        EXPECT_FALSE(send_is_fast(client, registers));
        return told(client);
    };
    EXPECT_EQ(refused({.handle_or_id = 99'999}), Error::BadHandle);
    EXPECT_EQ(refused({.handle_or_id = memory.value}), Error::WrongType);
    EXPECT_EQ(refused({.handle_or_id = sender.value, .header = Header::make(0, 5)}), Error::InvalidArgument);
    EXPECT_EQ(refused({.handle_or_id = sender.value, .header = Header{}.with_windows()}), Error::InvalidArgument);
    EXPECT_EQ(refused({.handle_or_id = sender.value, .header = Header{}.with_pages(), .rbx = 4096}), Error::TooLarge);
    const Handle cannot_send = machine.call(client, abi::HandleDuplicate{sender, static_cast<uint64_t>(Rights::Transfer)})->handle;
    EXPECT_EQ(refused({.handle_or_id = cannot_send.value}), Error::AccessDenied);
    const Handle two = make_sender(server, port, client, 1, 2);
    EXPECT_TRUE(send_is_fast(client, {.handle_or_id = two.value}));
    EXPECT_TRUE(send_is_fast(client, {.handle_or_id = two.value}));
    EXPECT_EQ(refused({.handle_or_id = two.value}), Error::NoCredit);
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(refused({.handle_or_id = sender.value}), Error::PeerClosed);
}

TEST_F(FastQueueTest, WhatCarriesMoreIsTakenWithIt) {
    const Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    EXPECT_FALSE(send_is_fast(client, {.handle_or_id = sender.value, .header = Header::make(0, 1), .word = {1, 0, 0, 0, memory.value}}));
    EXPECT_FALSE(receive_is_fast());
    expect_received(1);
    EXPECT_TRUE(machine.call(server, abi::HandleClose{Handle{machine.received(server)->word[4]}}));
    machine.start_message<abi::PortCall>(client,
                                         {.handle_or_id = sender.value, .header = Header::make(0, 1), .word = {2, 0, 0, 0, memory.value}});
    EXPECT_FALSE(receive_is_fast());
    const uint64_t id = taken_id();
    EXPECT_TRUE(machine.call(server, abi::HandleClose{Handle{machine.received(server)->word[4]}}));
    EXPECT_TRUE(machine.reply(server, id, 3));
}

TEST_F(FastQueueTest, WhoWaitsForACreditGetsIt) {
    const Handle one = make_sender(server, port, client, 1, 1);
    Thread& second = machine.make_thread(client.process());
    EXPECT_TRUE(send_is_fast(client, {.handle_or_id = one.value, .word = {1}}));
    machine.start_message<abi::PortSendWait>(second, {.handle_or_id = one.value, .word = {2}, .deadline_or_badge = abi::kForever});
    EXPECT_FALSE(receive_is_fast()) << "the one that waits must be told";
    expect_received(1);
    EXPECT_FALSE(machine.waits(second));
    EXPECT_TRUE(receive_is_fast());
    expect_received(2);
}

TEST_F(FastQueueTest, TheLastMessageOfALostSenderIsFollowedByTheNotice) {
    const Handle other = make_sender(server, port, client, 7);
    EXPECT_TRUE(send_is_fast(client, {.handle_or_id = other.value, .word = {1}}));
    EXPECT_TRUE(send_is_fast(client, {.handle_or_id = other.value, .word = {2}}));
    machine.call(client, abi::HandleClose{other});
    EXPECT_TRUE(receive_is_fast());
    expect_received(1);
    EXPECT_FALSE(receive_is_fast());
    expect_received(2);
    EXPECT_FALSE(receive_is_fast());
    expect_received(abi::kNotifySendersGone, MessageKind::Notification);
}

TEST_F(FastQueueTest, NoticesAndMembersOfSets) {
    const uint64_t id = call_taken();
    alert(client);
    ASSERT_FALSE(machine.waits(client));
    EXPECT_FALSE(receive_is_fast());
    EXPECT_EQ(machine.received(server)->id, id);
    EXPECT_EQ(machine.received(server)->header.kind(), MessageKind::Cancelled);

    const Handle set = machine.call(server, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(server, abi::SetAdd{set, port, 0x5E7}));
    EXPECT_TRUE(send_is_fast(4));
    EXPECT_TRUE(send_is_fast(5));
    EXPECT_FALSE(receive_is_fast(set));
    expect_received(4);
    EXPECT_EQ(machine.result_registers(server).r14, 0x5E7u);
    EXPECT_FALSE(receive_is_fast(port));
    expect_received(5);
    EXPECT_FALSE(receive_is_fast(set));
    EXPECT_EQ(told(server), Error::WouldBlock) << "the set was told";
    EXPECT_FALSE(receive_is_fast(set, abi::kForever));
    EXPECT_FALSE(send_is_fast(6)) << "who waits at the set gets it";
    expect_received(6);
}

TEST_F(FastQueueTest, PrioritiesChangeByTheGeneralPath) {
    Thread& urgent = machine.make_thread(client.process(), 25);
    machine.send(client, sender, 1);
    machine.start_call(urgent, sender, 2);
    EXPECT_FALSE(receive_is_fast());
    expect_received(1);
    EXPECT_EQ(server.priority(), 25u) << "an urgent call is left";
    EXPECT_FALSE(receive_is_fast());
    expect_received(2, MessageKind::Call);
    EXPECT_EQ(server.priority(), 25u);
    machine.send(client, sender, 3);
    EXPECT_FALSE(receive_is_fast());
    expect_received(3);
    EXPECT_EQ(server.priority(), 16u);
}

TEST_F(FastQueueTest, AThreadThatIsDisturbedIsLookedAt) {
    machine.send(client, sender, 1);
    EXPECT_FALSE(stays_fast(client, [&] {
        client.disturbed = true;
        machine.send(client, sender, 2);
    }));
    EXPECT_FALSE(stays_fast(server, [&] {
        server.disturbed = true;
        machine.receive(server, port);
    }));
    expect_received(1);
    EXPECT_TRUE(receive_is_fast());
    expect_received(2);
    machine.switch_to(server);
    server.doomed = server.disturbed = true;
    machine.start_receive(server, port);
    EXPECT_EQ(server.state(), Thread::State::Dead) << "it must not begin to wait";
}

}  // namespace
}  // namespace portico::kernel::hosted
