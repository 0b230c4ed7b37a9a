#include "kernel/ipc/port_set.h"

#include "kernel/arch/hosted/port_set_fixture.h"

namespace portico::kernel::hosted {
namespace {

class PortSetTest : public PortSetFixture {};

TEST_F(PortSetTest, TellsTheKeyOfThePort) {
    const Member a = make_member(0xAAAA'0000'0000'0001), b = make_member(~0ull);
    send(b, 2);
    send(a, 1);
    expect_next(b, 2);
    expect_next(a, 1);
    expect_nothing();
}

TEST_F(PortSetTest, ReceivingFromThePortItselfTellsNoKey) {
    const Member a = make_member(7);
    send(a, 1);
    const auto received =
        machine.message<abi::PortReceive>(server, {.handle_or_id = a.port.value, .deadline_or_badge = abi::kNow, .r14 = 0x5555});
    ASSERT_TRUE(received);
    EXPECT_EQ(key(server), 0x5555u);
    expect_nothing();
}

TEST_F(PortSetTest, MembersTakeTurns) {
    const Member a = make_member(1), b = make_member(2), c = make_member(3);
    for (uint64_t i = 0; i < 3; ++i) send(a, i);
    for (uint64_t i = 0; i < 2; ++i) send(b, i);
    send(c, 0);
    expect_next(a, 0);
    expect_next(b, 0);
    send(c, 1);  // it is in the line already
    expect_next(c, 0);
    expect_next(a, 1);
    expect_next(b, 1);
    send(b, 2);  // it had left the line
    expect_next(c, 1);
    expect_next(a, 2);
    expect_next(b, 2);
    expect_nothing();
}

TEST_F(PortSetTest, AWaitingThreadIsWokenByAnyMember) {
    const Member a = make_member(1), b = make_member(2);
    Thread& second = machine.make_thread(server.process());
    machine.start_receive(server, set);
    machine.start_receive(second, set);
    EXPECT_TRUE(machine.waits(server));
    send(b, 5);
    EXPECT_TRUE(machine.waits(second));
    send(a, 6);
    expect_woken(server, b, 5);
    expect_woken(second, a, 6);
    expect_nothing();
}

TEST_F(PortSetTest, WhoWaitsAtTheMemberGoesFirst) {
    const Member a = make_member(1);
    Thread& at_port = machine.make_thread(server.process());
    machine.start_receive(server, set);
    machine.start_receive(at_port, a.port);
    send(a, 1);
    EXPECT_TRUE(machine.waits(server));
    EXPECT_EQ(machine.received(at_port)->word[0], 1u);
    send(a, 2);
    expect_woken(server, a, 2);
}

TEST_F(PortSetTest, AFullPortIsAddedAndServesThoseWhoWait) {
    const Member a = make_port(1);
    Thread& second = machine.make_thread(server.process());
    for (uint64_t i = 0; i < 3; ++i) send(a, i);
    machine.start_receive(server, set);
    machine.start_receive(second, set);
    Thread& third = machine.make_thread(server.process());
    ASSERT_TRUE(machine.call(third, abi::SetAdd{set, a.port, a.key}));
    expect_woken(server, a, 0);
    expect_woken(second, a, 1);
    expect_next(a, 2);
    expect_nothing();
}

TEST_F(PortSetTest, APortIsInOneSetAtMost) {
    const Member a = make_port(1);
    const Handle other = machine.call(server, abi::SetCreate{})->set;
    EXPECT_EQ(refusal(remove(a)), Error::NotFound);
    ASSERT_TRUE(add(a));
    EXPECT_EQ(refusal(add(a)), Error::Exists);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{other, a.port, 2})), Error::Exists);
    EXPECT_EQ(refusal(machine.call(server, abi::SetRemove{other, a.port})), Error::NotFound);
    send(a, 1);
    EXPECT_TRUE(remove(a));
    EXPECT_EQ(refusal(remove(a)), Error::NotFound);
    expect_nothing();
    ASSERT_TRUE(machine.call(server, abi::SetAdd{other, a.port, 9}));
    EXPECT_EQ(machine.receive(server, other)->word[0], 1u);
    EXPECT_EQ(key(server), 9u);
}

TEST_F(PortSetTest, ARemovedPortWakesNobodyAtTheSet) {
    const Member a = make_member(1), b = make_member(2);
    Thread& other = machine.make_thread(server.process());
    machine.start_receive(server, set);
    ASSERT_TRUE(machine.call(other, abi::SetRemove{set, a.port}));
    send(a, 1);
    EXPECT_TRUE(machine.waits(server));
    send(b, 2);
    expect_woken(server, b, 2);
    EXPECT_EQ(machine.receive(server, a.port)->word[0], 1u);
}

TEST_F(PortSetTest, AMemberThatClosesLeaves) {
    const Member a = make_member(1), b = make_member(2);
    Thread& caller = machine.make_thread(client.process());
    send(a, 1);
    machine.start_call(caller, a.sender);
    send(b, 2);
    ASSERT_TRUE(machine.call(server, abi::HandleClose{a.port}));
    EXPECT_EQ(refusal(machine.received(caller)), Error::PeerClosed);
    expect_next(b, 2);
    expect_nothing();
    const Member c = make_port(3);
    Thread& other = machine.make_thread(server.process());
    machine.start_receive(server, set);
    machine.call(other, abi::HandleClose{b.port});
    EXPECT_TRUE(machine.waits(server)) << "the set is still there";
    ASSERT_TRUE(machine.call(other, abi::SetAdd{set, c.port, c.key}));
    send(c, 3);
    expect_woken(server, c, 3);
}

