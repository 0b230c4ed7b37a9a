#include "kernel/ipc/fast_path.h"

#include "kernel/arch/hosted/fast_path_fixture.h"
#include "kernel/object/process.h"

/// What takes the fast path; and, one by one, what must not, with the result that the general path gives.
namespace portico::kernel::hosted {
namespace {

class FastPathTest : public FastPathFixture {};

TEST_F(FastPathTest, ACallAndItsAnswerAreFast) {
    serve();
    machine.switch_to(client);
    const uint64_t before = arch::this_cpu().switches;
    for (uint64_t i = 0; i < 10; ++i) {
        ASSERT_TRUE(call_is_fast(i));
        EXPECT_EQ(machine.running(), &server);
        EXPECT_TRUE(machine.waits(client));
        EXPECT_EQ(machine.received(server)->word[0], i);
        EXPECT_EQ(machine.received(server)->badge, kBadge);
        ASSERT_TRUE(reply_is_fast(taken_id(), i + 100));
        EXPECT_EQ(machine.running(), &client);
        expect_call_answered(i + 100);
    }
    EXPECT_EQ(arch::this_cpu().switches, before + 20) << "two for each exchange";
}

TEST_F(FastPathTest, WindowsSteadyUserBitsAndPrioritiesAreFast) {
    const uint64_t page = machine.map(client, 4096), buffer = machine.map(server, 4096);
    machine.write<uint64_t>(client, page, 31);
    serve();
    EXPECT_TRUE(call_is_fast({.handle_or_id = sender.value,
                              .header = Header::make(3, 0, 0, 0xABCD).with_windows().as_steady(),
                              .r14 = page,
                              .r15 = page,
                              .rbx = 16 | uint64_t{8} << 32}));
    const auto taken = machine.received(server);
    EXPECT_EQ(taken->header.value, Header::make(3, 0, 0, 0xABCD).with_windows().as_steady().with_kind(MessageKind::Call).value);
    EXPECT_EQ(taken->readable_bytes, 16u);
    EXPECT_EQ(taken->writable_bytes, 8u);
    ASSERT_TRUE(machine.call(server, abi::WindowRead{taken->id, 0, buffer, 8}));
    EXPECT_EQ(machine.read(server, buffer), 31u);
    EXPECT_TRUE(reply_is_fast(taken->id, 0));

    Thread& urgent = machine.make_thread(client.process(), 25);
    machine.start_call(urgent, sender, 5);
    ASSERT_TRUE(machine.reply(server, taken_id()));
    serve();
    EXPECT_TRUE(stays_fast(urgent, [&] { machine.start_call(urgent, sender, 6); }));
    EXPECT_TRUE(reply_is_fast(taken_id(), 7));
    expect_answer(urgent, 7);
}

TEST_F(FastPathTest, AReceiverAtASetIsReachedFastAndAnswersByTheGeneralPath) {
    const Handle set = machine.call(server, abi::SetCreate{})->set;
    ASSERT_TRUE(machine.call(server, abi::SetAdd{set, port, 0x5E7}));
    machine.start_receive(server, set);
    EXPECT_TRUE(call_is_fast(4));
    EXPECT_EQ(machine.received(server)->word[0], 4u);
    EXPECT_EQ(machine.result_registers(server).r14, 0x5E7u);
    EXPECT_FALSE(reply_is_fast({.handle_or_id = set.value, .word = {5}, .r14 = taken_id()}));
    EXPECT_TRUE(machine.waits(server));
    expect_call_answered(5);
}

TEST_F(FastPathTest, VectorStateBasesAndTimeFollow) {
    serve();
    machine.switch_to(client);
    machine.hardware.own().vector.fill(7);
    machine.hardware.own().fs_base = 0x777;
    const uint64_t client_ticks = client.process().cpu_time_ns(), server_ticks = server.process().cpu_time_ns();
    machine.hardware.set_time(machine.hardware.now_ns() + 1000);
    ASSERT_TRUE(call_is_fast());
    EXPECT_EQ(machine.hardware.own().vector[5], 0);
    EXPECT_EQ(machine.hardware.own().fs_base, 0u);
    machine.hardware.set_time(machine.hardware.now_ns() + 300);
    ASSERT_TRUE(reply_is_fast(taken_id(), 0));
    EXPECT_EQ(machine.hardware.own().vector[5], 7);
    EXPECT_EQ(machine.hardware.own().fs_base, 0x777u);
    EXPECT_EQ(client.process().cpu_time_ns() - client_ticks, 1300u) << "the server ran on its caller's time";
    EXPECT_EQ(server.process().cpu_time_ns() - server_ticks, 0u);
}

TEST_F(FastPathTest, AProcessThatCallsItself) {
    Thread& other = machine.make_thread(server.process());
    for (int round = 0; round < 2; ++round) {
        if (!machine.waits(server)) serve();
        const bool fast = stays_fast(other, [&] { machine.start_call(other, server_sender, 5); });
        EXPECT_EQ(fast, round == 1) << "the first call makes the record";
        EXPECT_TRUE(reply_is_fast(taken_id(), 6));
        expect_answer(other, 6);
    }
}

TEST_F(FastPathTest, APingPongKeepsNobodyFromItsTurn) {
    Thread& waiting = machine.make_thread(machine.make_process(), client.priority());
    serve();
    uint64_t exchanges = 0;
    for (; exchanges < 100; ++exchanges) {
        machine.hardware.set_time(machine.hardware.now_ns() + Scheduler::kSliceNs / 20);
        machine.start_call(client, sender);
        machine.start_message<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .r14 = taken_id()});
        machine.advance(0);
        if (machine.running() == &waiting) break;
    }
    EXPECT_GT(exchanges, 10u) << "it has not had its turn";
    EXPECT_LE(exchanges, 21u) << "another thread of its priority is ready";
}

