#include <chrono>

#include "kernel/arch/hosted/port_set_fixture.h"
#include "kernel/ipc/port_set.h"

/// All kinds of messages through a set, what they cost, and what happens when the receiver cannot take one.
namespace portico::kernel::hosted {
namespace {

class PortSetMessagesTest : public PortSetFixture {
protected:
    Error reply_receive(uint64_t id, uint64_t word, uint64_t deadline_ns = abi::kForever) {
        machine.start_message<abi::PortReplyReceive>(
            server, {.handle_or_id = set.value, .word = {word}, .deadline_or_badge = deadline_ns, .r14 = id});
        return machine.waits(server) ? Error::None : refusal(machine.received(server));
    }
    MessageKind kind_of(const Result<Received>& received) { return received->header.kind(); }
};

TEST_F(PortSetMessagesTest, CallsAreAnsweredThroughTheSet) {
    const Member a = make_member(1), b = make_member(2);
    machine.start_receive(server, set);
    for (uint64_t round = 0; round < 3; ++round) {
        const Member& member = round % 2 == 0 ? a : b;
        machine.start_call(client, member.sender, round);
        EXPECT_EQ(machine.running(), &server) << "a call hands its CPU to who waits at the set";
        expect_woken(server, member, round);
        ASSERT_EQ(reply_receive(machine.received(server)->id, round + 100), Error::None);
        EXPECT_TRUE(machine.waits(server));
        expect_call_answered(round + 100);
    }
}

TEST_F(PortSetMessagesTest, ReplyReceiveTakesTheNextMembersMessage) {
    const Member a = make_member(1), b = make_member(2);
    machine.start_call(client, a.sender, 1);
    const uint64_t id = machine.receive(server, set)->id;
    Thread& other = machine.make_thread(client.process());
    ASSERT_TRUE(machine.send(other, b.sender, 2));
    ASSERT_EQ(reply_receive(id, 3), Error::None);
    expect_woken(server, b, 2);
    expect_call_answered(3);
    EXPECT_EQ(reply_receive(0, 0, abi::kNow), Error::WouldBlock);
    EXPECT_EQ(reply_receive(id, 0, abi::kNow), Error::NoSuchCall);
    ASSERT_EQ(reply_receive(0, 0, machine.hardware.now_ns() + 1000), Error::None);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(server)), Error::TimedOut);
}