TEST_F(PortSetTest, ASetThatClosesLetsItsMembersGo) {
    const Member a = make_member(1), b = make_member(2);
    Thread& second = machine.make_thread(server.process());
    Thread& closer = machine.make_thread(server.process());
    machine.start_receive(server, set);
    machine.start_receive(second, set, machine.hardware.now_ns() + 1000);
    ASSERT_TRUE(machine.call(closer, abi::HandleClose{set}));
    EXPECT_EQ(refusal(machine.received(server)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.received(second)), Error::PeerClosed);
    machine.advance(2000);
    send(a, 1);
    EXPECT_EQ(machine.receive(server, a.port)->word[0], 1u);
    send(b, 2);
    set = machine.call(server, abi::SetCreate{})->set;
    EXPECT_TRUE(add(a));
    EXPECT_TRUE(add(b));
    expect_next(b, 2);
}

TEST_F(PortSetTest, ASetThatClosesKeepsItsMembersMessages) {
    const Member a = make_member(1), b = make_member(2);
    send(a, 1);
    machine.start_call(client, b.sender, 2);
    ASSERT_TRUE(machine.call(server, abi::HandleClose{set}));
    EXPECT_TRUE(machine.waits(client));
    EXPECT_EQ(machine.receive(server, a.port)->word[0], 1u);
    ASSERT_TRUE(machine.reply(server, machine.receive(server, b.port)->id, 3));
    expect_call_answered(3);
}

TEST_F(PortSetTest, WaitsEndAsAtAPort) {
    make_member(1);
    expect_nothing();
    machine.start_receive(server, set, machine.hardware.now_ns() + 1000);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(server)), Error::TimedOut);
    machine.start_receive(server, set);
    alert(server);
    EXPECT_EQ(refusal(machine.received(server)), Error::Interrupted);
    Thread& dies = machine.make_thread(server.process());
    machine.start_receive(dies, set);
    const Handle dying = machine.in_kernel([&] { return *server.process().handles().add(Capability(dies, Rights::All)); });
    machine.call(server, abi::HandleClose{dying});
    machine.start_receive(server, set);
    kill(server);
    EXPECT_EQ(dies.state(), Thread::State::Dead);
    EXPECT_EQ(server.state(), Thread::State::Dead);
}

TEST_F(PortSetTest, ASuspendedReceiverKeepsWhatWokeIt) {
    const Member a = make_member(1);
    machine.start_receive(server, set);
    machine.in_kernel([&] { server.process().suspend(); });
    send(a, 4);
    EXPECT_EQ(server.state(), Thread::State::Held);
    machine.in_kernel([&] { server.process().resume(); });
    expect_woken(server, a, 4);
}

TEST_F(PortSetTest, HandlesAreCheckedForTypeAndRights) {
    const Member a = make_port(1);
    const auto weaker = [&](Handle handle) {
        return machine.call(server, abi::HandleDuplicate{handle, static_cast<uint64_t>(Rights::Duplicate | Rights::Transfer)})->handle;
    };
    const Handle weak_set = weaker(set), weak_port = weaker(a.port);
    EXPECT_EQ(refusal(machine.receive(server, weak_set)), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{weak_set, a.port, 1})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{set, weak_port, 1})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{a.port, a.port, 1})), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{set, set, 1})), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{set, server_sender, 1})), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{set, Handle{12345}, 1})), Error::BadHandle);
    EXPECT_EQ(refusal(machine.call(server, abi::SetAdd{Handle{12345}, a.port, 1})), Error::BadHandle);
    ASSERT_TRUE(add(a));
    EXPECT_EQ(refusal(machine.call(server, abi::SetRemove{weak_set, a.port})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(server, abi::SetRemove{set, weak_port})), Error::AccessDenied);
    EXPECT_EQ(refusal(machine.call(server, abi::PortBadge{set, 1, 1})), Error::WrongType);
    EXPECT_EQ(refusal(machine.send(server, set)), Error::WrongType);
    EXPECT_EQ(refusal(machine.call(server, abi::PortReceiveBatch{set, machine.scratch(server), 1, abi::kNow})), Error::WrongType);
}

TEST_F(PortSetTest, AnotherProcessMayReceiveFromIt) {
    const Member a = make_member(5);
    Thread& helper = machine.make_thread();
    const Handle given = machine.give(server, set, helper);
    machine.start_receive(helper, given);
    machine.start_call(client, a.sender, 1);
    expect_woken(helper, a, 1);
    EXPECT_EQ(refusal(machine.reply(server, machine.received(helper)->id)), Error::NoSuchCall) << "the helper's process took it";
    ASSERT_TRUE(machine.reply(helper, machine.received(helper)->id, 2));
    expect_call_answered(2);
    machine.call(server, abi::HandleClose{set});
    send(a, 3);
    EXPECT_EQ(machine.receive(helper, given)->word[0], 3u) << "the helper's handle keeps the set";
}

}  // namespace
}  // namespace portico::kernel::hosted
