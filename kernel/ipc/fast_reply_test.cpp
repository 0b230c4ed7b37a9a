#include "kernel/arch/hosted/fast_path_fixture.h"
#include "kernel/object/process.h"

/// Each condition under which a reply_receive must take the general path, with the result that this gives.
namespace portico::kernel::hosted {
namespace {

class SlowReplyTest : public FastPathFixture {
protected:
    static constexpr uint64_t kUpcall = 0x2000'0000;
    uint64_t id = take_call();

    uint64_t take_call() {
        serve();
        EXPECT_TRUE(call_is_fast());
        return taken_id();
    }
    void expect_served(uint64_t word) {
        EXPECT_TRUE(machine.waits(server));
        expect_call_answered(word);
        expect_fast_exchange();
    }
};

TEST_F(SlowReplyTest, Handles) {
    const Handle memory = machine.call(server, abi::MemoryCreate{8192})->memory;
    EXPECT_FALSE(
        reply_is_fast({.handle_or_id = port.value, .header = Header::make(0, 1, 1), .word = {5, 0, 0, 0, memory.value}, .r14 = id}));
    EXPECT_EQ(machine.query<abi::MemoryInfo>(client, abi::MemoryQuery{{machine.received(client)->word[4]}, 0})->size_bytes, 8192u);
    EXPECT_TRUE(machine.waits(server));
    expect_fast_exchange();
}

TEST_F(SlowReplyTest, ADeadlineForTheReceive) {
    EXPECT_FALSE(
        reply_is_fast({.handle_or_id = port.value, .word = {5}, .deadline_or_badge = machine.hardware.now_ns() + 1000, .r14 = id}));
    expect_call_answered(5);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(server)), Error::TimedOut);
    expect_fast_exchange();
}

TEST_F(SlowReplyTest, AMessageIsQueued) {
    Thread& other = machine.make_thread(client.process());
    ASSERT_TRUE(machine.send(other, sender, 77));
    EXPECT_FALSE(reply_is_fast(id, 5));
    expect_call_answered(5);
    EXPECT_EQ(machine.received(server)->word[0], 77u);
    expect_fast_exchange();
}

TEST_F(SlowReplyTest, WrongIds) {
    for (const uint64_t wrong : {id + 1, id ^ 32, ~id}) {
        EXPECT_FALSE(reply_is_fast(wrong, 5));
        EXPECT_EQ(refusal(machine.received(server)), Error::NoSuchCall);
    }
    EXPECT_TRUE(reply_is_fast(id, 6));
    expect_served(6);
    Thread& other = machine.make_thread(server.process());
    EXPECT_FALSE(stays_fast(other, [&] { machine.start_message<abi::PortReplyReceive>(other, {.handle_or_id = port.value, .r14 = id}); }))
        << "it is answered";
    EXPECT_EQ(refusal(machine.received(other)), Error::NoSuchCall);
}

TEST_F(SlowReplyTest, NoCallToAnswer) {
    EXPECT_FALSE(reply_is_fast(0, 5));
    EXPECT_TRUE(machine.waits(server));
    EXPECT_TRUE(machine.waits(client));
    machine.in_kernel([&] { server.end_wait(Error::Interrupted); });
    EXPECT_TRUE(reply_is_fast(id, 7));
    expect_served(7);
}

TEST_F(SlowReplyTest, WrongPorts) {
    const Handle weak = machine.call(server, abi::HandleDuplicate{port, static_cast<uint64_t>(Rights::Duplicate)})->handle;
    const std::pair<Handle, Error> wrong[] = {
        {weak, Error::AccessDenied}, {server_sender, Error::WrongType}, {Handle{12345}, Error::BadHandle}};
    for (const auto& [handle, error] : wrong) {
        EXPECT_FALSE(reply_is_fast({.handle_or_id = handle.value, .r14 = id}));
        EXPECT_EQ(refusal(machine.received(server)), error);
        EXPECT_TRUE(machine.waits(client)) << "nothing was answered";
    }
    EXPECT_TRUE(reply_is_fast(id, 8));
    expect_served(8);
}

TEST_F(SlowReplyTest, ACallerWithADeadline) {
    ASSERT_TRUE(reply_is_fast(id, 0));
    EXPECT_FALSE(call_is_fast({.handle_or_id = sender.value, .deadline_or_badge = machine.hardware.now_ns() + 1000}));
    EXPECT_FALSE(reply_is_fast(taken_id(), 5));
    machine.advance(2000);
    expect_served(5);
}

