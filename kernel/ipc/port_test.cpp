#include <gtest/gtest.h>

#include "kernel/arch/hosted/machine.h"
#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/ipc/ipc.h"

namespace portico::kernel::hosted {
namespace {

class PortTest : public PortFixture {};

TEST_F(PortTest, MessagesArriveInOrderWithBadgeAndWords) {
    const Handle other = machine.give(server, machine.call(server, abi::PortBadge{port, 77, 8})->sender, client);
    for (uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(machine.send(client, i % 2 == 0 ? sender : other, i));
    for (uint64_t i = 0; i < 4; ++i) {
        const auto received = machine.receive(server, port);
        ASSERT_TRUE(received);
        EXPECT_EQ(received->word[0], i);
        EXPECT_EQ(received->badge, i % 2 == 0 ? kBadge : 77);
        EXPECT_EQ(received->header.kind(), abi::MessageKind::Send);
        EXPECT_EQ(received->id, 0u);
    }
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
}

TEST_F(PortTest, ParkedReceiverGetsTheMessageAtOnce) {
    machine.start_receive(server, port);
    EXPECT_TRUE(machine.waits(server));
    ASSERT_TRUE(machine.send(client, sender, 5));
    EXPECT_FALSE(machine.waits(server));
    EXPECT_EQ(machine.received(server)->word[0], 5u);
}

TEST_F(PortTest, ReceiversAreServedInTurn) {
    Thread& second = machine.make_thread(server.process());
    machine.start_receive(server, port);
    machine.start_receive(second, port);
    ASSERT_TRUE(machine.send(client, sender, 1));
    ASSERT_TRUE(machine.send(client, sender, 2));
    EXPECT_EQ(machine.received(server)->word[0], 1u);
    EXPECT_EQ(machine.received(second)->word[0], 2u);
}

TEST_F(PortTest, CreditsBoundTheQueue) {
    const Handle two = machine.give(server, machine.call(server, abi::PortBadge{port, 1, 2})->sender, client);
    EXPECT_TRUE(machine.send(client, two));
    EXPECT_TRUE(machine.send(client, two));
    EXPECT_EQ(refusal(machine.send(client, two)), Error::NoCredit);
    EXPECT_TRUE(machine.receive(server, port));
    EXPECT_TRUE(machine.send(client, two));
    EXPECT_EQ(refusal(machine.call(server, abi::PortBadge{port, 1, 0})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(server, abi::PortBadge{port, 1, 65536})), Error::InvalidArgument);
}

TEST_F(PortTest, NotificationsJoin) {
    EXPECT_TRUE(machine.call(client, abi::PortNotify{sender, 1}));
    EXPECT_TRUE(machine.call(client, abi::PortNotify{sender, 6}));
    const auto received = machine.receive(server, port);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->header.kind(), abi::MessageKind::Notification);
    EXPECT_EQ(received->word[0], 7u);
    EXPECT_EQ(received->badge, kBadge);
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
    EXPECT_TRUE(machine.call(client, abi::PortNotify{sender, 8}));
    EXPECT_EQ(machine.receive(server, port)->word[0], 8u);
    EXPECT_EQ(refusal(machine.call(client, abi::PortNotify{sender, abi::kNotifySendersGone})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::PortNotify{sender, 0})), Error::InvalidArgument);
}

TEST_F(PortTest, LastHandleOfABadgeTellsSendersGone) {
    const Handle copy = machine.call(client, abi::HandleDuplicate{sender, ~0ull})->handle;
    machine.call(server, abi::HandleClose{server_sender});
    machine.call(client, abi::HandleClose{sender});
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
    EXPECT_TRUE(machine.send(client, copy, 9));
    machine.call(client, abi::PortNotify{copy, 4});
    machine.call(client, abi::HandleClose{copy});
    EXPECT_EQ(machine.receive(server, port)->word[0], 9u);
    const auto gone = machine.receive(server, port);
    ASSERT_TRUE(gone);
    EXPECT_EQ(gone->word[0], abi::kNotifySendersGone | 4);
    EXPECT_EQ(gone->badge, kBadge);
}

TEST_F(PortTest, SendersGoneReachesAParkedReceiver) {
    machine.call(server, abi::HandleClose{server_sender});
    machine.start_receive(server, port);
    machine.call(client, abi::HandleClose{sender});
    EXPECT_EQ(machine.received(server)->word[0], abi::kNotifySendersGone);
}

TEST_F(PortTest, CloseFailsEveryoneWhoWaits) {
    Thread& receiver = machine.make_thread(server.process());
    machine.start_receive(receiver, port);
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(refusal(machine.received(receiver)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.send(client, sender)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.call(client, abi::PortNotify{sender, 1})), Error::PeerClosed);
    machine.start_call(client, sender);
    EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed);
}

TEST_F(PortTest, CloseDropsQueuedMessagesAndFailsQueuedCalls) {
    Thread& caller = machine.make_thread(client.process());
    EXPECT_TRUE(machine.send(client, sender, 1));
    machine.call(client, abi::PortNotify{sender, 1});
    machine.start_call(caller, sender);
    EXPECT_TRUE(machine.waits(caller));
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(refusal(machine.received(caller)), Error::PeerClosed);
}

TEST_F(PortTest, AChainOfPortsEachInTheOthersQueueClosesWithoutNesting) {
    constexpr int kLinks = 2000;
    const uint64_t ports_before = port_count();
    Handle to_last = server_sender;
    for (int i = 0; i < kLinks; ++i) {
        const Handle next = machine.call(server, abi::PortCreate{})->port;
        const Handle to_next = machine.call(server, abi::PortBadge{next, 1, 4})->sender;
        ASSERT_TRUE(machine.message<abi::PortSend>(
            server, {.handle_or_id = to_last.value, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, next.value}}));
        machine.call(server, abi::HandleClose{to_last});
        to_last = to_next;
    }
    EXPECT_TRUE(machine.send(server, to_last));
    EXPECT_TRUE(machine.call(server, abi::HandleClose{port}));
    EXPECT_EQ(refusal(machine.send(server, to_last)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.send(client, sender)), Error::PeerClosed);
    EXPECT_LE(port_count(), ports_before + 1) << "only the records of those that somebody can send to are left";
}

TEST_F(PortTest, RightsAndTypesAreChecked) {
    EXPECT_EQ(refusal(machine.receive(client, sender)), Error::WrongType);
    EXPECT_EQ(refusal(machine.send(server, port)), Error::WrongType);
    const Handle weak = machine.call(client, abi::HandleDuplicate{sender, static_cast<uint64_t>(Rights::Duplicate)})->handle;
    EXPECT_EQ(refusal(machine.send(client, weak)), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.send(client, Handle{12345})), Error::BadHandle);
    EXPECT_EQ(refusal(machine.message<abi::PortSend>(client, {.handle_or_id = sender.value, .header = abi::Header::make(0, 7)})),
              Error::InvalidArgument);
    EXPECT_EQ(
        refusal(machine.message<abi::PortSend>(client, {.handle_or_id = sender.value, .header = abi::Header::make(0).with_windows()})),
        Error::InvalidArgument);
}

}  // namespace
}  // namespace portico::kernel::hosted
