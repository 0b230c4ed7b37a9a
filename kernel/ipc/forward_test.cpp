#include "kernel/arch/hosted/forward_fixture.h"

/// Calls that a server hands on to another.
namespace portico::kernel::hosted {
namespace {

using abi::Header;

class ForwardTest : public ForwardFixture {};

TEST_F(ForwardTest, WhoTakesItThereAnswers) {
    const uint64_t id = call_taken(1);
    ASSERT_EQ(forward(id, 2, Header::make(9, 0, 0, 0xFEED)), Error::None);
    EXPECT_TRUE(machine.waits(client));
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall) << "it is no longer the first server's";
    const auto taken = machine.receive(second, second_port);
    ASSERT_TRUE(taken);
    EXPECT_EQ(taken->id, id);
    EXPECT_EQ(taken->badge, kSecondBadge);
    EXPECT_EQ(taken->header.kind(), MessageKind::Call);
    EXPECT_EQ(taken->header.operation(), 9u);
    EXPECT_EQ(taken->header.user_bits(), 0xFEEDu);
    EXPECT_EQ(taken->word[0], 2u);
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
    ASSERT_TRUE(machine.reply(second, id, 3));
    EXPECT_EQ(machine.received(client)->id, id);
    expect_call_answered(3);
    EXPECT_EQ(refusal(machine.reply(second, id)), Error::NoSuchCall);
}

TEST_F(ForwardTest, AWaitingReceiverRunsAtOnce) {
    const uint64_t id = call_taken();
    machine.start_receive(second, second_port);
    ASSERT_EQ(forward(id, 5), Error::None);
    EXPECT_EQ(machine.running(), &second);
    EXPECT_TRUE(machine.runnable(server));
    EXPECT_EQ(machine.received(second)->word[0], 5u);
    ASSERT_TRUE(machine.reply(second, id, 6));
    expect_call_answered(6);
}

TEST_F(ForwardTest, ThroughASetAndIntoABatch) {
    const Handle set = machine.call(second, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(second, abi::SetAdd{set, second_port, 99}));
    machine.start_receive(second, set);
    uint64_t id = forwarded(false);
    EXPECT_EQ(machine.received(second)->id, id);
    EXPECT_EQ(machine.result_registers(second).r14, 99u);
    ASSERT_TRUE(machine.reply(second, id, 1));
    expect_call_answered(1);

    const uint64_t page = machine.map(second, abi::kPageBytes);
    machine.start(second, abi::PortReceiveBatch{second_port, page, 4, abi::kForever});
    id = forwarded(false);
    ASSERT_EQ(go_on<abi::PortReceiveBatch>(second)->received, 1u);
    EXPECT_EQ(machine.read(second, page), id);
    ASSERT_TRUE(machine.reply(second, id, 2));
    expect_call_answered(2);
}

TEST_F(ForwardTest, WhatIsLentGoesAlong) {
    const uint64_t readable = machine.map(client, 4096), writable = machine.map(client, 4096);
    machine.write<uint64_t>(client, readable, 1234);
    machine.start_message<abi::PortCall>(client, {.handle_or_id = sender.value,
                                                  .header = Header::make(1).with_windows(),
                                                  .r14 = readable,
                                                  .r15 = writable,
                                                  .rbx = 64 | uint64_t{32} << 32});
    const uint64_t id = machine.receive(server, port)->id;
    const uint64_t of_server = machine.map(server, 4096), of_second = machine.map(second, 4096);
    ASSERT_TRUE(machine.call(server, abi::WindowRead{id, 0, of_server, 8}));
    ASSERT_EQ(forward(id), Error::None) << "whose header need not speak of windows";
    EXPECT_EQ(refusal(machine.call(server, abi::WindowRead{id, 0, of_server, 8})), Error::NoSuchCall);
    EXPECT_EQ(refusal(machine.call(second, abi::WindowRead{id, 0, of_second, 8})), Error::NoSuchCall) << "not taken yet";
    const auto taken = machine.receive(second, second_port);
    EXPECT_TRUE(taken->header.has_windows());
    EXPECT_EQ(taken->readable_bytes, 64u);
    EXPECT_EQ(taken->writable_bytes, 32u);
    ASSERT_TRUE(machine.call(second, abi::WindowRead{id, 0, of_second, 8}));
    ASSERT_TRUE(machine.call(second, abi::WindowWrite{id, 8, of_second, 8}));
    ASSERT_TRUE(machine.reply(second, id));
    EXPECT_EQ(machine.read(client, writable + 8), 1234u);
}

TEST_F(ForwardTest, AServerCannotMakeACallLendOrBeSteady) {
    const uint64_t id = call_taken();
    ASSERT_EQ(forward(id, 0, Header::make(1).with_windows().as_steady()), Error::None);
    const auto taken = machine.receive(second, second_port);
    EXPECT_FALSE(taken->header.has_windows());
    EXPECT_EQ(taken->readable_bytes | taken->writable_bytes, 0u);
    alert(client);
    EXPECT_EQ(refusal(machine.received(client)), Error::Interrupted);
    expect_cancelled_at_second(id, true);
}

TEST_F(ForwardTest, ASteadyCallStaysSteady) {
    machine.start_message<abi::PortCall>(client, {.handle_or_id = sender.value, .header = Header::make(0).as_steady()});
    const uint64_t id = machine.receive(server, port)->id;
    ASSERT_EQ(forward(id), Error::None);
    alert(client);
    EXPECT_TRUE(machine.waits(client));
    EXPECT_TRUE(machine.receive(second, second_port)->header.is_steady());
    alert(client);
    EXPECT_TRUE(machine.waits(client));
    ASSERT_TRUE(machine.reply(second, id, 8));
    expect_call_answered(8);
}

TEST_F(ForwardTest, HandlesAreTheForwarders) {
    const Handle memory = machine.call(server, abi::MemoryCreate{8192})->memory;
    const Handle kept = machine.call(server, abi::HandleDuplicate{memory, ~0ull})->handle;
    uint64_t id = call_taken();
    const uint32_t count = server.process().handles().count();
    EXPECT_EQ(forward_by(server, to_second, id, 0, Header::make(0, 1, 1), 77'777), Error::BadHandle);
    EXPECT_EQ(forward_by(server, to_second, id, 0, Header::make(0, 7), 0), Error::InvalidArgument);
    EXPECT_EQ(server.process().handles().count(), count);
    ASSERT_EQ(forward_by(server, to_second, id, 0, Header::make(0, 1, 1), memory.value), Error::None) << "the call was still its own";
    EXPECT_EQ(server.process().handles().count(), count - 1);
    const auto taken = machine.receive(second, second_port);
    EXPECT_EQ(machine.query<abi::MemoryInfo>(second, abi::MemoryQuery{{taken->word[4]}, 0})->size_bytes, 8192u);
    ASSERT_TRUE(machine.reply(second, id));
    expect_call_answered(0);

    // Those of a call that ends before it is taken are closed.
    const uint64_t objects = machine.root().object_count();
    id = call_taken(0, machine.hardware.now_ns() + 1000);
    ASSERT_EQ(forward_by(server, to_second, id, 0, Header::make(0, 1, 1), kept.value), Error::None);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    EXPECT_TRUE((machine.query<abi::MemoryInfo>(second, abi::MemoryQuery{{taken->word[4]}, 0})));
    machine.call(second, abi::HandleClose{{taken->word[4]}});
    EXPECT_EQ(machine.root().object_count(), objects - 1);
}

TEST_F(ForwardTest, ForwardingItself) {
    const uint64_t id = call_taken(1);
    ASSERT_EQ(forward_by(server, server_sender, id, 2), Error::None);
    EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall) << "it is in the queue";
    const auto again = machine.receive(server, port);
    EXPECT_EQ(again->id, id);
    EXPECT_EQ(again->word[0], 2u);
    Thread& helper = machine.make_thread(server.process());
    machine.start_receive(helper, port);
    ASSERT_EQ(forward_by(server, server_sender, id, 3), Error::None);
    EXPECT_EQ(machine.received(helper)->word[0], 3u);
    ASSERT_TRUE(machine.reply(server, id, 4));
    expect_call_answered(4);
}

TEST_F(ForwardTest, AgainAndBack) {
    const Handle back = make_sender(server, port, second, 55);
    const uint64_t id = forwarded(true);
    ASSERT_EQ(forward_by(second, back, id, 3), Error::None);
    const auto returned = machine.receive(server, port);
    EXPECT_EQ(returned->id, id);
    EXPECT_EQ(returned->badge, 55u);
    EXPECT_EQ(returned->word[0], 3u);
    EXPECT_EQ(refusal(machine.reply(second, id)), Error::NoSuchCall);
    ASSERT_EQ(forward(id, 4), Error::None);
    ASSERT_TRUE(machine.receive(second, second_port));
    ASSERT_TRUE(machine.reply(second, id, 5));
    expect_call_answered(5);
}

TEST_F(ForwardTest, ToAClosedPortItStaysOurs) {
    const uint64_t id = call_taken();
    machine.call(second, abi::HandleClose{second_port});
    EXPECT_EQ(forward(id), Error::PeerClosed);
    EXPECT_TRUE(machine.waits(client));
    ASSERT_TRUE(machine.reply(server, id, 2));
    expect_call_answered(2);
}

TEST_F(ForwardTest, IdsAndHandlesAreChecked) {
    const uint64_t id = call_taken();
    const Handle of_second = make_sender(second, second_port, second);
    EXPECT_EQ(forward_by(second, of_second, id), Error::NoSuchCall) << "another process's call";
    for (const uint64_t bad : {uint64_t{0}, id + 1, id - 1, ~id}) EXPECT_EQ(forward(bad), Error::NoSuchCall);
    EXPECT_EQ(forward_by(server, port, id), Error::WrongType);
    EXPECT_EQ(forward_by(server, Handle{12345}, id), Error::BadHandle);
    const Handle weak = machine.call(server, abi::HandleDuplicate{to_second, static_cast<uint64_t>(Rights::Duplicate)})->handle;
    EXPECT_EQ(forward_by(server, weak, id), Error::AccessDenied);
    ASSERT_EQ(forward_by(machine.make_thread(server.process()), to_second, id), Error::None) << "any thread of the process may";
    EXPECT_EQ(forward(id), Error::NoSuchCall);
    expect_nothing_at(server, port);
}

TEST_F(ForwardTest, WithoutItsCallItLosesWhatItMoves) {
    const auto holds = [&](Handle handle) { return machine.query<abi::MemoryInfo>(server, abi::MemoryQuery{handle, 0}).has_value(); };
    const uint64_t id = call_taken();
    machine.call(second, abi::HandleClose{second_port});
    const Handle kept = machine.call(server, abi::MemoryCreate{abi::kPageBytes})->memory;
    EXPECT_EQ(forward_by(server, to_second, id, 0, abi::Header::make(0, 1, 1), kept.value), Error::PeerClosed);
    EXPECT_TRUE(holds(kept)) << "the call is still ours, and so is this";
    kill(client);
    EXPECT_TRUE(machine.receive(server, port)) << "the notice of cancellation";
    const uint64_t used = machine.root().used_bytes(), objects = machine.root().object_count();
    const Handle moved = machine.call(server, abi::MemoryCreate{abi::kPageBytes})->memory;
    EXPECT_EQ(forward_by(server, to_second, id, 0, abi::Header::make(0, 1, 1), moved.value), Error::NoSuchCall);
    EXPECT_FALSE(holds(moved));
    EXPECT_EQ(machine.root().used_bytes(), used);
    EXPECT_EQ(machine.root().object_count(), objects);
    EXPECT_EQ(forward_by(server, to_second, id, 0, abi::Header::make(0, 1, 0), kept.value), Error::NoSuchCall);
    EXPECT_TRUE(holds(kept)) << "it was to be duplicated";
    EXPECT_EQ(forward_by(server, to_second, id, 0, abi::Header::make(0, 1, 1), port.value + 77), Error::BadHandle);
    // Even the handle that it goes by.
    EXPECT_EQ(forward_by(server, to_second, id, 0, abi::Header::make(0, 1, 1), to_second.value), Error::NoSuchCall);
    EXPECT_EQ(forward_by(server, to_second, id), Error::BadHandle);
}

TEST_F(ForwardTest, AFaultIsNotHandedOn) {
    Ref<Sender> supervisor = machine.in_kernel([&] { return Ref<Sender>(**client.process().handles().get<Sender>(sender, Rights::Send)); });
    Thread& faulting = machine.make_thread(machine.make_process(std::move(supervisor)));
    machine.write<uint64_t>(faulting, 0x7000'0000, 1);
    const uint64_t id = machine.receive(server, port)->id;
    EXPECT_EQ(forward(id), Error::InvalidArgument);
    ASSERT_TRUE(machine.reply(server, id));
    EXPECT_TRUE(machine.runnable(faulting));
}

TEST_F(ForwardTest, NeedsNoMemory) {
    const uint64_t id = call_taken();
    FrameAllocator::fail_after = 0;
    EXPECT_EQ(forward(id, 2), Error::None);
    EXPECT_EQ(machine.receive(second, second_port)->id, id);
    EXPECT_TRUE(machine.reply(second, id, 3));
    EXPECT_EQ(std::exchange(FrameAllocator::fail_after, -1), 0);
    expect_call_answered(3);
}

}  // namespace
}  // namespace portico::kernel::hosted
