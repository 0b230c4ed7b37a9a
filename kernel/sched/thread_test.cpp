#include "kernel/sched/thread.h"

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class ThreadTest : public PortFixture {
protected:
    static constexpr uint64_t kUpcall = 0x2000'0000;
    static constexpr uint64_t kNowhere = 0x7000'0000;

    void set_upcall(Thread& thread) { machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, 0, kUpcall}); }
    Handle handle_to(Thread& thread, Thread& holder) {
        return machine.in_kernel([&] { return *holder.process().handles().add(Capability(thread, Rights::All)); });
    }
    Result<> alert(Thread& thread) { return machine.call(server, abi::ThreadAlert{handle_to(thread, server)}); }
    abi::UpcallState upcall_state(Thread& thread) {
        const uint64_t at = machine.map(thread, abi::kPageBytes);
        EXPECT_TRUE(machine.call(thread, abi::UpcallQuery{at}));
        return *machine.read<abi::UpcallState>(thread, at);
    }
    void upcall_return(Thread& thread, const abi::Registers& registers) {
        machine.start(thread, abi::UpcallReturn{machine.put(thread, registers)});
    }
};

TEST_F(ThreadTest, CreateStartsAsAsked) {
    const abi::ThreadStart start{
        .instruction = 0x1234'5678, .stack = 0x3000, .argument = 99, .fs_base = 0x11, .gs_base = 0x22, .priority = 3};
    const Handle handle = machine.call(client, abi::ThreadCreate{abi::kSelfProcess, machine.put(client, start)})->thread;
    Thread& thread = machine.adopt_thread(client, handle);
    EXPECT_EQ(thread.frame.registers.rip, 0x1234'5678u);
    EXPECT_EQ(thread.frame.registers.rsp, 0x3000u);
    EXPECT_EQ(thread.frame.registers.rdi, 99u);
    EXPECT_EQ(thread.priority(), 3u);
    machine.call(thread, abi::Null{});
    EXPECT_EQ(machine.hardware.own().fs_base, 0x11u);
    EXPECT_EQ(machine.hardware.own().gs_base, 0x22u);
    for (const abi::ThreadStart& bad :
         {abi::ThreadStart{.instruction = ~0ull}, abi::ThreadStart{.priority = 17}, abi::ThreadStart{.gs_base = abi::kUserAddressMax}})
        EXPECT_EQ(refusal(machine.call(client, abi::ThreadCreate{abi::kSelfProcess, machine.put(client, bad)})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::ThreadCreate{abi::kSelfProcess, kNowhere})), Error::BadAddress);
}

TEST_F(ThreadTest, VectorStateAndBasesFollowTheThread) {
    machine.call(client, abi::Null{});
    machine.hardware.own().vector.fill(7);
    machine.hardware.own().fs_base = 0x777;
    machine.call(server, abi::Null{});
    EXPECT_EQ(machine.hardware.own().vector[5], 0);
    machine.hardware.own().vector.fill(9);
    machine.call(client, abi::Null{});
    EXPECT_EQ(machine.hardware.own().vector[5], 7);
    EXPECT_EQ(machine.hardware.own().fs_base, 0x777u);
}

TEST_F(ThreadTest, AlertDivertsAndEndsWaits) {
    set_upcall(client);
    machine.start_receive(client, machine.call(client, abi::PortCreate{})->port);
    ASSERT_TRUE(alert(client));
    ASSERT_TRUE(machine.runnable(client));
    machine.call(server, abi::ThreadYield{});
    EXPECT_EQ(client.frame.registers.rip, kUpcall);
    EXPECT_EQ(client.frame.registers.rdi, static_cast<uint64_t>(abi::FaultKind::Alert));
    const abi::UpcallState state = upcall_state(client);
    EXPECT_EQ(state.kind, abi::FaultKind::Alert);
    EXPECT_EQ(static_cast<Error>(state.registers.rax), Error::Interrupted);

    alert(client);
    alert(client);  // both join, and wait for the end of the upcall
    machine.call(client, abi::Null{});
    EXPECT_NE(client.frame.registers.rip, kUpcall);
    abi::Registers back = state.registers;
    back.rbp = 0x5555;
    back.rflags = ~0ull;
    upcall_return(client, back);
    EXPECT_EQ(client.frame.registers.rip, kUpcall) << "the alert that waited";
    const abi::UpcallState second = upcall_state(client);
    EXPECT_EQ(second.registers.rbp, 0x5555u);
    EXPECT_EQ(second.registers.rip, state.registers.rip);
    EXPECT_EQ(second.registers.rflags & 0x3000, 0u) << "no I/O privilege";
    EXPECT_EQ(second.registers.rflags & 0x200, 0x200u);
    upcall_return(client, second.registers);
    EXPECT_EQ(client.frame.registers.rip, state.registers.rip);
    EXPECT_EQ(refusal(machine.call(client, abi::UpcallQuery{machine.scratch(client)})), Error::WrongState);
}

TEST_F(ThreadTest, FaultsAreUpcallsOnceThenTheSupervisors) {
    set_upcall(client);
    machine.call(client, abi::Null{});
    EXPECT_FALSE(machine.write<uint64_t>(client, kNowhere, 1));
    EXPECT_EQ(client.frame.registers.rip, kUpcall);
    EXPECT_EQ(client.frame.registers.rsi, kNowhere);
    EXPECT_EQ(client.frame.registers.rdx, static_cast<uint64_t>(Access::Write));
    EXPECT_EQ(upcall_state(client).address, kNowhere);
    EXPECT_FALSE(machine.write<uint64_t>(client, kNowhere, 1));
    EXPECT_EQ(client.process().exit_code(), abi::kExitCodeFault) << "a second fault, and no supervisor";
}

TEST_F(ThreadTest, UpcallReturnLoadsAllRegistersOutsideAnUpcallToo) {
    abi::Registers registers;
    auto* words = reinterpret_cast<uint64_t*>(&registers);
    for (uint64_t i = 0; i < 18; ++i) words[i] = 0x100 + i;
    upcall_return(client, registers);
    registers.rflags = client.frame.registers.rflags;
    EXPECT_EQ(memcmp(&client.frame.registers, &registers, sizeof(registers)), 0);
    registers.rip = abi::kUserAddressMax;
    EXPECT_EQ(refusal(machine.call(client, abi::UpcallReturn{machine.put(client, registers)})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::UpcallReturn{kNowhere})), Error::BadAddress);
}

