#include "kernel/arch/hosted/batch_fixture.h"

/// Several messages in one system call: sent and received without waiting.
namespace portico::kernel::hosted {
namespace {

class BatchTest : public BatchFixture {};

TEST_F(BatchTest, ABatchArrivesInOrder) {
    EXPECT_EQ(send(numbered(40)), 40u);
    expect_numbered(receive(64), 40);
    EXPECT_EQ(refusal(receive(64)), Error::WouldBlock);
}

TEST_F(BatchTest, BatchesAndSingleMessagesMix) {
    ASSERT_TRUE(machine.send(client, sender, 100));
    EXPECT_EQ(send(numbered(3)), 3u);
    EXPECT_EQ(machine.receive(server, port)->word[0], 100u);
    EXPECT_EQ(machine.receive(server, port)->word[4], 4u);
    expect_numbered(receive(1), 1, 1);
    EXPECT_EQ(send(numbered(2, 3)), 2u);
    expect_numbered(receive(64), 3, 2);
}

TEST_F(BatchTest, ArraysMayLieAnywhere) {
    constexpr uint64_t kCount = 5;
    for (uint64_t shift = 0; shift <= 64; ++shift) {
        // The page boundary is `shift` bytes into the third message.
        const uint64_t offset = abi::kPageBytes - 2 * sizeof(abi::Message) - shift;
        ASSERT_EQ(send(numbered(kCount, shift), offset), kCount);
        expect_numbered(receive(kCount, offset), kCount, shift);
        ASSERT_EQ(send(numbered(kCount, shift), offset), kCount);
        expect_numbered(receive(kCount, shift), kCount, shift);
        if (HasFatalFailure()) return;
    }
}

TEST_F(BatchTest, OnlyTheArrayIsWritten) {
    const std::vector<uint8_t> before(kBytes, 0xEE);
    machine.access(server, incoming, const_cast<uint8_t*>(before.data()), kBytes, abi::Access::Write);
    ASSERT_EQ(send(numbered(3)), 3u);
    ASSERT_EQ(receive(10, 4000)->size(), 3u);
    std::vector<uint8_t> after(kBytes);
    machine.access(server, incoming, after.data(), kBytes, abi::Access::Read);
    EXPECT_TRUE(std::equal(after.begin(), after.begin() + 4000, before.begin()));
    EXPECT_TRUE(std::equal(after.begin() + 4000 + 3 * 64, after.end(), before.begin()));
}

TEST_F(BatchTest, TheOtherRegistersAreKept) {
    ASSERT_TRUE(machine.call(client, abi::PortNotify{sender, 1}));  // taken through the registers of a receive
    ASSERT_EQ(send(numbered(2)), 2u);
    abi::Registers& r = server.frame.registers;
    r.rbx = 1, r.rbp = 2, r.r12 = 3, r.r13 = 4, r.r14 = 5, r.r15 = 6, r.r8 = 7, r.r9 = 8;
    const uint64_t now = abi::kNow;
    machine.start(server, abi::PortReceiveBatch{port, incoming, 10, now});
    EXPECT_EQ(r.rdi, 3u);
    EXPECT_EQ(r.rsi, incoming);
    EXPECT_EQ(r.rdx, 10u);
    EXPECT_EQ(r.r10, now);
    const uint64_t kept[] = {r.rbx, r.rbp, r.r12, r.r13, r.r14, r.r15};
    for (uint64_t i = 0; i < 6; ++i) EXPECT_EQ(kept[i], i + 1);
}

TEST_F(BatchTest, CreditsEndABatch) {
    const Handle three = make_sender(server, port, client, kBadge, 3);
    EXPECT_EQ(send_by(client, three, outgoing, numbered(5)), 3u);
    EXPECT_EQ(refusal(send_by(client, three, outgoing, numbered(5))), Error::NoCredit);
    expect_numbered(receive(2), 2);
    EXPECT_EQ(send_by(client, three, outgoing, numbered(5, 3)), 2u);
    expect_numbered(receive(64), 3, 2);
}

TEST_F(BatchTest, WantOfMemoryEndsABatch) {
    constexpr uint64_t kChunk = MessageChunk::kMessages;
    ASSERT_EQ(send(numbered(1)), 1u);
    FrameAllocator::fail_after = 0;
    const auto sent = machine.call(client, abi::PortSendBatch{sender, outgoing, 40});
    const auto refused = machine.call(client, abi::PortSendBatch{sender, outgoing, 40});
    EXPECT_EQ(std::exchange(FrameAllocator::fail_after, -1), -1);
    ASSERT_TRUE(sent);
    EXPECT_EQ(sent->sent, kChunk - 1);
    ASSERT_TRUE(refused) << "the allocation that failed was the one before";
    EXPECT_GT(refused->sent, 0u);
    for (uint64_t i = 0; i < kChunk + refused->sent; ++i) ASSERT_TRUE(machine.receive(server, port)) << i;
    EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock);
}

TEST_F(BatchTest, ABadAddressEndsABatchSent) {
    const uint64_t offset = kBytes - 3 * sizeof(abi::Message);
    Batch three = numbered(3);
    machine.access(client, outgoing + offset, three.data(), 3 * sizeof(abi::Message), abi::Access::Write);
    EXPECT_EQ(machine.call(client, abi::PortSendBatch{sender, outgoing + offset, 10})->sent, 3u);
    const auto half = machine.call(client, abi::PortSendBatch{sender, outgoing + kBytes - 32, 10});
    EXPECT_EQ(refusal(half), Error::BadAddress) << "half a message is mapped";
    for (const uint64_t bad : {uint64_t{0x7000'0000}, uint64_t{0}, abi::kUserAddressMax - 32, abi::kUserAddressMax, ~uint64_t{0} - 63})
        EXPECT_EQ(refusal(machine.call(client, abi::PortSendBatch{sender, bad, 1})), Error::BadAddress) << std::hex << bad;
    expect_numbered(receive(64), 3);
    EXPECT_EQ(machine.call(client, abi::PortSendBatch{sender, outgoing, 64})->sent, 64u) << "refusals took no credit";
}

TEST_F(BatchTest, ABadAddressLosesNoMessage) {
    ASSERT_EQ(send(numbered(10)), 10u);
    expect_numbered(receive(10, kBytes - 3 * sizeof(abi::Message)), 3);
    const auto refused = machine.call(server, abi::PortReceiveBatch{port, incoming + kBytes - 32, 10, abi::kNow});
    EXPECT_EQ(refusal(refused), Error::BadAddress) << "half a message is mapped";
    EXPECT_EQ(refusal(machine.call(server, abi::PortReceiveBatch{port, 0x7000'0000, 10, abi::kNow})), Error::BadAddress);
    const uint64_t read_only = machine.map(server, abi::kPageBytes, abi::MapFlags::None | abi::Access::Read);
    EXPECT_EQ(refusal(machine.call(server, abi::PortReceiveBatch{port, read_only, 10, abi::kNow})), Error::BadAddress);
    expect_numbered(receive(64), 7, 3);
}

TEST_F(BatchTest, ArgumentsAreChecked) {
    const auto sends = [&](Handle by, uint64_t count) { return refusal(machine.call(client, abi::PortSendBatch{by, outgoing, count})); };
    const auto receives = [&](Handle at, uint64_t count) {
        return refusal(machine.call(server, abi::PortReceiveBatch{at, incoming, count, abi::kNow}));
    };
    EXPECT_EQ(sends(sender, 0), Error::InvalidArgument);
    EXPECT_EQ(sends(sender, abi::kBatchMax + 1), Error::InvalidArgument);
    EXPECT_EQ(sends(Handle{12345}, 1), Error::BadHandle);
    const auto weaker = [&](Thread& thread, Handle handle) {
        return machine.call(thread, abi::HandleDuplicate{handle, static_cast<uint64_t>(Rights::Duplicate)})->handle;
    };
    EXPECT_EQ(sends(weaker(client, sender), 1), Error::AccessDenied);
    EXPECT_EQ(receives(port, 0), Error::InvalidArgument);
    EXPECT_EQ(receives(port, ~0ull), Error::InvalidArgument);
    EXPECT_EQ(receives(server_sender, 1), Error::WrongType);
    const Handle weak_port = weaker(server, port);
    EXPECT_EQ(receives(weak_port, 1), Error::AccessDenied);
    machine.call(server, abi::HandleClose{weak_port});
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(sends(sender, 1), Error::PeerClosed);
}

TEST_F(BatchTest, SendersCannotSetWhatTheKernelSets) {
    const Header forged = Header::make(7, 0, 15, 0xABCD).with_kind(MessageKind::Reply);
    ASSERT_EQ(send({message(0, forged)}), 1u);
    const auto received = receive(1);
    expect_numbered(received, 1);
    EXPECT_EQ((*received)[0].header.operation(), 7u);
    EXPECT_EQ((*received)[0].header.user_bits(), 0xABCDu);
}

class BatchHandlesTest : public BatchTest {
protected:
    Handle memory = machine.call(client, abi::MemoryCreate{8192})->memory;
    static abi::Message carrying(Handle handle, bool move) {
        abi::Message made = message(0, Header::make(1, 1, move ? 1 : 0));
        made.word[4] = handle.value;
        return made;
    }
    bool client_has(Handle handle) {
        return machine.in_kernel([&] { return client.process().handles().find(handle).has_value(); });
    }
};

TEST_F(BatchHandlesTest, HandlesTravelInBatches) {
    const Handle moved = machine.call(client, abi::MemoryCreate{4096})->memory;
    ASSERT_EQ(send({message(1), carrying(memory, false), message(2), carrying(moved, true)}), 4u);
    EXPECT_TRUE(client_has(memory));
    EXPECT_FALSE(client_has(moved));
    const auto received = receive(64);
    ASSERT_EQ(received->size(), 4u);
    const auto size = [&](uint64_t i) {
        return machine.query<abi::MemoryInfo>(server, abi::MemoryQuery{{(*received)[i].word[4]}, 0})->size_bytes;
    };
    EXPECT_EQ(size(1), 8192u);
    EXPECT_EQ(size(3), 4096u);
    EXPECT_EQ((*received)[2].word[0], 2u);
}

TEST_F(BatchHandlesTest, AHandleThatCannotGoEndsTheBatch) {
    const Handle fixed = machine.call(client, abi::HandleDuplicate{memory, static_cast<uint64_t>(Rights::Read)})->handle;
    EXPECT_EQ(send({message(0), carrying(memory, true), carrying(fixed, true), message(3)}), 2u);
    EXPECT_TRUE(client_has(fixed));
    EXPECT_EQ(refusal(send({carrying(fixed, true)})), Error::AccessDenied);
    EXPECT_EQ(refusal(send({carrying(Handle{77777}, true)})), Error::BadHandle);
    EXPECT_EQ(refusal(send({message(0, Header::make(0, 5))})), Error::InvalidArgument);
    EXPECT_EQ(refusal(send({message(0, Header::make(0).with_windows())})), Error::InvalidArgument);
    EXPECT_EQ(refusal(send({message(0, Header::make(0).with_pages())})), Error::InvalidArgument);
    EXPECT_EQ(receive(64)->size(), 2u);
    EXPECT_EQ(send(numbered(64)), 64u) << "refusals took no credit";
}

TEST_F(BatchHandlesTest, AReceiverThatCannotPayKeepsTheRestQueued) {
    ASSERT_EQ(send({message(0), message(1), carrying(memory, false), message(3)}), 4u);
    while (server.process().handles().count() % 64 != 63) ASSERT_TRUE(machine.call(server, abi::HandleDuplicate{port, ~0ull}));
    machine.write<uint64_t>(server, incoming, 0);
    FrameAllocator::fail_after = 0;
    const auto first = machine.call(server, abi::PortReceiveBatch{port, incoming, 64, abi::kNow});
    FrameAllocator::fail_after = 0;
    const auto second = machine.call(server, abi::PortReceiveBatch{port, incoming, 64, abi::kNow});
    FrameAllocator::fail_after = -1;
    ASSERT_TRUE(first);
    EXPECT_EQ(first->received, 2u);
    EXPECT_EQ(refusal(second), Error::NoMemory);
    const auto rest = receive(64);
    ASSERT_EQ(rest->size(), 2u);
    EXPECT_EQ((*rest)[0].header.handle_count(), 1u);
    EXPECT_EQ((*rest)[1].word[0], 3u);
}

TEST_F(BatchTest, EveryKindButLentMemoryComesInBatches) {
    Thread& caller = machine.make_thread(client.process());
    Thread& leaves = machine.make_thread(client.process());
    const Handle to_server = make_sender(server, port, server, 5);
    ASSERT_TRUE(machine.send(client, sender, 1));
    machine.start_call(leaves, sender, 0, machine.hardware.now_ns() + 1000);
    EXPECT_EQ(machine.receive(server, port)->word[0], 1u);
    const uint64_t cancelled = machine.receive(server, port)->id;
    machine.start_call(caller, sender, 2);
    ASSERT_TRUE(machine.call(client, abi::PortNotify{sender, 6}));
    const auto asked = machine.message<abi::PortCallAsync>(server, {.handle_or_id = to_server.value, .word = {3}, .r14 = port.value});
    machine.advance(2000);
    const auto batch = receive(64);
    ASSERT_EQ(batch->size(), 4u);
    const MessageKind kinds[] = {MessageKind::Call, MessageKind::Notification, MessageKind::Call, MessageKind::Cancelled};
    for (size_t i = 0; i < 4; ++i) EXPECT_EQ((*batch)[i].header.kind(), kinds[i]) << i;
    EXPECT_EQ((*batch)[1].word[0], 6u);
    EXPECT_EQ((*batch)[2].id, asked->id);
    EXPECT_EQ((*batch)[3].id, cancelled);
    ASSERT_TRUE(machine.reply(server, (*batch)[0].id, 20));
    expect_answer(caller, 20);
    ASSERT_TRUE(machine.reply(server, asked->id, 30));
    const auto answer = receive(64);
    ASSERT_EQ(answer->size(), 1u);
    EXPECT_EQ((*answer)[0].header.kind(), MessageKind::Reply);
    EXPECT_EQ((*answer)[0].word[0], 30u);
}

TEST_F(BatchTest, ACallThatLendsMemoryEndsTheBatchAndIsNotLost) {
    ASSERT_EQ(send(numbered(2)), 2u);
    machine.start_message<abi::PortCall>(
        client, {.handle_or_id = sender.value, .header = Header::make(1).with_windows(), .word = {9}, .r14 = outgoing, .rbx = 100});
    expect_numbered(receive(64), 2);
    EXPECT_EQ(refusal(receive(64)), Error::NotSupported);
    EXPECT_EQ(refusal(receive(64)), Error::NotSupported) << "it is still there";
    const auto taken = machine.receive(server, port);
    EXPECT_EQ(taken->readable_bytes, 100u);
    ASSERT_TRUE(machine.reply(server, taken->id, 10));
    expect_call_answered(10);
}

}  // namespace
}  // namespace portico::kernel::hosted
