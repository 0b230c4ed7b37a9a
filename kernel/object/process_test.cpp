#include "kernel/object/process.h"

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

/// `server` supervises: it has a handle `process` to the client's process, whose badge is 9.
class ProcessTest : public testing::Test {
protected:
    Machine machine;
    Thread& server = machine.make_thread();
    Handle port = machine.call(server, abi::PortCreate{})->port;
    Handle process = make();
    Process& child = machine.adopt_process(server, process);
    Thread& thread = machine.make_thread(child);

    Handle make() {
        const Handle supervisor = machine.call(server, abi::PortBadge{port, 9, 1})->sender;
        const Handle space = machine.call(server, abi::SpaceCreate{})->space;
        const Handle made = machine.call(server, abi::ProcessCreate{space, abi::kSelfAccount, supervisor})->process;
        machine.call(server, abi::HandleClose{space});
        machine.call(server, abi::HandleClose{supervisor});
        return made;
    }
    Result<> kill(uint64_t code = 3) { return machine.call(server, abi::ProcessKill{process, code}); }
    abi::ProcessInfo info() { return *machine.query<abi::ProcessInfo>(server, abi::ProcessQuery{process, 0}); }
    void expect_end_told() {
        const auto end = machine.receive(server, port);
        ASSERT_TRUE(end);
        EXPECT_EQ(end->word[0], abi::kNotifyProcessExited | abi::kNotifySendersGone);
        EXPECT_EQ(end->badge, 9u);
        EXPECT_EQ(refusal(machine.receive(server, port)), Error::WouldBlock) << "told once";
        EXPECT_EQ(thread.state(), Thread::State::Dead);
        EXPECT_EQ(info().state, abi::ProcessState::Exited);
        EXPECT_EQ(info().thread_count, 0u);
        EXPECT_EQ(info().resident_bytes, 0u);
    }
};

TEST_F(ProcessTest, KillWhileReady) {
    kill(77);
    EXPECT_EQ(info().exit_code, 77u);
    expect_end_told();
    EXPECT_TRUE(kill(1)) << "killing the dead is no error";
    EXPECT_EQ(info().exit_code, 77u);
}

TEST_F(ProcessTest, KillOneself) {
    machine.start(thread, abi::ProcessKill{abi::kSelfProcess, 5});
    EXPECT_EQ(info().exit_code, 5u);
    expect_end_told();
}

TEST_F(ProcessTest, KillWhileReceiving) {
    machine.start_receive(thread, machine.call(thread, abi::PortCreate{})->port, machine.hardware.now_ns() + 1000);
    kill();
    expect_end_told();
    machine.advance(5000);
}

TEST_F(ProcessTest, KillWhileCallingQueuedOrTaken) {
    const Handle sender = machine.give(server, machine.call(server, abi::PortBadge{port, 1, 1})->sender, thread);
    Thread& second = machine.make_thread(child);
    machine.start_call(thread, sender);
    machine.start_call(second, sender);
    const uint64_t taken = machine.receive(server, port)->id;
    kill();
    EXPECT_EQ(machine.receive(server, port)->id, taken);
    expect_end_told();
}

TEST_F(ProcessTest, KillWhileSleepingOrInAFutex) {
    Thread& second = machine.make_thread(child);
    const uint64_t word = machine.map(thread, abi::kPageBytes);
    machine.start(thread, abi::FutexWait{word, 0, machine.hardware.now_ns() + 1000, 1, ~0u});
    machine.start(second, abi::ThreadSleep{machine.hardware.now_ns() + 1000});
    kill();
    expect_end_told();
    machine.advance(5000);
}

