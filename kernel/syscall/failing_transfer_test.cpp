#include "kernel/arch/hosted/failing_allocation_fixture.h"

/// Calls that carry something from one process to another, when memory fails on the way.
namespace portico::kernel::hosted {
namespace {

TEST_F(FailingAllocationTest, Messages) {
    const Handle memory = machine.call(client, abi::MemoryCreate{kPage})->memory;
    const Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    const abi::MessageRegisters registers{
        .handle_or_id = sender.value, .header = abi::Header::make(0, 1), .word = {0, 0, 0, 0, memory.value}, .r14 = reply_port.value};
    const auto drain = [&](const auto& result) {
        if (result)
            if (const auto taken = machine.receive(server, port)) machine.call(server, abi::HandleClose{{taken->word[4]}});
    };
    exhaust<abi::PortSend>("port_send", [&] { return machine.message<abi::PortSend>(client, registers); }, drain);
    exhaust<abi::PortSendWait>("port_send_wait", [&] { return machine.message<abi::PortSendWait>(client, registers); }, drain);
    exhaust_first<abi::PortSend>([&](Thread& thread, Handle own) { return machine.send(thread, own); });
    exhaust_first<abi::PortSendWait>(
        [&](Thread& thread, Handle own) { return machine.message<abi::PortSendWait>(thread, {.handle_or_id = own.value}); });
    exhaust<abi::PortCallAsync>(
        "port_call_async", [&] { return machine.message<abi::PortCallAsync>(client, registers); },
        [&](const auto& made) {
            if (made) machine.call(client, abi::CallCancel{reply_port, made->id});
        });
    Thread& caller = machine.make_thread(client.process());
    FrameAllocator::fail_after = 0;
    machine.start_message<abi::PortCall>(caller, registers);
    FrameAllocator::fail_after = -1;
    EXPECT_EQ(refusal(machine.received(caller)), Error::NoMemory);
    refused_.set(abi::PortCall::doc.number);
    machine.start_message<abi::PortCall>(caller, registers);
    EXPECT_TRUE(machine.waits(caller));
}

TEST_F(FailingAllocationTest, MessagesWithPages) {
    constexpr uint64_t kCount = 70;
    const uint64_t source = machine.map(client, kCount * kPage), landing = machine.map(server, kCount * kPage);
    sender = machine.give(server, machine.call(server, abi::PortBadge{port, 1, 8, kCount})->sender, client);
    const auto fill = [&] {
        for (uint64_t i = 0; i < kCount; ++i) machine.write(client, source + i * kPage, i + 1);
    };
    fill();
    for (const bool copy : {false, true}) {
        const abi::MessageRegisters registers{
            .handle_or_id = sender.value, .header = abi::Header::make(0).with_pages(copy), .r14 = source, .rbx = kCount * kPage};
        const auto receive = [&] {
            return machine.message<abi::PortReceive>(
                server, {.handle_or_id = port.value, .deadline_or_badge = abi::kNow, .r15 = landing, .rbx = kCount * kPage << 32});
        };
        exhaust<abi::PortSend>(
            "port_send", [&] { return machine.message<abi::PortSend>(client, registers); },
            [&](const auto& sent) {
                ASSERT_TRUE(sent);
                for (uint64_t i = 0; i < kCount; i += 9) EXPECT_EQ(machine.read(client, source + i * kPage), copy ? i + 1 : 0);
                ASSERT_TRUE(receive());
                fill();
            });
        machine.message<abi::PortSend>(client, registers);
        exhaust<abi::PortReceive>("port_receive", receive, [&](const auto& received) {
            if (!received) return;
            for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(machine.read(server, landing + i * kPage), i + 1);
            fill();
            machine.message<abi::PortSend>(client, registers);
        });
        receive();
        fill();
    }
}

TEST_F(FailingAllocationTest, Batches) {
    constexpr uint64_t kCount = 5, kTo = 0x5000'0000;
    const uint64_t array = machine.map(client, kPage);
    for (uint64_t i = 0; i < kCount; ++i) machine.write(client, array + i * sizeof(abi::Message), abi::Message{.word = {i}});
    const auto drain = [&](const auto&) {
        for (uint64_t i = 0; const auto taken = machine.receive(server, port); ++i) EXPECT_EQ(taken->word[0], i);
    };
    exhaust<abi::PortSendBatch>(
        "port_send_batch", then_reset([&] { return machine.call(client, abi::PortSendBatch{sender, array, kCount}); }, [&] { drain(0); }),
        kNothing);
    exhaust_first<abi::PortSendBatch>(
        [&](Thread& thread, Handle own) { return machine.call(thread, abi::PortSendBatch{own, machine.scratch(thread), 1}); });
    // Into memory that was never touched: the message that cannot be written down is not lost.
    const auto fresh = [&] {
        machine.call(server, abi::SpaceUnmap{abi::kSelfSpace, kTo, kPage});
        machine.call(server, abi::SpaceMap{abi::kSelfSpace, {}, 0, kTo, kPage, kFixed | kReadWrite});
    };
    fresh();
    exhaust<abi::PortReceiveBatch>(
        "port_receive_batch",
        [&] {
            {
                const NoFailures none;
                machine.call(client, abi::PortSendBatch{sender, array, kCount});
            }
            auto received = machine.call(server, abi::PortReceiveBatch{port, kTo, kCount, abi::kNow});
            const NoFailures none;
            if (received)
                EXPECT_EQ(received->received, kCount);
            else
                drain(0);
            fresh();
            return received;
        },
        kNothing);
}

/// A call that the server has taken; its caller lends two pages, the second of which, to be written, was never touched.
TEST_F(FailingAllocationTest, Windows) {
    constexpr uint64_t kLent = 0x5000'0000;
    Thread& caller = machine.make_thread(client.process());
    const auto fresh = [&](Thread& thread) {
        machine.call(thread, abi::SpaceUnmap{abi::kSelfSpace, kLent, 2 * kPage});
        machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, kLent, 2 * kPage, kFixed | kReadWrite});
        machine.write(thread, kLent, uint64_t{7});
    };
    fresh(client);
    fresh(server);
    machine.start_message<abi::PortCall>(caller, {.handle_or_id = sender.value,
                                                  .header = abi::Header{}.with_windows(),
                                                  .r14 = kLent,
                                                  .r15 = kLent + kPage,
                                                  .rbx = kPage | kPage << 32});
    const uint64_t id = machine.receive(server, port)->id;
    exhaust<abi::WindowRead>(
        "window_read",
        then_reset([&] { return machine.call(server, abi::WindowRead{id, 0, kLent + kPage, kPage}); }, [&] { fresh(server); }), kNothing);
    exhaust<abi::WindowWrite>(
        "window_write", then_reset([&] { return machine.call(server, abi::WindowWrite{id, 0, kLent, kPage}); }, [&] { fresh(client); }),
        kNothing);
    EXPECT_TRUE(machine.waits(caller));
    EXPECT_TRUE(machine.reply(server, id));
}

