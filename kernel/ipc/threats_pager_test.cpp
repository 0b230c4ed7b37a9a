#include "kernel/arch/hosted/pager_fixture.h"

/// Messages whose memory faults while the kernel copies, and nobody mends it.
namespace portico::kernel::hosted {
namespace {

TEST_F(PagerTest, A11_ABatchInMemoryOfAMutePagerDelaysNobodyElse) {
    Thread& server = other;
    Thread& bystander = machine.make_thread();
    const Handle server_port = machine.call(server, abi::PortCreate{})->port;
    const Handle made = machine.call(server, abi::PortBadge{server_port, 1, 64})->sender;
    const Handle of_client = machine.give(server, made, client), of_bystander = machine.give(server, made, bystander);
    ASSERT_TRUE(supply(0));

    machine.start(client, abi::PortSendBatch{of_client, at(1), 2});
    ASSERT_TRUE(machine.waits(client));
    const uint64_t before_ns = machine.hardware.now_ns();
    for (uint64_t i = 0; i < 1000; ++i) {
        ASSERT_TRUE(machine.send(bystander, of_bystander, i));
        ASSERT_EQ(machine.receive(server, server_port)->word[0], i);
    }
    machine.start_call(bystander, of_bystander, 5);
    const auto call = machine.receive(server, server_port);
    ASSERT_TRUE(call);
    ASSERT_TRUE(machine.reply(server, call->id, 6));
    EXPECT_EQ(machine.received(bystander)->word[0], 6u);
    EXPECT_EQ(machine.hardware.now_ns(), before_ns);
    EXPECT_TRUE(machine.waits(client));

    machine.advance(kWaitNs + 1);
    EXPECT_FALSE(machine.waits(client)) << "its own wait ends";
    EXPECT_EQ(refusal(machine.receive(server, server_port)), Error::WouldBlock) << "it sent nothing";
    for (int i = 0; i < 64; ++i) ASSERT_TRUE(machine.send(bystander, of_bystander)) << "it holds no credit";
}

TEST_F(PagerTest, A11_AMessageThatCannotBeWrittenDownStaysFirst) {
    const Handle own_port = machine.call(client, abi::PortCreate{})->port;
    const Handle made = machine.call(client, abi::PortBadge{own_port, 1, 64})->sender;
    ASSERT_TRUE(machine.send(client, made, 9));
    machine.start(client, abi::PortReceiveBatch{own_port, at(1), 2, abi::kNow});
    ASSERT_TRUE(machine.waits(client));
    Thread& second = machine.make_thread(client.process());
    EXPECT_EQ(machine.receive(second, own_port)->word[0], 9u) << "another thread takes it meanwhile";
    machine.advance(kWaitNs + 1);
    EXPECT_FALSE(machine.waits(client));
}

}  // namespace
}  // namespace portico::kernel::hosted
