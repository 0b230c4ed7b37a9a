#include "kernel/ipc/message_pool.h"

#include <random>

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kMessages = MessageChunk::kMessages;

/// `payer` has an account of its own and a sender to the server's port.
class MessagePoolTest : public PortFixture {
protected:
    static constexpr uint64_t kLimit = 1 << 20;
    Ref<Account> account = make_account(kLimit);
    Thread& payer = machine.make_thread(machine.make_process({}, account.get()));
    Handle to_server = make_sender(server, port, payer, 1, 65535);
    const uint64_t base = account->used_bytes();
    const uint64_t chunk_bytes = first_chunk();
    const uint64_t others = used_by_others();

    uint64_t first_chunk() {
        EXPECT_TRUE(machine.send(payer, to_server));
        EXPECT_TRUE(machine.receive(server, port));
        return account->used_bytes() - base;
    }
    uint64_t used_by_others() { return machine.root().used_bytes() - account->used_bytes(); }
    uint64_t chunks() {
        const uint64_t bytes = account->used_bytes() - base;
        EXPECT_EQ(bytes % chunk_bytes, 0u);
        return bytes / chunk_bytes;
    }
    void send(uint64_t count) {
        for (uint64_t i = 0; i < count; ++i) ASSERT_TRUE(machine.send(payer, to_server, i));
    }
    void receive(uint64_t count, uint64_t first = 0) {
        for (uint64_t i = 0; i < count; ++i) {
            const auto received = machine.receive(server, port);
            ASSERT_TRUE(received);
            ASSERT_EQ(received->word[0], first + i);
        }
    }
};

TEST_F(MessagePoolTest, GrowsByAChunkAtATimeAtTheSendersCost) {
    EXPECT_GE(chunk_bytes, sizeof(MessageChunk));
    EXPECT_LE(chunk_bytes, Heap::kBlockBytesMax);
    EXPECT_EQ(chunks(), 1u);
    for (uint64_t sent = 1; sent <= 5 * kMessages; ++sent) {
        ASSERT_TRUE(machine.send(payer, to_server));
        ASSERT_EQ(chunks(), (sent + kMessages - 1) / kMessages);
        ASSERT_EQ(used_by_others(), others) << "somebody else paid";
    }
}

TEST_F(MessagePoolTest, AChunkGoesWhenItIsEmptyAndAnotherHasRoom) {
    constexpr uint64_t kChunks = 4;
    send(kChunks * kMessages);
    std::vector<uint64_t> used(kChunks, kMessages);  // the messages are taken in the order they were made in
    for (uint64_t i = 0; i < kChunks * kMessages; ++i) {
        receive(1, i);
        if (--used[0] == 0 && std::any_of(used.begin() + 1, used.end(), [](uint64_t each) { return each < kMessages; }))
            used.erase(used.begin());
        else if (used[0] == 0)
            std::rotate(used.begin(), used.begin() + 1, used.end());  // kept
        ASSERT_EQ(chunks(), used.size()) << "after " << i + 1;
        if (used[0] == 0) break;
    }
    EXPECT_EQ(chunks(), 1u);
    EXPECT_EQ(used_by_others(), others);
}

TEST_F(MessagePoolTest, ALoneMessageAllocatesNothing) {
    for (int i = 0; i < 100; ++i) {
        FrameAllocator::fail_after = 0;
        EXPECT_TRUE(machine.send(payer, to_server, 7));
        EXPECT_EQ(machine.receive(server, port)->word[0], 7u);
        EXPECT_EQ(std::exchange(FrameAllocator::fail_after, -1), 0);
    }
    EXPECT_EQ(chunks(), 1u);
}

TEST_F(MessagePoolTest, HoldsNoMoreThanItsMessagesNeedUnderRandomUse) {
    std::mt19937_64 random(11);
    struct Queue {
        Handle port, sender;
        uint64_t length = 0;
    };
    std::vector<Queue> queues(10);
    for (Queue& each : queues) {
        each.port = machine.call(server, abi::PortCreate{})->port;
        each.sender = make_sender(server, each.port, payer, 1, 65535);
    }
    const uint64_t others_before = used_by_others();
    uint64_t live = 0;
    for (int step = 0; step < 20'000; ++step) {
        const uint64_t wanted = step / 2000 % 2 == 0 ? 200 : 0;  // fills and empties in turns
        Queue& queue = queues[random() % queues.size()];
        if (random() % (live + 50) < (wanted == 0 ? 10 : wanted)) {
            ASSERT_TRUE(machine.send(payer, queue.sender));
            ++queue.length, ++live;
        } else if (queue.length > 0) {
            ASSERT_TRUE(machine.receive(server, queue.port));
            --queue.length, --live;
        }
        ASSERT_GE(chunks() * kMessages, live);
        ASSERT_LE(chunks(), live + 1) << "more than one empty chunk is kept";
    }
    for (Queue& queue : queues)
        while (queue.length-- > 0) ASSERT_TRUE(machine.receive(server, queue.port));
    EXPECT_EQ(chunks(), 1u);
    EXPECT_EQ(used_by_others(), others_before);
}

TEST_F(MessagePoolTest, ChunksOfAnEndedProcessLiveUntilTheirLastMessageIsTaken) {
    send(3 * kMessages - 5);
    kill(payer);
    machine.forget_ended();
    EXPECT_EQ(account->used_bytes(), 3 * chunk_bytes) << "the process is gone, its messages are not";
    receive(kMessages - 1);
    EXPECT_EQ(account->used_bytes(), 3 * chunk_bytes);
    receive(1, kMessages - 1);
    EXPECT_EQ(account->used_bytes(), 2 * chunk_bytes);
    receive(kMessages, kMessages);
    EXPECT_EQ(account->used_bytes(), chunk_bytes);
    receive(kMessages - 5, 2 * kMessages);
    EXPECT_EQ(account->used_bytes(), 0u);
}