TEST_F(SlowReplyTest, ASuspendedCaller) {
    machine.in_kernel([&] { client.process().suspend(); });
    EXPECT_FALSE(reply_is_fast(id, 5));
    EXPECT_EQ(client.state(), Thread::State::Held);
    machine.in_kernel([&] { client.process().resume(); });
    expect_served(5);
}

TEST_F(SlowReplyTest, ACallerWithAnAlertThatWaited) {
    machine.call(machine.make_thread(client.process()), abi::ProcessSetEntries{abi::kSelfProcess, 0, kUpcall});
    ASSERT_TRUE(reply_is_fast(id, 0));
    EXPECT_TRUE(call_is_fast({.handle_or_id = sender.value, .header = Header::make(0).as_steady()}));
    alert(client);
    EXPECT_TRUE(machine.waits(client)) << "a steady call";
    EXPECT_FALSE(reply_is_fast(taken_id(), 5));
    machine.switch_to(client);
    ASSERT_EQ(client.frame.registers.rip, kUpcall) << "the alert is delivered when the call is over";
    EXPECT_EQ(static_cast<Error>(client.upcall()->registers.rax), Error::None);
    EXPECT_EQ(client.upcall()->registers.rdx, 5u);
}

TEST_F(SlowReplyTest, AServerWithAnAlertPending) {
    machine.call(server, abi::ProcessSetEntries{abi::kSelfProcess, 0, kUpcall});
    machine.switch_to(server);
    machine.hold_kicks(true);
    {
        kernel_lock.lock();
        server.alert();
        kernel_lock.unlock();
    }
    EXPECT_FALSE(reply_is_fast(id, 5));
    machine.hold_kicks(false);
    expect_call_answered(5);
    machine.switch_to(server);
    ASSERT_EQ(server.frame.registers.rip, kUpcall);
    EXPECT_EQ(static_cast<Error>(server.upcall()->registers.rax), Error::Interrupted) << "the receive, not the reply";
}

TEST_F(SlowReplyTest, TheTurnOfTheServerIsOver) {
    EXPECT_FALSE(stays_fast(server, [&] {
        arch::this_cpu().resched = true;
        machine.start_message<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .word = {5}, .r14 = id});
    }));
    EXPECT_FALSE(arch::this_cpu().resched);
    expect_served(5);
}

TEST_F(SlowReplyTest, SomebodyMoreUrgentIsReady) {
    Thread& urgent = machine.make_thread(machine.make_process(), 20);
    EXPECT_FALSE(reply_is_fast(id, 5));
    EXPECT_EQ(machine.running(), &urgent);
    machine.start(urgent, abi::ThreadSleep{abi::kForever});
    expect_served(5);
}

TEST_F(SlowReplyTest, AnAsyncCall) {
    const Handle reply_port = machine.call(machine.make_thread(client.process()), abi::PortCreate{})->port;
    ASSERT_TRUE(reply_is_fast(id, 0));
    const uint64_t async = machine.message<abi::PortCallAsync>(client, {.handle_or_id = sender.value, .r14 = reply_port.value})->id;
    EXPECT_EQ(taken_id(), async);
    EXPECT_FALSE(reply_is_fast(async, 5));
    EXPECT_TRUE(machine.waits(server));
    EXPECT_EQ(machine.receive(client, reply_port)->word[0], 5u);
    expect_fast_exchange();
}

TEST_F(SlowReplyTest, AFault) {
    Ref<Sender> supervisor = machine.in_kernel([&] { return Ref<Sender>(**client.process().handles().get<Sender>(sender, Rights::Send)); });
    Thread& faulting = machine.make_thread(machine.make_process(std::move(supervisor)));
    ASSERT_TRUE(reply_is_fast(id, 0));
    machine.write<uint64_t>(faulting, 0x7000'0000, 1);
    const uint64_t rdx = faulting.frame.registers.rdx;
    EXPECT_FALSE(reply_is_fast(taken_id(), 5));
    EXPECT_TRUE(machine.runnable(faulting));
    EXPECT_EQ(faulting.frame.registers.rdx, rdx) << "a fault's thread keeps its registers";
    expect_fast_exchange();
}

TEST_F(SlowReplyTest, TheCallerIsGone) {
    kill(client);
    EXPECT_FALSE(reply_is_fast(id, 5));
    EXPECT_EQ(refusal(machine.received(server)), Error::NoSuchCall);
    EXPECT_EQ(machine.receive(server, port)->header.kind(), MessageKind::Cancelled);
}

}  // namespace
}  // namespace portico::kernel::hosted