TEST_F(ThreadTest, UnknownCallsAreRefused) {
    for (const uint64_t number : {uint64_t{abi::Syscalls::kCount}, uint64_t{5000}, ~uint64_t{0} - abi::kNativeBase}) {
        machine.enter(client, number);
        EXPECT_EQ(static_cast<Error>(client.frame.registers.rax), Error::BadCall);
    }
    machine.call(client, abi::ProcessSetEntries{abi::kSelfProcess, 0x3000'0000, 0});
    const uint64_t rip = client.frame.registers.rip;
    machine.enter(client, abi::Syscalls::kCount);
    EXPECT_EQ(client.frame.registers.rip, 0x3000'0000u) << "a runtime answers it as a Linux call";
    EXPECT_EQ(client.frame.registers.rcx, rip + 2);
}

class TwoCpuTest : public testing::Test {
protected:
    Machine machine{2};
    Thread& killer = machine.make_thread();
    Thread& victim = machine.make_thread();

    void run_victim_on_the_other_cpu() {
        machine.use_cpu(1);
        machine.call(victim, abi::Null{});
        machine.use_cpu(0);
        machine.hold_kicks(true);  // the victim's CPU is on its way into the kernel by itself
    }
    void enter_on_the_other_cpu(uint64_t number) {
        machine.use_cpu(1);
        victim.frame.registers.rax = abi::kNativeBase + number;
        enter_syscall(arch::this_cpu());
        machine.use_cpu(0);
    }
};

TEST_F(TwoCpuTest, AThreadKilledElsewhereNeverBeginsToWait) {
    run_victim_on_the_other_cpu();
    machine.in_kernel([&] { victim.process().kill(5); });
    EXPECT_EQ(victim.state(), Thread::State::Running);
    victim.frame.registers.rdi = abi::kForever;
    enter_on_the_other_cpu(abi::ThreadSleep::doc.number);
    EXPECT_EQ(victim.state(), Thread::State::Dead);
    EXPECT_EQ(victim.process().state(), abi::ProcessState::Exited);
}

TEST_F(TwoCpuTest, AnAlertFromElsewhereIsNotSleptThrough) {
    machine.call(victim, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x2000'0000});
    run_victim_on_the_other_cpu();
    machine.in_kernel([&] { victim.alert(); });
    victim.frame.registers.rdi = abi::kForever;
    enter_on_the_other_cpu(abi::ThreadSleep::doc.number);
    EXPECT_EQ(victim.state(), Thread::State::Running);
    EXPECT_EQ(victim.frame.registers.rip, 0x2000'0000u);
    EXPECT_EQ(static_cast<Error>(victim.upcall()->registers.rax), Error::Interrupted);
}

TEST_F(TwoCpuTest, ExecWhileAnotherCpuStillRunsTheOldImage) {
    Thread& leader = machine.make_thread(victim.process());
    const uint64_t address = machine.map(leader, abi::kPageBytes);
    run_victim_on_the_other_cpu();
    const Handle space = machine.call(leader, abi::SpaceCreate{})->space;
    machine.start(leader, abi::ProcessExec{space, machine.put(leader, abi::ThreadStart{.instruction = 0x4444'0000})});
    EXPECT_EQ(leader.frame.registers.rip, 0x4444'0000u);
    EXPECT_EQ(victim.state(), Thread::State::Running);
    machine.hold_kicks(false);
    machine.settle();
    EXPECT_EQ(victim.state(), Thread::State::Dead);
    EXPECT_FALSE(machine.read(leader, address));
}

TEST_F(TwoCpuTest, SuspendReachesTheOtherCpu) {
    machine.use_cpu(1);
    machine.call(victim, abi::Null{});
    machine.use_cpu(0);
    machine.in_kernel([&] { victim.process().suspend(); });
    machine.settle();
    EXPECT_EQ(victim.state(), Thread::State::Held);
    machine.in_kernel([&] { victim.process().resume(); });
    EXPECT_TRUE(machine.call(victim, abi::Null{}));
}

/// One entry makes two threads ready while seven CPUs idle.
TEST(IdleCpus, AsManyAreKickedAsThreadsAreReady) {
    Machine machine(8);
    Thread& server = machine.make_thread();
    Thread& second = machine.make_thread(server.process());
    Thread& poster = machine.make_thread(server.process());
    const Handle port = machine.call(server, abi::PortCreate{})->port;
    const Handle sender = machine.call(server, abi::PortBadge{port, 1, 8})->sender;
    const uint64_t array = machine.map(server, abi::kPageBytes);
    const auto kicked_by = [&](uint64_t messages) {
        machine.hold_kicks(true);
        for (unsigned i = 1; i < 8; ++i) machine.in_kernel([&] { scheduler.now_idle(cpu_at(i)); });
        EXPECT_EQ(machine.call(poster, abi::PortSendBatch{sender, array, messages})->sent, messages);
        unsigned kicked = 0;
        for (unsigned i = 1; i < 8; ++i) {
            kicked += machine.hardware.processors[i].kicked;
            EXPECT_EQ(cpu_at(i).idle, !machine.hardware.processors[i].kicked);
            machine.in_kernel([&] { scheduler.no_longer_idle(cpu_at(i)); });
        }
        machine.hold_kicks(false);
        machine.settle();
        return kicked;
    };
    machine.start_receive(server, port);
    machine.start_receive(second, port);
    EXPECT_EQ(kicked_by(2), 2u + 1u) << "and one for the thread that the poster took the CPU from";
}

}  // namespace
}  // namespace portico::kernel::hosted
