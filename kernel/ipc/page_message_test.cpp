#include "kernel/arch/hosted/page_message_fixture.h"

/// Messages, calls and replies that carry pages.
namespace portico::kernel::hosted {
namespace {

TEST_F(PageMessageTest, AMessageThatIsQueued) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{70}}) {
        fill(sender, kSource, kPages, 100);
        fill(receiver, kLanding, kPages, 900);
        ASSERT_TRUE(send_pages(count));
        expect_zero(sender, kSource, count);
        expect_landing_untouched(receiver);
        const auto received = receive_pages(count);
        ASSERT_TRUE(received);
        EXPECT_TRUE(received->header.has_pages());
        EXPECT_EQ(received->header.kind(), abi::MessageKind::Send);
        EXPECT_EQ(received->page_bytes(), count * kPage);
        EXPECT_EQ(received->writable_bytes, 0u);
        EXPECT_EQ(received->badge, kBadge);
        expect_landed(receiver, count);
    }
}

TEST_F(PageMessageTest, AMessageToAThreadThatWaits) {
    machine.start_message<abi::PortReceive>(receiver, receiving(kPages, kLanding, abi::kForever));
    ASSERT_TRUE(machine.waits(receiver));
    ASSERT_TRUE(send_pages(5, true));
    ASSERT_FALSE(machine.waits(receiver));
    const auto received = machine.received(receiver);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->page_bytes(), 5 * kPage);
    EXPECT_TRUE(received->header.copies_pages());
    expect_landed(receiver, 5);
    expect_sources_untouched();
}

TEST_F(PageMessageTest, AMessageWithoutPagesLeavesTheLandingAlone) {
    ASSERT_TRUE(machine.send(sender, handle, 7));
    const auto received = receive_pages(3);
    ASSERT_TRUE(received);
    EXPECT_EQ(received->word[0], 7u);
    EXPECT_EQ(received->readable_bytes, 0u);
    expect_landing_untouched(receiver);
}

TEST_F(PageMessageTest, ACallAndItsReply) {
    machine.start_message<abi::PortCall>(sender, and_landing(with_pages(handle.value, kSource, 3), 10));
    const auto taken = receive_pages(5);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->page_bytes(), 3 * kPage);
    EXPECT_EQ(taken->writable_bytes, 10 * kPage) << "what the reply may carry";
    expect_landed(receiver, 3);
    ASSERT_TRUE(reply_pages(taken->id, 10));
    const auto answer = machine.received(sender);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->page_bytes(), 10 * kPage);
    expect_landed(sender, 10);
    expect_zero(sender, kSource, 3);
    expect_zero(receiver, kSource, 10);
}

TEST_F(PageMessageTest, ACallThatOnlyWantsPages) {
    machine.start_message<abi::PortReceive>(receiver, receiving(0, 0, abi::kForever));
    machine.start_message<abi::PortCall>(sender, and_landing(with_pages(handle.value, 0, 0), 70));
    const auto taken = machine.received(receiver);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(taken->header.has_pages());
    EXPECT_EQ(taken->page_bytes(), 0u);
    EXPECT_EQ(taken->writable_bytes, 70 * kPage);
    ASSERT_TRUE(reply_pages(taken->id, 70, true));
    EXPECT_EQ(machine.received(sender)->page_bytes(), 70 * kPage);
    expect_landed(sender, 70);
    expect_sources_untouched();
}

TEST_F(PageMessageTest, AReplyWithoutPagesKeepsTheCallersRegister) {
    const uint64_t id = call_taken(2, 4);
    ASSERT_TRUE(machine.reply(receiver, id, 5));
    const auto answer = machine.received(sender);
    ASSERT_TRUE(answer);
    EXPECT_FALSE(answer->header.has_pages());
    EXPECT_EQ(sender.frame.registers.rbx, 2 * kPage | 4 * kPage << 32);
    expect_landing_untouched(sender);
}

TEST_F(PageMessageTest, ReplyAndReceiveGivesALanding) {
    const uint64_t id = call_taken(1, 0);
    fill(receiver, kLanding, kPages, 900);
    machine.start_message<abi::PortReplyReceive>(
        receiver, and_landing({.handle_or_id = port.value, .deadline_or_badge = abi::kForever, .r14 = id}, 8));
    ASSERT_TRUE(machine.received(sender));
    ASSERT_TRUE(machine.waits(receiver));
    fill(sender, kSource, 1, 100);
    ASSERT_TRUE(send_pages(8));
    EXPECT_EQ(machine.received(receiver)->page_bytes(), 8 * kPage);
    expect_landed(receiver, 8);
}