TEST_F(FailingAllocationTest, AnswersAndCallsHandedOn) {
    constexpr uint64_t kCount = 3;
    Thread& caller = machine.make_thread(client.process());
    const uint64_t pages = machine.map(server, kCount * kPage), landing = machine.map(client, kCount * kPage);
    const Handle again = machine.call(server, abi::PortBadge{port, 2, 8, kCount})->sender;
    const auto fill = [&] {
        for (uint64_t i = 0; i < kCount; ++i) machine.write(server, pages + i * kPage, i + 1);
    };
    fill();
    const auto taken = [&] {
        machine.start_message<abi::PortCall>(
            caller, {.handle_or_id = sender.value, .header = abi::Header{}.with_pages(), .r15 = landing, .rbx = kCount * kPage << 32});
        return machine.receive(server, port)->id;
    };
    uint64_t id = taken();
    const abi::Header header = abi::Header::make(0).with_pages();
    exhaust<abi::PortReply>(
        "port_reply",
        [&] {
            return machine.message<abi::PortReply>(server, {.handle_or_id = id, .header = header, .r14 = pages, .rbx = kCount * kPage});
        },
        [&](const auto& replied) {
            if (!replied) return;
            // What cannot land is the caller's failure, not the replier's: the answer is lost.
            const auto answer = machine.received(caller);
            EXPECT_TRUE(answer || answer.error() == Error::NoMemory);
            for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(machine.read(client, landing + i * kPage), answer ? i + 1 : 0);
            machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, landing, kCount * kPage});
            machine.call(client, abi::SpaceMap{abi::kSelfSpace, {}, 0, landing, kCount * kPage, kFixed | kReadWrite});
            fill();
            id = taken();
        });
    exhaust<abi::PortForward>(
        "port_forward",
        [&] {
            return machine.message<abi::PortForward>(
                server, {.handle_or_id = again.value, .header = header, .r14 = id, .r15 = pages, .rbx = kCount * kPage});
        },
        [&](const auto& forwarded) {
            if (!forwarded) return;
            const auto taken_again = machine.message<abi::PortReceive>(
                server, {.handle_or_id = port.value, .deadline_or_badge = abi::kNow, .r15 = pages, .rbx = kCount * kPage << 32});
            ASSERT_TRUE(taken_again);
            EXPECT_EQ(taken_again->id, id);
            EXPECT_EQ(machine.read(server, pages), 1u);
        });
    EXPECT_TRUE(machine.waits(caller));
    EXPECT_TRUE(machine.reply(server, id));
    // Pages that land where no table is yet; the message stays first.
    const auto fresh = [&] {
        machine.call(server, abi::SpaceUnmap{abi::kSelfSpace, 0x7000'0000, kCount * kPage});
        machine.call(server, abi::SpaceMap{abi::kSelfSpace, {}, 0, 0x7000'0000, kCount * kPage, kFixed | kReadWrite});
    };
    const uint64_t source = machine.map(client, kCount * kPage);
    const Handle own = machine.give(server, again, client);
    const auto send = [&] {
        for (uint64_t i = 0; i < kCount; ++i) machine.write(client, source + i * kPage, i + 1);
        EXPECT_TRUE(machine.message<abi::PortSend>(
            client, {.handle_or_id = own.value, .header = abi::Header::make(0).with_pages(true), .r14 = source, .rbx = kCount * kPage}));
    };
    fresh();
    send();
    const auto exhaust_landing = [&]<class Call>(const char* what) {
        exhaust<Call>(
            what,
            [&] {
                return machine.message<Call>(
                    server, {.handle_or_id = port.value, .deadline_or_badge = abi::kNow, .r15 = 0x7000'0000, .rbx = kCount * kPage << 32});
            },
            [&](const auto& received) {
                if (!received) return;
                EXPECT_EQ(machine.read(server, 0x7000'0000), 1u);
                fresh();
                send();
            });
    };
    exhaust_landing.operator()<abi::PortReceive>("port_receive");
    exhaust_landing.operator()<abi::PortReplyReceive>("port_reply_receive");
}

/// A pager whose pages come and go.
TEST_F(FailingAllocationTest, PagedObjects) {
    constexpr uint64_t kCount = 5, kFirst = 62, kStock = 0x5000'0000;  // over the border of two leaves
    const Handle memory = machine.call(server, abi::MemoryCreatePaged{100 * kPage, server_sender, 0})->memory;
    const Handle given = machine.give(server, memory, client);
    constexpr uint64_t kAt = 0x4000'0000;
    machine.call(client, abi::SpaceMap{abi::kSelfSpace, given, 0, kAt, 100 * kPage,
                                       kFixed | kReadWrite | static_cast<uint64_t>(abi::MapFlags::Shared)});
    const auto fresh = [&] {
        machine.call(server, abi::SpaceUnmap{abi::kSelfSpace, kStock, kCount * kPage});
        machine.call(server, abi::SpaceMap{abi::kSelfSpace, {}, 0, kStock, kCount * kPage, kFixed | kReadWrite});
    };
    fresh();
    const auto fill = [&] {
        for (uint64_t i = 0; i < kCount; ++i) machine.write(server, kStock + i * kPage, i + 1);
    };
    const auto empty = [&] {  // that it has no nodes: those that a refused supply got stay for the next
        machine.call(server, abi::MemoryResize{memory, 0});
        machine.call(server, abi::MemoryResize{memory, 100 * kPage});
    };
    const auto supply = [&] { return machine.call(server, abi::MemorySupply{memory, kFirst * kPage, kStock, kCount * kPage}); };
    const auto detach = [&] { return machine.call(server, abi::MemoryDetach{memory, kFirst * kPage, kStock, kCount * kPage}); };
    const auto dirty = [&](uint64_t value) {
        for (uint64_t i = 0; i < kCount; ++i) ASSERT_TRUE(machine.write(client, kAt + (kFirst + i) * kPage, value + i));
    };
    fill();
    const auto supply_or_empty = [&] {
        auto supplied = supply();
        const NoFailures none;
        if (!supplied) empty();
        return supplied;
    };
    exhaust<abi::MemorySupply>("memory_supply", supply_or_empty, [&](const auto& supplied) {
        for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(machine.read(server, kStock + i * kPage), supplied ? 0 : i + 1);
        if (!supplied) return;
        dirty(1);
        ASSERT_TRUE(detach());
        empty();
    });
    ASSERT_TRUE(supply());
    dirty(11);
    fresh();
    exhaust<abi::MemoryDetach>("memory_detach", detach, [&](const auto& detached) {
        if (!detached) return;
        for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(machine.read(server, kStock + i * kPage), i + 11);
        ASSERT_TRUE(supply());
        dirty(11);
        fresh();
    });
    for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(machine.read(client, kAt + (kFirst + i) * kPage), i + 11);
}

}  // namespace
}  // namespace portico::kernel::hosted