TEST_F(PortSetMessagesTest, WindowLengthsAndKeyArriveTogether) {
    const Member a = make_member(0x1234'5678'9ABC'DEF0);
    const uint64_t page = machine.map(client, abi::kPageBytes), buffer = machine.map(server, abi::kPageBytes);
    machine.write<uint64_t>(client, page, 77);
    machine.start_message<abi::PortCall>(client, {.handle_or_id = a.sender.value,
                                                  .header = abi::Header::make(1).with_windows(),
                                                  .r14 = page,
                                                  .r15 = page,
                                                  .rbx = 100 | uint64_t{50} << 32});
    const auto taken = machine.receive(server, set);
    EXPECT_EQ(key(server), a.key);
    EXPECT_EQ(taken->readable_bytes, 100u);
    EXPECT_EQ(taken->writable_bytes, 50u);
    ASSERT_TRUE(machine.call(server, abi::WindowRead{taken->id, 0, buffer, 8}));
    EXPECT_EQ(machine.read(server, buffer), 77u);
}

TEST_F(PortSetMessagesTest, NotificationsAndSendersGone) {
    const Member a = make_member(1), b = make_member(2);
    ASSERT_TRUE(machine.call(client, abi::PortNotify{a.sender, 4}));
    ASSERT_TRUE(machine.call(client, abi::PortNotify{b.sender, 1}));
    ASSERT_TRUE(machine.call(client, abi::PortNotify{a.sender, 8}));
    expect_next(a, 12);
    expect_next(b, 1);
    machine.start_receive(server, set);
    machine.call(client, abi::HandleClose{b.sender});
    expect_woken(server, b, abi::kNotifySendersGone);
    // The message is the last to refer to its sender: taking it posts to the port that is being taken from.
    send(a, 5);
    machine.call(client, abi::HandleClose{a.sender});
    expect_next(a, 5);
    expect_next(a, abi::kNotifySendersGone);
    expect_nothing();
}

TEST_F(PortSetMessagesTest, AsyncRepliesAndCancellations) {
    const Member a = make_member(1), replies = make_member(2);
    const Handle to_client_port = machine.call(client, abi::PortCreate{})->port;
    const Handle to_client = make_sender(client, to_client_port, server);
    const auto asked =
        machine.message<abi::PortCallAsync>(server, {.handle_or_id = to_client.value, .word = {1}, .r14 = replies.port.value});
    ASSERT_TRUE(asked);
    ASSERT_TRUE(machine.reply(client, machine.receive(client, to_client_port)->id, 9));
    const auto answer = machine.receive(server, set);
    ASSERT_TRUE(answer);
    EXPECT_EQ(kind_of(answer), MessageKind::Reply);
    EXPECT_EQ(answer->id, asked->id);
    EXPECT_EQ(answer->word[0], 9u);
    EXPECT_EQ(key(server), replies.key);

    machine.start_call(client, a.sender, 0, machine.hardware.now_ns() + 1000);
    const uint64_t id = machine.receive(server, set)->id;
    machine.start_receive(server, set);
    machine.advance(2000);
    ASSERT_FALSE(machine.waits(server));
    EXPECT_EQ(kind_of(machine.received(server)), MessageKind::Cancelled);
    EXPECT_EQ(machine.received(server)->id, id);
    EXPECT_EQ(key(server), a.key);
}

TEST_F(PortSetMessagesTest, FaultsOfSupervisedProcesses) {
    const Member a = make_member(3);
    Ref<Sender> supervisor =
        machine.in_kernel([&] { return Ref<Sender>(**client.process().handles().get<Sender>(a.sender, Rights::Send)); });
    Thread& faulting = machine.make_thread(machine.make_process(std::move(supervisor)));
    machine.start_receive(server, set);
    EXPECT_FALSE(machine.write<uint64_t>(faulting, 0x7000'0000, 1));
    ASSERT_FALSE(machine.waits(server));
    EXPECT_EQ(kind_of(machine.received(server)), MessageKind::Fault);
    EXPECT_EQ(key(server), a.key);
    ASSERT_TRUE(machine.reply(server, machine.received(server)->id));
    EXPECT_TRUE(machine.runnable(faulting));
}

/// A process whose table is full and whose account cannot pay for more of it.
class PoorReceiverTest : public PortSetMessagesTest {
protected:
    Ref<Account> account = make_account(1 << 20);
    Thread& poor = machine.make_thread(machine.make_process({}, account.get()));
    Handle at_poor = machine.give(server, set, poor);
    Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    uint64_t taken_away = 0;

    ~PoorReceiverTest() override { make_rich(); }
    void make_poor() {
        while (poor.process().handles().count() % 64 != 63) ASSERT_TRUE(machine.call(poor, abi::HandleDuplicate{at_poor, ~0ull}));
        taken_away = account->limit_bytes() - account->used_bytes();
        machine.in_kernel([&] { ASSERT_TRUE(account->charge(taken_away)); });
    }
    void make_rich() {
        machine.in_kernel([&] { account->refund(std::exchange(taken_away, 0)); });
    }
    void send_handle(const Member& member) {
        ASSERT_TRUE(machine.message<abi::PortSend>(
            client, {.handle_or_id = member.sender.value, .header = abi::Header::make(0, 1), .word = {1, 0, 0, 0, memory.value}}));
    }
};

TEST_F(PoorReceiverTest, AMessageItCannotTakeHoldsUpNoOtherMember) {
    const Member a = make_member(1), b = make_member(2);
    make_poor();
    send_handle(a);
    send(b, 2);
    EXPECT_EQ(refusal(machine.receive(poor, at_poor)), Error::NoMemory);
    const auto received = machine.receive(poor, at_poor);
    ASSERT_TRUE(received) << name_of(received.error());
    EXPECT_EQ(received->word[0], 2u);
    EXPECT_EQ(key(poor), b.key);
    EXPECT_EQ(refusal(machine.receive(poor, at_poor)), Error::NoMemory) << "the message stays";
    make_rich();
    EXPECT_EQ(machine.receive(poor, at_poor)->header.handle_count(), 1u);
    EXPECT_EQ(key(poor), a.key);
}

TEST_F(PoorReceiverTest, AnotherWhoWaitsGetsWhatItCannotTake) {
    const Member a = make_member(1);
    make_poor();
    machine.start_receive(poor, at_poor);
    machine.start_receive(server, set);
    send_handle(a);
    EXPECT_EQ(refusal(machine.received(poor)), Error::NoMemory);
    ASSERT_FALSE(machine.waits(server)) << "it waits beside a message";
    EXPECT_EQ(machine.received(server)->header.handle_count(), 1u);
}

TEST_F(PoorReceiverTest, WhoWaitsAtTheSetGetsWhatTheOneAtThePortCannotTake) {
    const Member a = make_member(1);
    const Handle port_of_poor = machine.give(server, a.port, poor);
    make_poor();
    machine.start_receive(poor, port_of_poor);
    machine.start_receive(server, set);
    send_handle(a);
    EXPECT_EQ(refusal(machine.received(poor)), Error::NoMemory);
    ASSERT_FALSE(machine.waits(server)) << "it waits beside a message";
    EXPECT_EQ(machine.received(server)->header.handle_count(), 1u);
    EXPECT_EQ(key(server), a.key);
}

TEST_F(PortSetMessagesTest, OnlyMakingASetAllocates) {
    const Member a = make_port(1);
    machine.call(server, abi::HandleClose{machine.call(server, abi::SetCreate{})->set});
    const uint64_t used = machine.root().used_bytes(), objects = machine.root().object_count();
    FrameAllocator::fail_after = 0;
    EXPECT_EQ(refusal(machine.call(server, abi::SetCreate{})), Error::NoMemory);
    EXPECT_EQ(machine.root().used_bytes(), used);
    EXPECT_EQ(machine.root().object_count(), objects);
    FrameAllocator::fail_after = 0;
    EXPECT_TRUE(add(a));
    EXPECT_TRUE(machine.call(client, abi::PortNotify{a.sender, 1}));
    EXPECT_TRUE(machine.receive(server, set));
    EXPECT_TRUE(remove(a));
    EXPECT_EQ(std::exchange(FrameAllocator::fail_after, -1), 0) << "one of them allocated";
}

/// Time for messages to and from a set of many members: a search through the members would show.
class PortSetCostTest : public PortSetMessagesTest {
protected:
    std::vector<Member> members;
    void grow_to(size_t count) {
        while (members.size() < count) members.push_back(make_member(members.size()));
    }
    double round_trips_ns() {
        double best = 1e18;
        for (int tries = 0; tries < 7; ++tries) {
            const auto since = std::chrono::steady_clock::now();
            for (int i = 0; i < 100; ++i) {
                send(members[0], 0);
                expect_next(members[0], 0);
            }
            best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - since).count());
        }
        return best;
    }
};

TEST_F(PortSetCostTest, CostsTheSameWithAThousandMembers) {
    grow_to(2);
    const double few = round_trips_ns();
    grow_to(1000);
    EXPECT_LT(round_trips_ns(), 5 * few);
}

TEST_F(PortSetCostTest, AThousandMembersTakeTurnsInTheOrderTheyGotMessages) {
    grow_to(1000);
    const auto nth = [&](uint64_t i) -> const Member& { return members[(i * 373 + 11) % 1000]; };
    for (uint64_t i = 0; i < 1000; ++i) {
        send(nth(i), i);
        send(nth(i), i + 1000);
    }
    for (uint64_t i = 0; i < 2000; ++i) {
        expect_next(nth(i), i);
        if (HasFailure()) return;
    }
    expect_nothing();
}

}  // namespace
}  // namespace portico::kernel::hosted
