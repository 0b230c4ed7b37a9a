#pragma once

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {

using abi::Header;

/// The client sends batches from `outgoing`, the server receives into `incoming`: two pages each, with nothing mapped after them.
class BatchFixture : public PortFixture {
public:
    static constexpr uint64_t kBytes = 2 * abi::kPageBytes;
    using Batch = std::vector<abi::Message>;
    uint64_t outgoing = machine.map(client, kBytes);
    uint64_t incoming = machine.map(server, kBytes);

    static abi::Message message(uint64_t word, abi::Header header = {}) {
        return {.id = 0x1D1D, .badge = 0xBADBAD, .header = header, .word = {word, word + 1, word + 2, word + 3, word + 4}};
    }
    static Batch numbered(uint64_t count, uint64_t first = 0) {
        Batch batch;
        for (uint64_t i = 0; i < count; ++i) batch.push_back(message(first + i));
        return batch;
    }
    /// `offset`: in the client's memory.
    Result<uint64_t> send(const Batch& batch, uint64_t offset = 0) { return send_by(client, sender, outgoing + offset, batch); }
    Result<uint64_t> send_by(Thread& thread, Handle by, uint64_t address, Batch batch) {
        EXPECT_TRUE(machine.access(thread, address, batch.data(), batch.size() * sizeof(abi::Message), abi::Access::Write));
        const auto sent = machine.call(thread, abi::PortSendBatch{by, address, batch.size()});
        if (!sent) return fail(sent.error());
        return sent->sent;
    }
    Batch read_batch(Thread& thread, uint64_t address, uint64_t count) {
        Batch batch(count);
        EXPECT_TRUE(machine.access(thread, address, batch.data(), count * sizeof(abi::Message), abi::Access::Read));
        return batch;
    }
    void start_receive_batch(Thread& thread, uint64_t count, uint64_t deadline_ns = abi::kForever) {
        machine.start(thread, abi::PortReceiveBatch{port, incoming, count, deadline_ns});
    }
    Result<Batch> receive(uint64_t count, uint64_t offset = 0) {
        const auto received = machine.call(server, abi::PortReceiveBatch{port, incoming + offset, count, abi::kNow});
        if (!received) return fail(received.error());
        EXPECT_LE(received->received, count);
        return read_batch(server, incoming + offset, received->received);
    }
    /// What a woken thread received.
    Result<Batch> go_on_receiving(Thread& thread) {
        const auto received = go_on<abi::PortReceiveBatch>(thread);
        if (!received) return fail(received.error());
        return read_batch(thread, incoming, received->received);
    }
    static void expect_numbered(const Result<Batch>& batch, uint64_t count, uint64_t first = 0) {
        ASSERT_TRUE(batch) << name_of(batch.error());
        ASSERT_EQ(batch->size(), count);
        for (uint64_t i = 0; i < count; ++i) {
            const abi::Message& each = (*batch)[i];
            EXPECT_EQ(each.header.kind(), MessageKind::Send);
            EXPECT_EQ(each.id, 0u);
            EXPECT_EQ(each.badge, kBadge);
            for (uint64_t word = 0; word < abi::kMessageWords; ++word) ASSERT_EQ(each.word[word], first + i + word);
        }
    }
};

}  // namespace portico::kernel::hosted
