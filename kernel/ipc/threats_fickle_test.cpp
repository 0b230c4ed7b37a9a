#include "kernel/arch/hosted/fickle_memory.h"
#include "kernel/arch/hosted/threats_fixture.h"

/// Every call that reads user memory does so once: with memory that changes as soon as it is read, it acts on what was there first.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;

class FickleThreats : public Threats {
protected:
    static constexpr uint64_t kPages = 3;
    uint64_t memory = machine.map(client, kPages* kPage);
    uint64_t server_memory = machine.map(server, kPages* kPage);

    FickleThreats() {
        for (uint64_t i = 0; i < kPages; ++i) {
            machine.write(client, memory + i * kPage, i);
            machine.write(server, server_memory + i * kPage, i);
        }
    }
    /// Puts bytes into a thread's memory, and lets it be fickle while `act` runs.
    template <class T, class Act>
    void with_fickle(Thread& thread, uint64_t address, const std::vector<T>& content, Act act) {
        std::vector<T> copy = content;
        ASSERT_TRUE(machine.access(thread, address, copy.data(), copy.size() * sizeof(T), abi::Access::Write));
        const FickleMemory fickle(machine, thread, address, copy.size() * sizeof(T));
        act();
        EXPECT_GT(fickle.load_count(), 0u) << "nobody read it";
    }
    std::vector<uint8_t> random_bytes(size_t count) {
        std::vector<uint8_t> bytes(count);
        for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
        return bytes;
    }
    std::vector<uint8_t> content(Thread& thread, uint64_t address, size_t count) {
        std::vector<uint8_t> bytes(count);
        EXPECT_TRUE(machine.access(thread, address, bytes.data(), count, abi::Access::Read));
        return bytes;
    }
};

TEST_F(FickleThreats, A12_TheMemoryIsFickleIndeed) {
    const std::vector<uint64_t> words{1, 2, 3, 4, 5, 6, 7, 8};
    with_fickle(client, memory, words, [&] {
        uint64_t first[8], second[8];
        for (uint64_t* to : {first, second})
            machine.in_kernel([&] { ASSERT_TRUE(client.process().space().copy_in(to, memory, sizeof(first))); });
        for (int i = 0; i < 8; ++i) EXPECT_EQ(first[i], words[static_cast<size_t>(i)]);
        for (int i = 0; i < 8; ++i) EXPECT_EQ(second[i], ~first[i]);
    });
}

/// What arrives is what was read first; whether a message may go is decided by the same bytes as go.
TEST_F(FickleThreats, A12_ABatchIsReadOnce) {
    uint64_t messages_with_handles = 0, refused = 0;
    for (int round = 0; round < 600; ++round) {
        const uint64_t count = 1 + below(abi::kBatchMax);
        const uint64_t address = memory + below(2000);
        std::vector<abi::Message> messages(count);
        for (abi::Message& message : messages) {
            for (uint64_t& word : message.word) word = random();
            message.id = random(), message.badge = random();
            message.header = abi::Header::make(static_cast<uint16_t>(below(100)));
            if (below(6) == 0) {  // a duplicate of a handle in the last word
                message.header = abi::Header::make(5, 1);
                message.word[4] = sender.value;
            } else if (below(30) == 0) {
                message.header.value = random();
            }
        }
        Result<abi::PortSendBatch::Reply> sent = fail(abi::Error::None);
        with_fickle(client, address, messages, [&] { sent = machine.call(client, abi::PortSendBatch{sender, address, count}); });
        const uint64_t arrived = sent ? abi::to_arguments(*sent)[0] : 0;
        if (arrived < count) ++refused;
        for (uint64_t i = 0; i < arrived; ++i) {
            const auto taken = machine.receive(server, port);
            ASSERT_TRUE(taken);
            EXPECT_EQ(taken->badge, kBadge);
            EXPECT_LE(taken->header.handle_count(), abi::kMessageHandlesMax);
            EXPECT_FALSE(taken->header.has_windows() || taken->header.has_pages());
            EXPECT_EQ(taken->header.operation(), messages[i].header.operation());
            ASSERT_EQ(taken->header.handle_count(), messages[i].header.handle_count());
            const size_t words = abi::kMessageWords - taken->header.handle_count();
            for (size_t word = 0; word < words; ++word) ASSERT_EQ(taken->word[word], messages[i].word[word]);
            for (size_t word = words; word < abi::kMessageWords; ++word) {
                ++messages_with_handles;
                ASSERT_TRUE(machine.call(server, abi::HandleClose{{taken->word[word]}}));
            }
        }
        EXPECT_EQ(refusal(machine.receive(server, port)), abi::Error::WouldBlock);
    }
    EXPECT_GT(messages_with_handles, 100u);
    EXPECT_GT(refused, 50u);
}

