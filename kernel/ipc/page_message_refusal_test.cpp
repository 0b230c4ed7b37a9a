#include "kernel/arch/hosted/page_message_fixture.h"

/// Messages with pages that are refused, that cannot land, or that nobody takes.
namespace portico::kernel::hosted {
namespace {

class PageMessageRefusalTest : public PageMessageTest {
protected:
    void expect_refused(const char* what, Error error, auto request) {
        SCOPED_TRACE(what);
        const uint64_t used = machine.root().used_bytes();
        EXPECT_EQ(refusal(request()), error);
        EXPECT_EQ(machine.root().used_bytes(), used);
        expect_sources_untouched();
    }
    Result<Received> send_registers(const abi::MessageRegisters& registers) { return machine.message<abi::PortSend>(sender, registers); }
    Result<Received> call_registers(const abi::MessageRegisters& registers) { return machine.message<abi::PortCall>(sender, registers); }
};

TEST_F(PageMessageRefusalTest, RefusedWhenPosted) {
    ASSERT_TRUE(machine.send(sender, handle));  // the pool of messages, the record of the call: there now
    receive_pages(0);
    machine.start_call(sender, handle);
    machine.reply(receiver, receive_pages(0)->id);

    expect_refused("no pages", Error::InvalidArgument, [&] { return send_pages(0); });
    expect_refused("half a page", Error::InvalidArgument, [&] {
        auto registers = with_pages(handle.value, kSource, 1);
        registers.rbx = kPage + 8;
        return send_registers(registers);
    });
    expect_refused("too many", Error::TooLarge, [&] { return send_pages(abi::kMessagePagesMax + 1); });
    expect_refused("unaligned", Error::InvalidArgument, [&] { return send_pages(2, false, kSource + 64); });
    expect_refused("not mapped", Error::BadAddress, [&] { return send_pages(2, true, 0x7000'0000); });
    expect_refused("with windows", Error::InvalidArgument, [&] {
        auto registers = with_pages(handle.value, kSource, 2);
        registers.header = registers.header.with_windows();
        return call_registers(registers);
    });
    expect_refused("neither pages nor landing", Error::InvalidArgument,
                   [&] { return call_registers(with_pages(handle.value, kSource, 0)); });
    expect_refused("asynchronous", Error::InvalidArgument, [&] {
        auto registers = with_pages(handle.value, kSource, 2);
        registers.r14 = port.value;
        registers.handle_or_id = own_handle.value;
        return machine.message<abi::PortCallAsync>(receiver, registers);
    });
    expect_refused("a bad handle besides", Error::BadHandle, [&] {
        auto registers = with_pages(handle.value, kSource, 2);
        registers.header = abi::Header::make(1, 1, 1).with_pages();
        registers.word[4] = 0x777;
        return send_registers(registers);
    });
    expect_refused("a bad handle besides, in a call", Error::BadHandle, [&] {
        auto registers = with_pages(handle.value, kSource, 2);
        registers.header = abi::Header::make(1, 1, 1).with_pages(true);
        registers.word[4] = 0x777;
        return call_registers(registers);
    });
    expect_refused("no send handle", Error::BadHandle, [&] { return send_registers(with_pages(Handle::make(500, 0).value, kSource, 2)); });
    machine.call(receiver, abi::HandleClose{port});
    expect_refused("closed", Error::PeerClosed, [&] { return send_pages(2); });
}

TEST_F(PageMessageRefusalTest, TheBadgeBoundsWhatASenderMayCarry) {
    const auto badge = [&](uint64_t pages) { return machine.call(receiver, abi::PortBadge{port, 1, 2, pages}); };
    EXPECT_EQ(refusal(badge(abi::kMessagePagesMax + 1)), Error::InvalidArgument);
    handle = machine.give(receiver, badge(0)->sender, sender);
    ASSERT_TRUE(machine.send(sender, handle));
    receive_pages(0);
    expect_refused("none allowed", Error::TooLarge, [&] { return send_pages(1); });
    handle = machine.give(receiver, badge(3)->sender, sender);
    expect_refused("three allowed", Error::TooLarge, [&] { return send_pages(4); });
    expect_refused("by a call", Error::TooLarge, [&] { return call_registers(with_pages(handle.value, kSource, 4)); });
    ASSERT_TRUE(send_pages(3));
    ASSERT_TRUE(machine.send(sender, handle));
    EXPECT_EQ(refusal(send_pages(2, false, kSource + 4 * kPage)), Error::NoCredit);
    EXPECT_EQ(machine.read(sender, kSource + 4 * kPage + 32), 104u);
    machine.start_message<abi::PortCall>(sender, and_landing(with_pages(handle.value, 0, 0), 70));
    EXPECT_TRUE(machine.waits(sender)) << "what the reply may carry is the caller's own affair";
}

TEST_F(PageMessageRefusalTest, ALandingThatWillNotDoLeavesTheMessageFirst) {
    ASSERT_TRUE(send_pages(6));
    ASSERT_TRUE(machine.send(sender, handle, 5));
    machine.call(receiver, abi::SpaceProtect{abi::kSelfSpace, kLanding + 40 * kPage, kPage, 1});
    EXPECT_EQ(refusal(receive_pages(0)), Error::TooLarge);
    EXPECT_EQ(refusal(receive_pages(5)), Error::TooLarge);
    EXPECT_EQ(refusal(receive_pages(6, kLanding + 8)), Error::InvalidArgument);
    EXPECT_EQ(refusal(receive_pages(6, kLanding + 36 * kPage)), Error::InvalidArgument);
    EXPECT_EQ(refusal(receive_pages(6, 0x7000'0000)), Error::BadAddress);
    expect_landing_untouched(receiver);
    EXPECT_EQ(receive_pages(kPages)->page_bytes(), 6 * kPage);
    expect_landed(receiver, 6);
    EXPECT_EQ(receive_pages(0)->word[0], 5u);
}

TEST_F(PageMessageRefusalTest, ACallStaysFirstToo) {
    machine.start_message<abi::PortCall>(sender, with_pages(handle.value, kSource, 6));
    EXPECT_EQ(refusal(receive_pages(5)), Error::TooLarge);
    ASSERT_TRUE(machine.waits(sender));
    const auto taken = receive_pages(6);
    ASSERT_TRUE(taken);
    expect_landed(receiver, 6);
    ASSERT_TRUE(machine.reply(receiver, taken->id));
}

TEST_F(PageMessageRefusalTest, AWaitingThreadThatCannotTakeItMakesRoomForTheNext) {
    Thread& second = machine.make_thread(receiver.process());
    machine.start_message<abi::PortReceive>(receiver, receiving(1, kLanding, abi::kForever));
    machine.start_message<abi::PortReceive>(second, receiving(4, kLanding, abi::kForever));
    ASSERT_TRUE(send_pages(4));
    EXPECT_EQ(refusal(machine.received(receiver)), Error::TooLarge);
    ASSERT_FALSE(machine.waits(second));
    EXPECT_EQ(machine.received(second)->page_bytes(), 4 * kPage);
    expect_landed(receiver, 4);
}

TEST_F(PageMessageRefusalTest, AReplyWithoutRoomFailsTheCallAndFreesThePages) {
    for (const uint64_t landing : {0u, 3u}) {
        fill(receiver, kSource, kPages, 100);
        machine.start_message<abi::PortCall>(sender, and_landing({.handle_or_id = handle.value}, landing));
        if (landing > 0) sender.frame.registers.rsi = abi::Header{}.with_pages().value;
        const uint64_t id = receive_pages(0)->id;
        const uint64_t used = receiver_account->used_bytes();
        EXPECT_TRUE(reply_pages(id, 4)) << "the server cannot help it";
        EXPECT_EQ(refusal(machine.received(sender)), Error::TooLarge);
        EXPECT_EQ(receiver_account->used_bytes(), used - 4 * kPage);
        expect_landing_untouched(sender);
        EXPECT_EQ(refusal(reply_pages(id, 4)), Error::NoSuchCall) << "it was answered";
    }
}

TEST_F(PageMessageRefusalTest, AReplyToALandingThatIsGone) {
    const uint64_t id = call_taken(1, 4);
    Thread& other = machine.make_thread(sender.process());
    machine.call(other, abi::SpaceUnmap{abi::kSelfSpace, kLanding + 3 * kPage, kPage});
    const uint64_t used = receiver_account->used_bytes();
    const Handle memory = machine.call(receiver, abi::MemoryCreate{kPage})->memory;
    auto registers = with_pages(id, kSource, 4);
    registers.header = abi::Header::make(0, 1, 1).with_pages();
    registers.word[4] = memory.value;
    EXPECT_TRUE(machine.message<abi::PortReply>(receiver, registers));
    EXPECT_EQ(refusal(machine.received(sender)), Error::BadAddress);
    EXPECT_EQ(receiver_account->used_bytes(), used - 4 * kPage) << "pages and handle are gone";
    expect_filled(sender, kLanding, 3, 900);
}

TEST_F(PageMessageRefusalTest, ALandingIsNoWindow) {
    const uint64_t id = call_taken(1, 4);
    EXPECT_EQ(refusal(machine.call(receiver, abi::WindowWrite{id, 0, kSource, 8})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(receiver, abi::WindowRead{id, 0, kSource, 8})), Error::InvalidArgument);
    ASSERT_TRUE(machine.reply(receiver, id));
    expect_landing_untouched(sender);
}

TEST_F(PageMessageRefusalTest, BatchesCarryNone) {
    const uint64_t array = machine.scratch(sender), to = machine.scratch(receiver);
    abi::Message message{.header = abi::Header::make(1).with_pages()};
    machine.write(sender, array, message);
    ASSERT_TRUE(machine.send(sender, handle));  // the pool of messages is there now
    receive_pages(0);
    expect_refused("send", Error::InvalidArgument, [&] { return machine.call(sender, abi::PortSendBatch{handle, array, 1}); });
    ASSERT_TRUE(machine.send(sender, handle, 1));
    ASSERT_TRUE(send_pages(2));
    EXPECT_EQ(machine.call(receiver, abi::PortReceiveBatch{port, to, 8, abi::kNow})->received, 1u);
    EXPECT_EQ(refusal(machine.call(receiver, abi::PortReceiveBatch{port, to, 8, abi::kNow})), Error::NotSupported);
    ASSERT_TRUE(receive_pages(2));
    expect_landed(receiver, 2);
}

// ---- what nobody takes

class PageDropTest : public PageMessageRefusalTest {
protected:
    uint64_t used = 0;
    /// What the pages of the range, and nothing else, cost less than before.
    void expect_freed(uint64_t pages) {
        EXPECT_EQ(sender_account->used_bytes(), used - pages * kPage);
        expect_zero(machine.runnable(sender) ? sender : *witness, kSource, pages);
    }
    Thread* witness = &machine.make_thread(sender.process());

    void SetUp() override {
        PageMessageTest::SetUp();
        ASSERT_TRUE(machine.send(sender, handle));
        receive_pages(0);
        machine.start_call(sender, handle);
        machine.reply(receiver, receive_pages(0)->id);
        used = sender_account->used_bytes();
    }
};

TEST_F(PageDropTest, ThePortIsClosed) {
    ASSERT_TRUE(send_pages(3));
    ASSERT_TRUE(send_pages(1, false, kSource + 3 * kPage));
    machine.call(receiver, abi::HandleClose{port});
    expect_freed(4);
}

TEST_F(PageDropTest, TheReceiverIsKilled) {
    ASSERT_TRUE(send_pages(3));
    machine.start_message<abi::PortCall>(sender, with_pages(handle.value, kSource + 3 * kPage, 2));
    kill(receiver);
    EXPECT_EQ(refusal(machine.received(sender)), Error::PeerClosed);
    expect_freed(5);
}

TEST_F(PageDropTest, TheCallTimesOut) {
    auto registers = with_pages(handle.value, kSource, 3);
    registers.deadline_or_badge = machine.hardware.now_ns() + 1000;
    machine.start_message<abi::PortCall>(sender, registers);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(sender)), Error::TimedOut);
    EXPECT_EQ(refusal(receive_pages(3)), Error::WouldBlock);
    expect_freed(3);
}

TEST_F(PageDropTest, TheCallerIsKilled) {
    machine.start_message<abi::PortCall>(sender, with_pages(handle.value, kSource, 3));
    kill(sender);
    EXPECT_LT(sender_account->used_bytes(), 2 * kPage) << "objects that the test refers to";
    EXPECT_NE(refusal(receive_pages(3)), Error::None) << "only that the sender is gone";
    expect_landing_untouched(receiver);
}

TEST_F(PageDropTest, MessagesOutliveTheirSender) {
    ASSERT_TRUE(send_pages(3));
    kill(sender);
    const uint64_t held = sender_account->used_bytes();
    EXPECT_EQ(receive_pages(3)->page_bytes(), 3 * kPage);
    expect_landed(receiver, 3);
    EXPECT_LT(sender_account->used_bytes(), held - 3 * kPage) << "the pages, their list and the message";
}

TEST_F(PageDropTest, AReplyToAFaultDropsItsPages) {
    const Handle supervised = machine.call(receiver, abi::PortBadge{port, 9, 1})->sender;
    const Handle space = machine.call(receiver, abi::SpaceCreate{})->space;
    const Handle process = machine.call(receiver, abi::ProcessCreate{space, abi::kSelfAccount, supervised})->process;
    Thread& faulting = machine.make_thread(machine.adopt_process(receiver, process));
    machine.write<uint64_t>(faulting, 0x7000'0000, 1);
    const auto fault = receive_pages(0);
    ASSERT_TRUE(fault);
    const uint64_t receiver_used = receiver_account->used_bytes();
    EXPECT_TRUE(reply_pages(fault->id, 2));
    EXPECT_EQ(receiver_account->used_bytes(), receiver_used - 2 * kPage);
    expect_zero(receiver, kSource, 2);
}

// ---- who pays, and no memory

TEST_F(PageDropTest, AccountsAreExactAtEveryStage) {
    for (const bool copy : {false, true}) {
        fill(sender, kSource, kPages, 100);
        fill(receiver, kLanding, kPages, 900);
        const uint64_t receiver_used = receiver_account->used_bytes(), root_used = machine.root().used_bytes();
        const uint64_t list = 576 + 96;  // of the pages, and of what the message carries
        ASSERT_TRUE(send_pages(70, copy));
        EXPECT_EQ(sender_account->used_bytes(), used + list);
        EXPECT_EQ(receiver_account->used_bytes(), receiver_used);
        EXPECT_EQ(machine.root().used_bytes(), root_used + list);
        ASSERT_TRUE(receive_pages(70));
        EXPECT_EQ(sender_account->used_bytes(), copy ? used : used - 70 * kPage);
        EXPECT_EQ(receiver_account->used_bytes(), copy ? receiver_used - 70 * kPage : receiver_used) << "70 went";
        EXPECT_EQ(machine.root().used_bytes(), root_used - 70 * kPage);
    }
}

TEST_F(PageDropTest, AReceiverThatCannotPayLeavesTheMessageFirst) {
    ASSERT_TRUE(send_pages(20));
    const uint64_t left = receiver_account->limit_bytes() - receiver_account->used_bytes() - 19 * kPage;
    machine.in_kernel([&] { ASSERT_TRUE(receiver_account->charge(left)); });
    EXPECT_EQ(refusal(receive_pages(20)), Error::NoMemory);
    expect_landing_untouched(receiver);
    machine.in_kernel([&] { receiver_account->refund(left); });
    EXPECT_EQ(receive_pages(20)->page_bytes(), 20 * kPage);
    expect_landed(receiver, 20);
}

TEST_F(PageDropTest, EveryAllocationMayFail) {
    // Fresh objects and tables each time, so that there is something to allocate.
    for (const bool copy : {false, true}) {
        for (const bool as_call : {false, true}) {
            const auto refuse_until = [&](auto request) {
                for (int64_t n = 0;; ++n) {
                    FrameAllocator::fail_after = n;
                    const auto result = request();
                    FrameAllocator::fail_after = -1;
                    if (result) return n;
                    EXPECT_EQ(result.error(), Error::NoMemory);
                }
            };
            const uint64_t at = 0x8000'0000 + (uint64_t{copy} * 2 + as_call) * 0x4000'0000;
            map_pieces(sender, at, {40, 40});
            fill(sender, at, 80, 100);
            Thread& other = fork(sender);  // its nodes and pages are shared
            Thread& caller = machine.make_thread(sender.process());
            const int64_t to_send = refuse_until([&]() -> Result<> {
                const auto registers = and_landing(with_pages(handle.value, at, 80, copy), 2);
                if (as_call) {
                    machine.start_message<abi::PortCall>(caller, registers);
                    if (machine.waits(caller)) return {};
                    return fail(refusal(machine.received(caller)));
                }
                const auto sent = machine.message<abi::PortSend>(sender, registers);
                if (!sent) expect_filled(sender, at, 80, 100);
                return sent ? Result<>{} : fail(sent.error());
            });
            EXPECT_GE(to_send, 1);
            map_pieces(receiver, at, {80});
            uint64_t id = 0;
            const int64_t to_receive = refuse_until([&] {
                auto received = receive_pages(80, at);
                if (received) id = received->id;
                return received;
            });
            EXPECT_GE(to_receive, 2);
            expect_filled(receiver, at, 80, 100);
            kill(other);
            if (!as_call) continue;
            const int64_t to_reply = refuse_until([&] { return machine.message<abi::PortReply>(receiver, with_pages(id, at, 2)); });
            EXPECT_GE(to_reply, 1);
            ASSERT_FALSE(machine.waits(caller));
        }
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