TEST_F(PageMessageTest, HandlesAndPagesTravelTogether) {
    const Handle memory = machine.call(sender, abi::MemoryCreate{kPage})->memory;
    abi::MessageRegisters registers = with_pages(handle.value, kSource, 2);
    registers.header = abi::Header::make(1, 1, 1).with_pages();
    registers.word[4] = memory.value;
    ASSERT_TRUE(machine.message<abi::PortSend>(sender, registers));
    const auto received = receive_pages(2);
    ASSERT_TRUE(received);
    EXPECT_TRUE((machine.query<abi::MemoryInfo>(receiver, abi::MemoryQuery{{received->word[4]}, 0})));
    expect_landed(receiver, 2);
}

TEST_F(PageMessageTest, ThroughASet) {
    const Handle set = machine.call(receiver, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(receiver, abi::SetAdd{set, port, 77}));
    ASSERT_TRUE(send_pages(2));
    auto registers = receiving(2);
    registers.handle_or_id = set.value;
    const auto received = machine.message<abi::PortReceive>(receiver, registers);
    ASSERT_TRUE(received);
    EXPECT_EQ(receiver.frame.registers.r14, 77u);
    EXPECT_EQ(received->page_bytes(), 2 * kPage);
    expect_landed(receiver, 2);
}

TEST_F(PageMessageTest, AThreadSendsToAnotherOfItsOwnProcess) {
    Thread& other = machine.make_thread(receiver.process());
    ASSERT_TRUE(machine.message<abi::PortSend>(other, with_pages(own_handle.value, kSource, 4)));
    ASSERT_TRUE(receive_pages(4, kSource + 2 * kPage));
    expect_zero(receiver, kSource, 2);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(machine.read(receiver, kSource + (2 + i) * kPage + 8 * i), 100 + i);
}

// ---- handing on

class PageForwardTest : public PageMessageTest {
protected:
    Thread& third = machine.make_thread();
    Handle third_port = machine.call(third, abi::PortCreate{})->port;
    Handle onward = machine.give(third, machine.call(third, abi::PortBadge{third_port, 1, 8, 4})->sender, receiver);

    Result<Received> forward(uint64_t id, uint64_t count, uint64_t address = kLanding) {
        return machine.message<abi::PortForward>(receiver, {.handle_or_id = onward.value,
                                                            .header = count > 0 ? abi::Header::make(2).with_pages() : abi::Header::make(2),
                                                            .r14 = id,
                                                            .r15 = address,
                                                            .rbx = count * kPage});
    }
    Result<Received> receive_third(uint64_t count) {
        map_pieces(third, kLanding, {kPages});
        return machine.message<abi::PortReceive>(third,
                                                 and_landing({.handle_or_id = third_port.value, .deadline_or_badge = abi::kNow}, count));
    }
};

TEST_F(PageForwardTest, PagesAndTheLandingOfTheReplyGoOn) {
    const uint64_t id = call_taken(3, 6);
    ASSERT_TRUE(forward(id, 3));
    const auto taken = receive_third(3);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->id, id);
    EXPECT_EQ(taken->header.operation(), 2u);
    EXPECT_EQ(taken->page_bytes(), 3 * kPage);
    EXPECT_EQ(taken->writable_bytes, 6 * kPage);
    expect_filled(third, kLanding, 3, 100);
    expect_zero(receiver, kLanding, 3);
    map_pieces(third, kSource, {6});
    fill(third, kSource, 6, 40);
    ASSERT_TRUE(machine.message<abi::PortReply>(third, with_pages(id, kSource, 6)));
    ASSERT_TRUE(machine.received(sender));
    expect_landed(sender, 6, 40);
}

TEST_F(PageForwardTest, WithoutPagesOfItsOwn) {
    const uint64_t id = call_taken(3, 6);
    ASSERT_TRUE(forward(id, 0));
    const auto taken = receive_third(0);
    ASSERT_TRUE(taken);
    EXPECT_TRUE(taken->header.has_pages());
    EXPECT_EQ(taken->page_bytes(), 0u);
    EXPECT_EQ(taken->writable_bytes, 6 * kPage);
}