TEST_F(ProcessTest, KillWhileFaulted) {
    machine.write<uint64_t>(thread, 0x7000'0000, 1);
    const uint64_t fault = machine.receive(server, port)->id;
    kill();
    EXPECT_EQ(machine.receive(server, port)->id, fault) << "cancelled";
    expect_end_told();
    EXPECT_EQ(refusal(machine.reply(server, fault)), Error::NoSuchCall);
}

TEST_F(ProcessTest, KillWhileHeldOrUnstarted) {
    machine.call(server, abi::ProcessSuspend{process});
    kill();
    expect_end_told();
    const Handle unstarted = make();
    machine.call(server, abi::ProcessKill{unstarted, 1});
    EXPECT_EQ(machine.receive(server, port)->word[0], abi::kNotifySendersGone) << "it never began, so it did not end";
    EXPECT_EQ(refusal(machine.call(server, abi::ThreadCreate{unstarted, machine.put(server, abi::ThreadStart{.instruction = 1})})),
              Error::WrongState);
    EXPECT_EQ(refusal(machine.call(server, abi::ProcessClone{unstarted, {}, 0})), Error::WrongState);
}

TEST_F(ProcessTest, TheLastThreadEndsTheProcess) {
    Thread& second = machine.make_thread(child);
    machine.start(second, abi::ThreadExit{0, 0, 4});
    EXPECT_EQ(info().thread_count, 1u);
    EXPECT_EQ(info().state, abi::ProcessState::Running);
    machine.start(thread, abi::ThreadExit{0, 0, 6});
    EXPECT_EQ(info().exit_code, 6u);
    expect_end_told();
}

TEST_F(ProcessTest, SuspendHoldsEveryThreadThatWouldRun) {
    Thread& waiting = machine.make_thread(child);
    const Handle child_port = machine.call(waiting, abi::PortCreate{})->port;
    const Handle sender = machine.give(waiting, machine.call(waiting, abi::PortBadge{child_port, 1, 4})->sender, server);
    machine.start_receive(waiting, child_port);
    machine.call(server, abi::ProcessSuspend{process});
    EXPECT_EQ(thread.state(), Thread::State::Held);
    EXPECT_EQ(info().state, abi::ProcessState::Suspended);
    ASSERT_TRUE(machine.send(server, sender, 5));
    EXPECT_EQ(waiting.state(), Thread::State::Held) << "its wait ended meanwhile";
    machine.call(server, abi::ProcessResume{process});
    EXPECT_EQ(machine.received(waiting)->word[0], 5u);
    EXPECT_TRUE(machine.call(thread, abi::Null{}));
    machine.start(thread, abi::ProcessSuspend{abi::kSelfProcess});
    EXPECT_EQ(thread.state(), Thread::State::Held);
    machine.call(server, abi::ProcessResume{process});
    EXPECT_EQ(refusal(machine.result<abi::ProcessSuspend>(thread)), Error::None);
}

TEST_F(ProcessTest, ExecKeepsHandlesAndEndsTheOthers) {
    Thread& second = machine.make_thread(child);
    const uint64_t address = machine.map(thread, abi::kPageBytes);
    const Handle kept = machine.call(thread, abi::MemoryCreate{4096})->memory;
    machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, 0x1000, 0x2000});
    machine.start(second, abi::ThreadSleep{abi::kForever});
    const Handle space = machine.call(thread, abi::SpaceCreate{})->space;
    const auto fixed = static_cast<uint64_t>(abi::MapFlags::Fixed | abi::Access::ReadWrite);
    ASSERT_TRUE(machine.call(thread, abi::SpaceMap{space, {}, 0, 0x9000'0000, abi::kPageBytes, fixed}));
    EXPECT_EQ(refusal(machine.call(thread, abi::ProcessExec{space, 0x7000'0000})), Error::BadAddress);
    machine.hardware.own().vector.fill(9);
    machine.start(
        thread,
        abi::ProcessExec{space, machine.put(thread, abi::ThreadStart{.instruction = 0x9000'0000, .stack = 0x9000'1000, .argument = 3})});
    EXPECT_EQ(second.state(), Thread::State::Dead);
    EXPECT_EQ(thread.frame.registers.rip, 0x9000'0000u);
    EXPECT_EQ(thread.frame.registers.rdi, 3u);
    EXPECT_EQ(thread.frame.registers.rax, 0u);
    EXPECT_EQ(machine.hardware.own().vector[3], 0);
    EXPECT_EQ(thread.frame.foreign_entry, 0u);
    EXPECT_TRUE(machine.write<uint64_t>(thread, 0x9000'0000, 1));
    EXPECT_TRUE(machine.call(thread, abi::HandleClose{kept}));
    EXPECT_EQ(refusal(machine.call(thread, abi::HandleClose{space})), Error::BadHandle) << "consumed";
    EXPECT_FALSE(machine.read(thread, address));
}

TEST_F(ProcessTest, CloneCopiesTheTable) {
    const Handle memory = machine.call(thread, abi::MemoryCreate{4096})->memory;
    machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, 0x1000, 0x2000});
    const Handle handle = machine.call(thread, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
    Process& clone = machine.adopt_process(thread, handle);
    Thread& cloned = machine.make_thread(clone);
    EXPECT_EQ(cloned.frame.foreign_entry, 0x1000u);
    EXPECT_TRUE((machine.query<abi::MemoryInfo>(cloned, abi::MemoryQuery{memory, 0})));
    EXPECT_EQ(refusal(machine.call(cloned, abi::HandleClose{handle})), Error::BadHandle) << "made after the copy";
    machine.call(thread, abi::ProcessKill{handle, 0});
    EXPECT_TRUE(machine.call(thread, abi::HandleClose{memory}));
}

TEST_F(ProcessTest, QueryTells) {
    const uint64_t address = machine.map(thread, 10 * abi::kPageBytes);
    machine.write<uint64_t>(thread, address, 1);
    const abi::ProcessInfo before = info();
    EXPECT_EQ(before.mapped_bytes, 10 * abi::kPageBytes);
    EXPECT_EQ(before.resident_bytes, abi::kPageBytes);
    EXPECT_EQ(before.thread_count, 1u);
    machine.call(thread, abi::Null{});
    machine.hardware.set_time(machine.hardware.now_ns() + 12'345);
    EXPECT_EQ(info().cpu_time_ns, before.cpu_time_ns + 12'345);
}

}  // namespace
}  // namespace portico::kernel::hosted