// ---- calls that must take the general path

class SlowCallTest : public FastPathTest {
protected:
    SlowCallTest() { serve(); }
    void expect_served(uint64_t word) {
        EXPECT_EQ(machine.received(server)->word[0], word);
        ASSERT_TRUE(machine.reply(server, taken_id(), word + 1));
        expect_call_answered(word + 1);
        expect_fast_exchange();
    }
};

TEST_F(SlowCallTest, TheFirstCallOfAThread) {
    Thread& fresh = machine.make_thread(client.process());
    EXPECT_FALSE(stays_fast(fresh, [&] { machine.start_call(fresh, sender, 9); }));
    ASSERT_TRUE(machine.reply(server, taken_id(), 10));
    expect_answer(fresh, 10);
    expect_fast_exchange();
}

TEST_F(SlowCallTest, Handles) {
    const Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    EXPECT_FALSE(call_is_fast({.handle_or_id = sender.value, .header = Header::make(0, 1), .word = {7, 0, 0, 0, memory.value}}));
    EXPECT_TRUE((machine.query<abi::MemoryInfo>(server, abi::MemoryQuery{{machine.received(server)->word[4]}, 0})));
}

TEST_F(SlowCallTest, BadHeaders) {
    EXPECT_FALSE(call_is_fast({.handle_or_id = sender.value, .header = Header::make(0, 7)}));
    EXPECT_EQ(refusal(machine.received(client)), Error::InvalidArgument);
    const uint64_t too_much = uint64_t{abi::kWindowBytesMax} + 1;
    for (const uint64_t lengths : {too_much, too_much << 32}) {
        EXPECT_FALSE(call_is_fast({.handle_or_id = sender.value, .header = Header::make(0).with_windows(), .rbx = lengths}));
        EXPECT_EQ(refusal(machine.received(client)), Error::InvalidArgument);
    }
    EXPECT_TRUE(machine.waits(server));
    EXPECT_TRUE(call_is_fast({.handle_or_id = sender.value, .word = {6}, .rbx = ~0ull})) << "without windows rbx means nothing";
    expect_served(6);
}

TEST_F(SlowCallTest, BadHandles) {
    const Handle weak = machine.call(client, abi::HandleDuplicate{sender, static_cast<uint64_t>(Rights::Duplicate)})->handle;
    const Handle not_a_sender = machine.call(client, abi::PortCreate{})->port;
    const std::pair<Handle, Error> wrong[] = {
        {weak, Error::AccessDenied}, {not_a_sender, Error::WrongType}, {Handle{12345}, Error::BadHandle}, {Handle{}, Error::BadHandle}};
    for (const auto& [handle, error] : wrong) {
        EXPECT_FALSE(call_is_fast({.handle_or_id = handle.value}));
        EXPECT_EQ(refusal(machine.received(client)), error);
    }
    EXPECT_TRUE(machine.waits(server));
    expect_fast_exchange();
}

