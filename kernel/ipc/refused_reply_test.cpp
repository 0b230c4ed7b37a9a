#include "kernel/arch/hosted/page_message_fixture.h"

/// A reply that names no live call is refused, and what it moves is dropped; copies and duplicates stay with the replier, of course.
namespace portico::kernel::hosted {
namespace {

class RefusedReplyTest : public PortFixture {
protected:
    Handle token = machine.call(server, abi::MemoryCreate{abi::kPageBytes})->memory;
    bool has(Handle handle) { return machine.query<abi::MemoryInfo>(server, abi::MemoryQuery{handle, 0}).has_value(); }

    template <class Call = abi::PortReply>
    Error reply_with(uint64_t id, Handle handle, unsigned moves) {
        abi::MessageRegisters registers{.handle_or_id = id, .header = abi::Header::make(0, 1, moves), .word = {0, 0, 0, 0, handle.value}};
        if constexpr (std::is_same_v<Call, abi::PortReplyReceive>) {
            registers.handle_or_id = port.value;
            registers.r14 = id;
            registers.deadline_or_badge = abi::kNow;
        }
        return refusal(machine.message<Call>(server, registers));
    }
    uint64_t cancelled_call() {
        Thread& caller = machine.make_thread(client.process());
        machine.start_call(caller, sender);
        const uint64_t id = machine.receive(server, port)->id;
        alert(caller);
        return id;
    }
};

TEST_F(RefusedReplyTest, LateDoubleAndForgedOnesCloseWhatTheyMove) {
    const uint64_t answered = call_taken();
    ASSERT_TRUE(machine.reply(server, answered, 1));
    const uint64_t late = cancelled_call();
    ASSERT_TRUE(machine.receive(server, port)) << "the notice of cancellation";
    ASSERT_TRUE(has(token));  // maps what queries need
    for (const uint64_t id : {late, answered, uint64_t{0}, late + 1, ~uint64_t{0}}) {
        const uint64_t used = machine.root().used_bytes(), objects = machine.root().object_count();
        const Handle moved = machine.call(server, abi::MemoryCreate{abi::kPageBytes})->memory;
        EXPECT_EQ(reply_with(id, moved, 1), Error::NoSuchCall);
        EXPECT_FALSE(has(moved));
        EXPECT_EQ(machine.root().used_bytes(), used);
        EXPECT_EQ(machine.root().object_count(), objects);
        EXPECT_EQ(reply_with(id, token, 0), Error::NoSuchCall);
        EXPECT_TRUE(has(token)) << "it was to be duplicated";
    }
}

TEST_F(RefusedReplyTest, BeforeItsNoticeOfCancellationWasTaken) {
    const uint64_t id = cancelled_call();
    EXPECT_EQ(reply_with(id, token, 1), Error::NoSuchCall);
    EXPECT_FALSE(has(token));
    const auto notice = machine.receive(server, port);
    EXPECT_EQ(notice->header.kind(), abi::MessageKind::Cancelled);
    EXPECT_EQ(notice->id, id);
}

TEST_F(RefusedReplyTest, AlsoByReplyReceive) {
    const uint64_t id = cancelled_call();
    EXPECT_EQ(reply_with<abi::PortReplyReceive>(id, token, 1), Error::NoSuchCall);
    EXPECT_FALSE(has(token));
    EXPECT_TRUE(machine.receive(server, port)) << "nothing was received";
}

TEST_F(RefusedReplyTest, OneThatIsMalformedTakesNothing) {
    const Handle unmovable =
        machine.call(server, abi::HandleDuplicate{token, static_cast<uint64_t>(Rights::Read | Rights::Duplicate)})->handle;
    EXPECT_EQ(reply_with(12345, unmovable, 1), Error::AccessDenied);
    EXPECT_TRUE(has(unmovable));
    abi::MessageRegisters two{
        .handle_or_id = 12345, .header = abi::Header::make(0, 2, 3), .word = {0, 0, 0, token.value, Handle::make(900, 0).value}};
    EXPECT_EQ(refusal(machine.message<abi::PortReply>(server, two)), Error::BadHandle);
    EXPECT_TRUE(has(token));
}

class RefusedPagesTest : public PageMessageTest {};

TEST_F(RefusedPagesTest, PagesThatMoveAreFreedAndCopiesAreNot) {
    fill(receiver, kSource, kPages, 100);
    const uint64_t used = receiver_account->used_bytes();
    EXPECT_EQ(refusal(reply_pages(12345, 2, true)), Error::NoSuchCall);
    EXPECT_EQ(receiver_account->used_bytes(), used) << "copies";
    EXPECT_EQ(refusal(reply_pages(12345, 2)), Error::NoSuchCall);
    EXPECT_EQ(receiver_account->used_bytes(), used - 2 * kPage);
    EXPECT_EQ(machine.read(receiver, kSource), 0u) << "gone where they were";
}

}  // namespace
}  // namespace portico::kernel::hosted