TEST_F(FickleThreats, A12_CopiesTakeWhatWasThereFirst) {
    const Handle object = machine.call(client, abi::MemoryCreate{kPages * kPage})->memory;
    for (int round = 0; round < 40; ++round) {
        const std::vector<uint8_t> bytes = random_bytes(1 + below(4000));
        const uint64_t offset = below(2000);
        with_fickle(client, memory + offset, bytes,
                    [&] { ASSERT_TRUE(machine.call(client, abi::MemoryWrite{object, 0, memory + offset, bytes.size()})); });
        ASSERT_TRUE(machine.call(client, abi::MemoryRead{object, 0, memory, bytes.size()}));
        EXPECT_EQ(content(client, memory, bytes.size()), bytes);

        // Lent memory is read, and what is to be written to lent memory.
        const abi::MessageRegisters lends{.handle_or_id = sender.value,
                                          .header = abi::Header::make(1).with_windows(),
                                          .r14 = memory + offset,
                                          .r15 = memory,
                                          .rbx = bytes.size() | bytes.size() << 32};
        machine.start_message<abi::PortCall>(client, lends);
        const uint64_t id = machine.receive(server, port)->id;
        Thread& other = machine.make_thread(client.process());
        with_fickle(other, memory + offset, bytes,
                    [&] { ASSERT_TRUE(machine.call(server, abi::WindowRead{id, 0, server_memory, bytes.size()})); });
        EXPECT_EQ(content(server, server_memory, bytes.size()), bytes);
        with_fickle(server, server_memory, bytes,
                    [&] { ASSERT_TRUE(machine.call(server, abi::WindowWrite{id, 0, server_memory, bytes.size()})); });
        EXPECT_EQ(content(other, memory, bytes.size()), bytes);
        machine.reply(server, id);
        machine.start(other, abi::ThreadExit{0, 0, 0});
        machine.forget_ended();
    }
}

TEST_F(FickleThreats, A12_StructuresAreReadOnce) {
    constexpr uint64_t kCode = 0x1234'5000;
    with_fickle(client, memory, std::vector<abi::ThreadStart>{{.instruction = kCode, .stack = 0x7000, .argument = 3, .priority = 2}}, [&] {
        const auto made = machine.call(client, abi::ThreadCreate{abi::kSelfProcess, memory});
        ASSERT_TRUE(made);
        Thread& thread = machine.adopt_thread(client, made->thread);
        EXPECT_EQ(thread.frame.registers.rip, kCode);
        EXPECT_EQ(thread.frame.registers.rsp, 0x7000u);
        EXPECT_EQ(thread.frame.registers.rdi, 3u);
        EXPECT_EQ(thread.priority(), 2u);
    });
    abi::Registers registers{.rbx = 5, .rip = kCode, .rsp = 0x8000};
    with_fickle(client, memory, std::vector<abi::Registers>{registers}, [&] {
        machine.start(client, abi::UpcallReturn{memory});
        EXPECT_EQ(client.frame.registers.rip, kCode);
        EXPECT_EQ(client.frame.registers.rsp, 0x8000u);
        EXPECT_EQ(client.frame.registers.rbx, 5u);
    });
    with_fickle(client, memory, std::vector<uint32_t>{77}, [&] {
        Thread& waiter = machine.make_thread(client.process());
        machine.start(waiter, abi::FutexWait{memory, 77, abi::kForever, 0, ~0u});
        EXPECT_TRUE(machine.waits(waiter));
        machine.call(client, abi::FutexWake{memory, 1, 0, ~0u});
    });
}

TEST_F(FickleThreats, A12_TextAndDeviceBytesAreReadOnce) {
    const Handle io = machine.call(client, abi::IoCreate{machine.make_resource(client), 0x3F8, 8})->io;
    std::vector<uint8_t> bytes = random_bytes(512);
    machine.hardware.io_written.clear();
    with_fickle(client, memory, bytes, [&] { ASSERT_TRUE(machine.call(client, abi::IoWriteBytes{io, 0, memory, bytes.size()})); });
    EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), machine.hardware.io_written.begin(), machine.hardware.io_written.end()));
    for (uint8_t& byte : bytes) byte = 'a' + byte % 26;
    bytes.back() = '\n';
    with_fickle(client, memory, bytes, [&] { ASSERT_TRUE(machine.call(client, abi::DebugLog{memory, bytes.size()})); });
    EXPECT_NE(machine.hardware.log_text().find(std::string(bytes.begin(), bytes.end())), std::string::npos);
}

}  // namespace
}  // namespace portico::kernel::hosted