TEST_F(SlowCallTest, Deadline) {
    EXPECT_FALSE(call_is_fast({.handle_or_id = sender.value, .deadline_or_badge = machine.hardware.now_ns() + 1000}));
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    machine.received(server);
    EXPECT_EQ(machine.receive(server, port)->header.kind(), MessageKind::Cancelled);
    Thread& again = machine.make_thread(client.process());
    machine.start_call(again, sender, 1);  // the record of the cancelled call is gone; this thread's is new
    ASSERT_TRUE(machine.reply(server, machine.receive(server, port)->id, 2));
    expect_answer(again, 2);
}

TEST_F(SlowCallTest, NobodyWaits) {
    ASSERT_TRUE(machine.send(client, sender, 1));
    machine.received(server);
    EXPECT_FALSE(call_is_fast(8));
    EXPECT_TRUE(machine.waits(client));
    const auto taken = machine.receive(server, port);
    ASSERT_TRUE(machine.reply(server, taken->id, 9));
    expect_call_answered(9);
    expect_fast_exchange();
}

TEST_F(SlowCallTest, ClosedPort) {
    Thread& other = machine.make_thread(server.process());
    machine.call(other, abi::HandleClose{port});
    EXPECT_FALSE(call_is_fast());
    EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed);
    EXPECT_EQ(refusal(machine.received(server)), Error::PeerClosed);
}

TEST_F(SlowCallTest, SuspendedReceiver) {
    machine.in_kernel([&] { server.process().suspend(); });
    EXPECT_FALSE(call_is_fast(3));
    EXPECT_EQ(server.state(), Thread::State::Held);
    machine.in_kernel([&] { server.process().resume(); });
    expect_served(3);
}

TEST_F(SlowCallTest, ReceiverWithADeadline) {
    machine.in_kernel([&] { server.end_wait(Error::Interrupted); });
    machine.start_receive(server, port, machine.hardware.now_ns() + 1000);
    EXPECT_FALSE(call_is_fast(3));
    machine.advance(2000);
    expect_served(3);
}

TEST_F(SlowCallTest, BatchReceiver) {
    machine.in_kernel([&] { server.end_wait(Error::Interrupted); });
    const uint64_t page = machine.map(server, 4096);
    machine.start(server, abi::PortReceiveBatch{port, page, 8, abi::kForever});
    EXPECT_FALSE(call_is_fast(3));
    ASSERT_EQ(go_on<abi::PortReceiveBatch>(server)->received, 1u);
    ASSERT_TRUE(machine.reply(server, *machine.read(server, page), 4));
    expect_call_answered(4);
    expect_fast_exchange();
}

TEST_F(SlowCallTest, TheTurnOfTheCallerIsOver) {
    EXPECT_FALSE(stays_fast(client, [&] {
        arch::this_cpu().resched = true;
        machine.start_call(client, sender, 3);
    }));
    expect_served(3);
}

TEST_F(SlowCallTest, AnAlertIsPending) {
    machine.call(client, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x2000'0000});
    machine.switch_to(client);
    machine.hold_kicks(true);
    {
        // As another CPU does it, when this one is on its way into the kernel.
        kernel_lock.lock();
        client.alert();
        kernel_lock.unlock();
    }
    EXPECT_FALSE(call_is_fast(3));
    machine.hold_kicks(false);
    const uint64_t id = taken_id();
    machine.switch_to(client);
    EXPECT_EQ(client.frame.registers.rip, 0x2000'0000u);
    EXPECT_EQ(static_cast<Error>(client.upcall()->registers.rax), Error::Interrupted);
    EXPECT_EQ(machine.receive(server, port)->id, id) << "cancelled";
}

TEST_F(SlowCallTest, AKilledCallerCallsNobody) {
    machine.switch_to(client);
    machine.hold_kicks(true);
    {
        kernel_lock.lock();
        client.process().kill(1);
        kernel_lock.unlock();
    }
    EXPECT_EQ(client.state(), Thread::State::Running);
    client.frame.registers.rax = abi::kNativeBase + abi::PortCall::doc.number;
    client.frame.registers.rdi = sender.value;
    client.frame.registers.rsi = 0;
    client.frame.registers.r13 = abi::kForever;
    enter_syscall(arch::this_cpu());
    machine.hold_kicks(false);
    EXPECT_EQ(client.state(), Thread::State::Dead);
    EXPECT_TRUE(machine.waits(server)) << "a call reached it";
}

}  // namespace
}  // namespace portico::kernel::hosted
