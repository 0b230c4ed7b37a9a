#include "kernel/arch/hosted/port_fixture.h"

/// Faults that go to a supervisor.
namespace portico::kernel::hosted {
namespace {

class FaultTest : public PortFixture {
protected:
    Process& supervised(uint64_t badge = 5) { return in_supervised(machine.call(server, abi::PortBadge{port, badge, 1})->sender); }
    Process& in_supervised(Handle supervisor) {
        Ref<Sender> reference =
            machine.in_kernel([&] { return Ref<Sender>(**server.process().handles().get<Sender>(supervisor, Rights::Send)); });
        machine.call(server, abi::HandleClose{supervisor});
        return machine.make_process(std::move(reference));
    }
};

TEST_F(FaultTest, TheSupervisorJudgesAndTheInstructionIsTriedAgain) {
    Thread& thread = machine.make_thread(supervised());
    EXPECT_FALSE(machine.write<uint64_t>(thread, 0x7000'0000, 1));
    EXPECT_TRUE(machine.waits(thread));
    const auto fault = machine.receive(server, port);
    ASSERT_TRUE(fault);
    EXPECT_EQ(fault->header.kind(), abi::MessageKind::Fault);
    EXPECT_EQ(fault->badge, 5u);
    abi::FaultWords words;
    memcpy(&words, fault->word, sizeof(words));
    EXPECT_EQ(words.kind, abi::FaultKind::Page);
    EXPECT_EQ(words.address, 0x7000'0000u);
    EXPECT_EQ(words.access, static_cast<uint32_t>(abi::Access::Write));
    const uint64_t rax = thread.frame.registers.rax;
    EXPECT_TRUE(machine.reply(server, fault->id));
    EXPECT_TRUE(machine.runnable(thread));
    EXPECT_EQ(thread.frame.registers.rax, rax);
}

TEST_F(FaultTest, WithoutAJudgeTheProcessDies) {
    Thread& queued = machine.make_thread(supervised());
    Thread& taken = machine.make_thread(supervised());
    Thread& alone = machine.make_thread();
    machine.write<uint64_t>(taken, 0x7000'0000, 1);
    machine.receive(server, port);
    machine.write<uint64_t>(queued, 0x7000'0000, 1);
    machine.write<uint64_t>(alone, 0x7000'0000, 1);
    EXPECT_EQ(alone.process().exit_code(), abi::kExitCodeFault);
    machine.in_kernel([&] { server.process().kill(1); });
    EXPECT_EQ(queued.process().state(), abi::ProcessState::Exited);
    EXPECT_EQ(taken.process().state(), abi::ProcessState::Exited);
    EXPECT_EQ(taken.process().exit_code(), abi::kExitCodeFault);
}

TEST_F(FaultTest, AChainOfSupervisorsDiesWithoutNesting) {
    std::vector<Thread*> chain{&server};
    Handle chain_port = port;
    for (int i = 0; i < 300; ++i) {
        Thread& above = *chain.back();
        const Handle supervisor = machine.call(above, abi::PortBadge{chain_port, 1, 1})->sender;
        Ref<Sender> reference =
            machine.in_kernel([&] { return Ref<Sender>(**above.process().handles().get<Sender>(supervisor, Rights::Send)); });
        Thread& below = machine.make_thread(machine.make_process(std::move(reference)));
        chain_port = machine.call(below, abi::PortCreate{})->port;
        chain.push_back(&below);
    }
    for (size_t i = 1; i < chain.size(); ++i) machine.write<uint64_t>(*chain[i], 0x7000'0000, 1);
    machine.in_kernel([&] { server.process().kill(1); });
    for (Thread* thread : chain) EXPECT_EQ(thread->state(), Thread::State::Dead);
}

}  // namespace
}  // namespace portico::kernel::hosted
