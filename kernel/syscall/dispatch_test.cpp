#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/sched/cpu.h"

/// Entries that go straight back to user mode, and those that Scheduler::leave must see.
namespace portico::kernel::hosted {
namespace {

class DispatchTest : public PortFixture {
protected:
    static constexpr uint64_t kUpcall = 0x2000'0000;

    /// Whether the call went straight back. Its callee-saved registers are then not in the frame.
    template <class Call>
    bool is_quick(Thread& thread, const Call& call) {
        machine.switch_to(thread);
        Cpu& cpu = arch::this_cpu();
        cpu.attention = false;
        cpu.resched = false;  // what the machine's own switching left
        abi::Registers& r = thread.frame.registers;
        const abi::Arguments a = abi::to_arguments(call);
        r.rdi = a[0], r.rsi = a[1], r.rdx = a[2], r.r10 = a[3], r.r8 = a[4], r.r9 = a[5];
        r.rax = abi::kNativeBase + Call::doc.number;
        r.rip += 2;
        const bool leaves = enter_quick_syscall(cpu);
        if (leaves) leave_syscall(cpu);
        machine.settle();
        return !leaves;
    }
};

TEST_F(DispatchTest, CallsThatChangeNothingForOthersGoStraightBack) {
    const Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    EXPECT_TRUE(is_quick(client, abi::Null{}));
    EXPECT_TRUE(is_quick(client, abi::ClockRead{}));
    EXPECT_TRUE(is_quick(client, abi::HandleDuplicate{memory, ~0ull}));
    EXPECT_TRUE(is_quick(client, abi::PortCreate{}));
    EXPECT_TRUE(is_quick(client, abi::PortNotify{sender, 1})) << "nobody waits";
    EXPECT_TRUE(is_quick(client, abi::HandleClose{memory})) << "there is another handle";
    EXPECT_TRUE(is_quick(client, abi::HandleClose{{12345}})) << "refused";
}

TEST_F(DispatchTest, CallsThatWakeStopOrEndSomethingDoNot) {
    Thread& other = machine.make_thread(client.process(), 20);  // more urgent than those that wake it
    const Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    EXPECT_FALSE(is_quick(client, abi::HandleClose{memory})) << "the object goes";
    EXPECT_FALSE(is_quick(client, abi::ThreadYield{}));
    Thread& urgent = machine.make_thread(server.process(), 20);
    machine.start_receive(urgent, port);
    EXPECT_FALSE(is_quick(client, abi::PortNotify{sender, 1})) << "it runs now";
    EXPECT_FALSE(machine.waits(urgent));
    EXPECT_EQ(machine.received(urgent)->word[0], 1u);
    const uint64_t word = machine.map(client, 4096);
    machine.start(other, abi::FutexWait{word, 0, abi::kForever, 0, ~0u});
    ASSERT_TRUE(machine.waits(other));
    EXPECT_FALSE(is_quick(client, abi::FutexWake{word, 1, 0, ~0u}));
    EXPECT_TRUE(machine.runnable(other));
    EXPECT_FALSE(is_quick(other, abi::ThreadSleep{abi::kForever}));
    EXPECT_TRUE(machine.waits(other));
    EXPECT_FALSE(is_quick(client, abi::ProcessSuspend{abi::kSelfProcess}));
    EXPECT_EQ(client.state(), Thread::State::Held);
    machine.in_kernel([&] { client.process().resume(); });
    EXPECT_FALSE(is_quick(client, abi::ThreadExit{0, 0, 0}));
    EXPECT_EQ(client.state(), Thread::State::Dead);
    EXPECT_FALSE(is_quick(server, abi::ProcessKill{abi::kSelfProcess, 1}));
    EXPECT_EQ(server.state(), Thread::State::Dead);
}

TEST_F(DispatchTest, ATimerIsArmedAtOnce) {
    const Handle timer = machine.call(client, abi::TimerCreate{sender, 1})->timer;
    const uint64_t at = machine.hardware.now_ns() + 5000;
    EXPECT_FALSE(is_quick(client, abi::TimerSet{timer, at, 0}));
    EXPECT_LE(machine.hardware.own().timer_ns, at);
    machine.advance(6000);
    EXPECT_EQ(machine.receive(server, port)->word[0], 1u);
}

TEST_F(DispatchTest, AnAlertOfOneselfIsDeliveredAtOnce) {
    const Handle self = machine.in_kernel([&] { return *client.process().handles().add(Capability(client, Rights::All)); });
    machine.call(client, abi::ProcessSetEntries{abi::kSelfProcess, 0, kUpcall});
    EXPECT_FALSE(is_quick(client, abi::ThreadAlert{self}));
    EXPECT_EQ(client.frame.registers.rip, kUpcall);
}

TEST_F(DispatchTest, AnAlertFromBeforeThereWasAnEntryIsDeliveredWhenThereIsOne) {
    Thread& asleep = machine.make_thread(client.process());
    machine.start(asleep, abi::ThreadSleep{abi::kForever});
    alert(asleep);
    EXPECT_EQ(refusal(machine.result<abi::ThreadSleep>(asleep)), Error::Interrupted);
    machine.start(asleep, abi::ThreadSleep{abi::kForever});
    alert(client);
    EXPECT_FALSE(is_quick(client, abi::ProcessSetEntries{abi::kSelfProcess, 0, kUpcall}));
    EXPECT_EQ(client.frame.registers.rip, kUpcall);
    EXPECT_FALSE(machine.waits(asleep)) << "a thread that waits with its alert pending does not sleep through it";
}

TEST_F(DispatchTest, EveryCallThatNeedsAllRegistersGetsThem) {
    const auto has_all = [](uint64_t number) { return (calls_with_all_registers >> (number % 64) & 1) != 0; };
    for (const uint64_t number : {abi::PortSend::doc.number, abi::PortCall::doc.number, abi::PortCallAsync::doc.number,
                                  abi::PortReceive::doc.number, abi::PortReply::doc.number, abi::PortReplyReceive::doc.number,
                                  abi::PortForward::doc.number, abi::ProcessExec::doc.number, abi::UpcallReturn::doc.number})
        EXPECT_TRUE(has_all(number)) << number;
    EXPECT_FALSE(has_all(abi::Null::doc.number));
    EXPECT_FALSE(has_all(abi::PortReceiveBatch::doc.number));
}

TEST_F(DispatchTest, ACallThatDoesNotExistKeepsAllRegisters) {
    machine.call(client, abi::ProcessSetEntries{abi::kSelfProcess, 0x3000'0000, 0});
    for (uint64_t number = abi::Syscalls::kCount; number < abi::Syscalls::kCount + 64; ++number) {
        abi::Registers& r = client.frame.registers;
        r.rbx = 1, r.rbp = 2, r.r12 = 3, r.r13 = 4, r.r14 = 5, r.r15 = 6, r.rdi = 7, r.rsi = 8, r.rdx = 9, r.r10 = 10, r.r8 = 11, r.r9 = 12;
        machine.enter(client, number);
        EXPECT_EQ(r.rip, 0x3000'0000u);
        EXPECT_EQ(r.rax, abi::kNativeBase + number);
        const uint64_t values[] = {r.rbx, r.rbp, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
        for (uint64_t i = 0; i < 12; ++i) ASSERT_EQ(values[i], i + 1) << number;
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
