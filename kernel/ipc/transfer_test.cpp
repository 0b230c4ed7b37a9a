#include "kernel/arch/hosted/port_fixture.h"

/// Handles and memory that travel with messages.
namespace portico::kernel::hosted {
namespace {

class HandleTransferTest : public PortFixture {
protected:
    Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    Result<Received> send_handles(std::vector<Handle> handles, unsigned moves) {
        abi::MessageRegisters r{.handle_or_id = sender.value, .header = abi::Header::make(1, static_cast<unsigned>(handles.size()), moves)};
        for (size_t i = 0; i < handles.size(); ++i) r.word[5 - handles.size() + i] = handles[i].value;
        return machine.message<abi::PortSend>(client, r);
    }
    bool client_has(Handle handle) {
        return machine.in_kernel([&] { return client.process().handles().find(handle).has_value(); });
    }
};

TEST_F(HandleTransferTest, MovedHandlesLeaveTheSender) {
    ASSERT_TRUE(send_handles({memory}, 1));
    EXPECT_FALSE(client_has(memory));
    const auto received = machine.receive(server, port);
    ASSERT_EQ(received->header.handle_count(), 1u);
    EXPECT_EQ(machine.query<abi::MemoryInfo>(server, abi::MemoryQuery{{received->word[4]}, 0})->size_bytes, 4096u);
}

TEST_F(HandleTransferTest, DuplicatedHandlesStayAndKeepTheirRights) {
    const Handle weak =
        machine.call(client, abi::HandleDuplicate{memory, static_cast<uint64_t>(Rights::Duplicate | Rights::Transfer)})->handle;
    ASSERT_TRUE(send_handles({memory, weak}, 0));
    EXPECT_TRUE(client_has(memory));
    const auto received = machine.receive(server, port);
    EXPECT_TRUE((machine.query<abi::MemoryInfo>(server, abi::MemoryQuery{{received->word[3]}, 0})));
    EXPECT_EQ(refusal(machine.query<abi::MemoryInfo>(server, abi::MemoryQuery({received->word[4]}, 0))), Error::AccessDenied);
}

TEST_F(HandleTransferTest, EmptyPlacesArriveEmpty) {
    ASSERT_TRUE(send_handles({{}, memory}, 2));
    const auto received = machine.receive(server, port);
    EXPECT_EQ(received->word[3], 0u);
    EXPECT_NE(received->word[4], 0u);
}

TEST_F(HandleTransferTest, AFailureLeavesTheSendersTableUntouched) {
    const Handle fixed = machine.call(client, abi::HandleDuplicate{memory, static_cast<uint64_t>(Rights::Read)})->handle;
    const uint32_t count = client.process().handles().count();
    EXPECT_EQ(refusal(send_handles({memory, fixed}, 3)), Error::AccessDenied);
    EXPECT_EQ(refusal(send_handles({memory, Handle{77777}}, 3)), Error::BadHandle);
    EXPECT_EQ(refusal(send_handles({memory, memory}, 3)), Error::InvalidArgument);
    EXPECT_EQ(client.process().handles().count(), count);
    EXPECT_TRUE(client_has(memory));
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(refusal(send_handles({memory}, 1)), Error::PeerClosed);
    EXPECT_TRUE(client_has(memory));
}

TEST_F(HandleTransferTest, AReceiverThatCannotPayKeepsTheMessageQueued) {
    auto account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), uint64_t{1} << 20); });
    Thread& poor = machine.make_thread(machine.make_process({}, account.get()));
    const Handle poor_port = machine.call(poor, abi::PortCreate{})->port;
    sender = machine.give(poor, machine.call(poor, abi::PortBadge{poor_port, 1, 8})->sender, client);
    ASSERT_TRUE(send_handles({memory}, 0));
    while (poor.process().handles().count() % 64 != 63) ASSERT_TRUE(machine.call(poor, abi::HandleDuplicate{poor_port, ~0ull}));
    const uint64_t left = account->limit_bytes() - account->used_bytes();
    machine.in_kernel([&] { ASSERT_TRUE(account->charge(left)); });
    EXPECT_EQ(refusal(machine.receive(poor, poor_port)), Error::NoMemory);
    machine.in_kernel([&] { account->refund(left); });
    EXPECT_EQ(machine.receive(poor, poor_port)->header.handle_count(), 1u);
}

TEST_F(HandleTransferTest, RepliesCarryHandles) {
    const uint64_t id = call_taken();
    const Handle made = machine.call(server, abi::MemoryCreate{8192})->memory;
    ASSERT_TRUE(machine.message<abi::PortReply>(
        server, {.handle_or_id = id, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, made.value}}));
    const Handle got{machine.received(client)->word[4]};
    EXPECT_EQ(machine.query<abi::MemoryInfo>(client, abi::MemoryQuery{got, 0})->size_bytes, 8192u);
}