TEST_F(PageForwardTest, Refusals) {
    const uint64_t id = call_taken(5, 6);
    EXPECT_EQ(refusal(forward(id, 5)), Error::TooLarge) << "the badge allows four";
    EXPECT_EQ(refusal(forward(id, 3, kLanding + 1)), Error::InvalidArgument);
    expect_landed(receiver, 5);
    EXPECT_EQ(refusal(forward(id + 1, 3)), Error::NoSuchCall);
    for (uint64_t i = 0; i < 3; ++i)
        EXPECT_EQ(machine.read(receiver, kLanding + i * kPage + 8 * i), 0u) << "gone with a call that is not there";
    EXPECT_EQ(machine.read(receiver, kLanding + 3 * kPage + 8 * 3), 103u);
    ASSERT_TRUE(reply_pages(id, 6)) << "still the forwarder's to answer";
    expect_landed(sender, 6);
    machine.start_message<abi::PortCall>(
        sender, {.handle_or_id = handle.value, .header = abi::Header::make(1).with_windows(), .r14 = kSource, .rbx = 100});
    const auto taken = receive_pages(0);
    ASSERT_TRUE(taken);
    EXPECT_EQ(refusal(forward(taken->id, 1)), Error::InvalidArgument) << "one register cannot tell both";
    ASSERT_TRUE(machine.reply(receiver, taken->id));
}

// ---- replies to asynchronous calls

class PageAsyncReplyTest : public PageMessageTest {
protected:
    Handle reply_port = machine.call(sender, abi::PortCreate{})->port;
    uint64_t called() {
        const auto made = machine.message<abi::PortCallAsync>(sender, {.handle_or_id = handle.value, .r14 = reply_port.value});
        EXPECT_TRUE(made);
        return receive_pages(0)->id;
    }
    Result<Received> receive_reply(uint64_t landing_pages, uint64_t landing = kLanding) {
        return machine.message<abi::PortReceive>(
            sender, and_landing({.handle_or_id = reply_port.value, .deadline_or_badge = abi::kNow}, landing_pages, landing));
    }
};

TEST_F(PageAsyncReplyTest, LandsWhereItIsReceived) {
    const uint64_t id = called();
    ASSERT_TRUE(reply_pages(id, 9));
    const auto answer = receive_reply(9);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id, id);
    EXPECT_EQ(answer->header.kind(), abi::MessageKind::Reply);
    EXPECT_EQ(answer->page_bytes(), 9 * kPage);
    expect_landed(sender, 9);
}

TEST_F(PageAsyncReplyTest, WithoutRoomSaysTooLargeAndKeepsNobodyWaiting) {
    const uint64_t first = called(), second = called();
    ASSERT_TRUE(reply_pages(first, 9));
    ASSERT_TRUE(machine.reply(receiver, second, 4));
    const uint64_t used = receiver_account->used_bytes();
    const auto answer = receive_reply(8);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id, first);
    EXPECT_EQ(answer->status(), Error::TooLarge);
    EXPECT_FALSE(answer->header.has_pages());
    EXPECT_LE(receiver_account->used_bytes(), used - 9 * kPage) << "freed";
    EXPECT_EQ(receive_reply(0)->word[0], 4u);
    expect_landing_untouched(sender);
}

TEST_F(PageAsyncReplyTest, StaysFirstWhileItsLandingIsBad) {
    ASSERT_TRUE(reply_pages(called(), 9));
    EXPECT_EQ(refusal(receive_reply(9, 0x7000'0000)), Error::BadAddress);
    EXPECT_EQ(receive_reply(9)->page_bytes(), 9 * kPage);
    expect_landed(sender, 9);
}

TEST_F(PageAsyncReplyTest, CancelledOrClosedWithPages) {
    const uint64_t first = called(), second = called(), third = called();
    const uint64_t used = receiver_account->used_bytes();
    ASSERT_TRUE(reply_pages(first, 9));
    ASSERT_TRUE(machine.call(sender, abi::CallCancel{reply_port, first}));
    EXPECT_EQ(receiver_account->used_bytes(), used - 9 * kPage);
    fill(receiver, kSource, 9, 100);
    ASSERT_TRUE(reply_pages(second, 9));
    machine.call(sender, abi::HandleClose{reply_port});
    EXPECT_EQ(receiver_account->used_bytes(), used - 9 * kPage);
    fill(receiver, kSource, 9, 100);
    ASSERT_TRUE(reply_pages(third, 9)) << "nobody will receive it";
    EXPECT_EQ(receiver_account->used_bytes(), used - 9 * kPage);
}

}  // namespace
}  // namespace portico::kernel::hosted