TEST_F(MessagePoolTest, AnEndedProcessKeepsNoEmptyChunk) {
    Ref<Account> second_account = make_account(kLimit);
    Thread& never_sent = machine.make_thread(machine.make_process({}, second_account.get()));
    make_sender(server, port, never_sent);
    kill(payer);
    kill(never_sent);
    EXPECT_EQ(account->used_bytes(), second_account->used_bytes()) << "both are dead but referred to";
}

TEST_F(MessagePoolTest, TheReceiversDeathGivesAllBack) {
    send(100);
    kill(server);
    EXPECT_EQ(chunks(), 1u);
    EXPECT_EQ(refusal(machine.send(payer, to_server)), Error::PeerClosed);
    kill(payer);
    machine.forget_ended();
    EXPECT_EQ(account->used_bytes(), 0u);
}

TEST_F(MessagePoolTest, FloodsToTheCreditLimitAndBack) {
    const Handle few = make_sender(server, port, payer, 2, 100);
    const uint64_t with_sender = account->used_bytes();
    for (int round = 0; round < 3; ++round) {
        for (uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(machine.send(payer, few, i));
        EXPECT_EQ(refusal(machine.send(payer, few)), Error::NoCredit);
        EXPECT_EQ(account->used_bytes(), with_sender + (100 - 1) / kMessages * chunk_bytes) << "one is there from the start";
        EXPECT_TRUE(machine.call(payer, abi::PortNotify{few, 1})) << "notifications take no credit";
        receive(100);
        EXPECT_EQ(machine.receive(server, port)->header.kind(), MessageKind::Notification);
        EXPECT_EQ(account->used_bytes(), with_sender);
    }
}

TEST_F(MessagePoolTest, FloodsToTheAccountsLimitAndBack) {
    uint64_t sent = 0;
    while (machine.send(payer, to_server, sent)) ++sent;
    EXPECT_EQ(refusal(machine.send(payer, to_server)), Error::NoMemory);
    EXPECT_LE(account->used_bytes(), kLimit);
    EXPECT_LT(kLimit - account->used_bytes(), chunk_bytes);
    EXPECT_EQ(sent, chunks() * kMessages);
    EXPECT_EQ(used_by_others(), others);
    receive(sent);
    EXPECT_EQ(chunks(), 1u);
    send(sent);
}

TEST_F(MessagePoolTest, RefusedMessagesTakeNeitherMemoryNorCredit) {
    const Handle few = make_sender(server, port, payer, 2, kMessages + 1);
    for (uint64_t i = 0; i < kMessages; ++i) ASSERT_TRUE(machine.send(payer, few, i));
    const uint64_t used = account->used_bytes();
    for (int i = 0; i < 100; ++i) {
        FrameAllocator::fail_after = 0;
        EXPECT_EQ(refusal(machine.send(payer, few)), Error::NoMemory);
        FrameAllocator::fail_after = -1;
    }
    EXPECT_EQ(account->used_bytes(), used);
    ASSERT_TRUE(machine.send(payer, few, kMessages));
    EXPECT_EQ(refusal(machine.send(payer, few)), Error::NoCredit);
    receive(kMessages + 1);
    const abi::MessageRegisters bad{.handle_or_id = few.value, .header = abi::Header::make(0, 1), .word = {0, 0, 0, 0, 99'999}};
    for (int i = 0; i < 100; ++i) EXPECT_EQ(refusal(machine.message<abi::PortSend>(payer, bad)), Error::BadHandle);
    EXPECT_EQ(account->used_bytes(), used);
    for (uint64_t i = 0; i <= kMessages; ++i) ASSERT_TRUE(machine.send(payer, few, i));
}

TEST_F(MessagePoolTest, WordsForWhoWaitsLieInBlocksNewAndUsedForHandles) {
    const uint64_t used = account->used_bytes();
    for (uint64_t i = 0; i < 2 * kMessages; ++i) {
        machine.start_receive(server, port);
        ASSERT_TRUE(machine.send(payer, to_server, i));
        ASSERT_EQ(machine.received(server)->word[0], i);
        const Handle memory = machine.call(payer, abi::MemoryCreate{4096})->memory;
        ASSERT_TRUE(machine.message<abi::PortSend>(
            payer, {.handle_or_id = to_server.value, .header = abi::Header::make(0, 1, 1), .word = {i, 0, 0, 0, memory.value}}));
        send(i % 3);  // so that blocks change places
        const auto received = machine.receive(server, port);
        ASSERT_EQ(received->word[0], i);
        ASSERT_TRUE(machine.call(server, abi::HandleClose{Handle{received->word[4]}}));
        receive(i % 3);
        ASSERT_EQ(account->used_bytes(), used) << "what carried the handle is gone";
    }
}

TEST_F(MessagePoolTest, DroppedMessagesCloseTheirHandles) {
    const uint64_t objects = machine.root().object_count();
    for (int i = 0; i < 50; ++i) {
        const Handle memory = machine.call(payer, abi::MemoryCreate{4096})->memory;
        ASSERT_TRUE(machine.message<abi::PortSend>(
            payer, {.handle_or_id = to_server.value, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, memory.value}}));
    }
    EXPECT_EQ(machine.root().object_count(), objects + 50);
    machine.call(server, abi::HandleClose{port});
    EXPECT_EQ(machine.root().object_count(), objects);
    EXPECT_EQ(chunks(), 1u);
}

}  // namespace
}  // namespace portico::kernel::hosted