TEST_F(HandleTransferTest, AReceiveRightInItsOwnReplyDoesNotStrandTheReceiver) {
    const uint64_t id = call_taken();
    machine.in_kernel([&] { client.process().kill(1); });  // the reply is refused, the port stays
    machine.receive(server, port);
    machine.start_message<abi::PortReplyReceive>(
        server, {.handle_or_id = port.value, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, port.value}, .r14 = id});
    EXPECT_EQ(refusal(machine.received(server)), Error::NoSuchCall);
}

class WindowTest : public PortFixture {
protected:
    static constexpr uint64_t kBytes = 200'000;  // over kCopyStepBytes: copied in steps
    uint64_t readable = machine.map(client, kBytes);
    uint64_t writable = machine.map(client, kBytes);
    uint64_t buffer = machine.map(server, kBytes);

    uint64_t lend(uint64_t read_bytes, uint64_t write_bytes) {
        machine.start_message<abi::PortCall>(client, {.handle_or_id = sender.value,
                                                      .header = abi::Header::make(1).with_windows(),
                                                      .r14 = readable,
                                                      .r15 = writable,
                                                      .rbx = read_bytes | write_bytes << 32});
        const auto taken = machine.receive(server, port);
        EXPECT_EQ(taken->readable_bytes, read_bytes);
        EXPECT_EQ(taken->writable_bytes, write_bytes);
        return taken->id;
    }
    std::vector<uint8_t> pattern(uint8_t seed) {
        std::vector<uint8_t> bytes(kBytes);
        for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7 + i / 251 + seed);
        return bytes;
    }
};

TEST_F(WindowTest, LongCopiesRestartAndArriveWhole) {
    std::vector<uint8_t> bytes = pattern(1), back(kBytes);
    ASSERT_TRUE(machine.access(client, readable, bytes.data(), kBytes, abi::Access::Write));
    const uint64_t id = lend(kBytes, kBytes);
    ASSERT_TRUE(machine.call(server, abi::WindowRead{id, 0, buffer, kBytes}));
    ASSERT_TRUE(machine.access(server, buffer, back.data(), kBytes, abi::Access::Read));
    EXPECT_EQ(bytes, back);
    ASSERT_TRUE(machine.call(server, abi::WindowWrite{id, 5, buffer, kBytes - 5}));
    ASSERT_TRUE(machine.reply(server, id));
    ASSERT_TRUE(machine.access(client, writable + 5, back.data(), kBytes - 5, abi::Access::Read));
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end() - 5, back.begin()));
}

TEST_F(WindowTest, BoundsAreTheCallers) {
    const uint64_t id = lend(100, 50);
    EXPECT_TRUE(machine.call(server, abi::WindowRead{id, 0, buffer, 100}));
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, 1, buffer, 100})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, ~0ull, buffer, 2})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowWrite{id, 0, buffer, 51})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id + 1, 0, buffer, 1})), Error::NoSuchCall);
    ASSERT_TRUE(machine.reply(server, id));
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, 0, buffer, 1})), Error::NoSuchCall);
    machine.start_message<abi::PortCall>(client,
                                         {.handle_or_id = sender.value, .header = abi::Header::make(1).with_windows(), .rbx = 0x8000'0000});
    EXPECT_EQ(refusal(machine.received(client)), Error::InvalidArgument);
}

TEST_F(WindowTest, BadAddressesCostOnlyTheCopy) {
    readable = 0x7000'0000;  // nothing there
    const uint64_t id = lend(100, 100);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, 0, buffer, 10})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowWrite{id, 0, 0x7000'0000, 10})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(server, abi::WindowWrite{id, 0, abi::kUserAddressMax - 4, 10})), Error::BadAddress);
    EXPECT_TRUE(machine.call(server, abi::WindowWrite{id, 0, buffer, 10}));
    EXPECT_TRUE(machine.reply(server, id));
}

TEST_F(WindowTest, WindowsOfOneProcessMayOverlap) {
    Thread& other = machine.make_thread(server.process());
    std::vector<uint8_t> bytes = pattern(3);
    machine.access(server, buffer, bytes.data(), 4096, abi::Access::Write);
    machine.start_message<abi::PortCall>(
        other, {.handle_or_id = server_sender.value, .header = abi::Header::make(1).with_windows(), .r14 = buffer, .rbx = 4000});
    const uint64_t id = machine.receive(server, port)->id;
    EXPECT_TRUE(machine.call(server, abi::WindowRead{id, 0, buffer + 8, 4000}));
    EXPECT_EQ(machine.read<uint8_t>(server, buffer + 8 + 100), bytes[100]);
}

}  // namespace
}  // namespace portico::kernel::hosted
