#include "kernel/ipc/futex.h"

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class FutexTest : public testing::Test {
protected:
    Machine machine;
    Thread& waker = machine.make_thread();
    Process& process = waker.process();
    uint64_t word = machine.map(waker, abi::kPageBytes, abi::MapFlags::Shared | abi::Access::ReadWrite);

    Thread& wait(uint32_t mask = ~0u, uint64_t address = 0, uint64_t shared = 0, uint64_t deadline = abi::kForever) {
        return wait_in(process, mask, address, shared, deadline);
    }
    Thread& wait_in(Process& where, uint32_t mask, uint64_t address, uint64_t shared, uint64_t deadline) {
        Thread& thread = machine.make_thread(where);
        machine.start(thread, abi::FutexWait{address != 0 ? address : word, 0, deadline, shared, mask});
        return thread;
    }
    uint64_t wake(uint64_t count, uint32_t mask = ~0u, uint64_t shared = 0) {
        return machine.call(waker, abi::FutexWake{word, count, shared, mask})->woken;
    }
    Error end_of(Thread& thread) { return refusal(machine.result<abi::FutexWait>(thread)); }
};

TEST_F(FutexTest, WakesInOrderAtMostSoMany) {
    Thread& first = wait();
    Thread& second = wait();
    Thread& third = wait();
    EXPECT_EQ(wake(0), 0u);
    EXPECT_EQ(wake(2), 2u);
    EXPECT_EQ(end_of(first), Error::None);
    EXPECT_EQ(end_of(second), Error::None);
    EXPECT_TRUE(machine.waits(third));
    EXPECT_EQ(wake(~0ull), 1u);
    EXPECT_EQ(wake(1), 0u);
}

TEST_F(FutexTest, OnlyWhileTheWordHasTheValue) {
    machine.write<uint32_t>(waker, word, 1);
    EXPECT_EQ(end_of(wait()), Error::WouldBlock);
    EXPECT_EQ(refusal(machine.call(waker, abi::FutexWait{word + 2, 0, 0, 0, 1})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(waker, abi::FutexWait{0x7000'0000, 0, 0, 0, 1})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(waker, abi::FutexWait{0x7000'0000, 0, 0, 1, 1})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(waker, abi::FutexWake{abi::kUserAddressMax, 1, 0, 1})), Error::BadAddress);
}

TEST_F(FutexTest, MasksChooseTheWaiters) {
    Thread& odd = wait(1);
    Thread& even = wait(2);
    EXPECT_EQ(wake(5, 4), 0u);
    EXPECT_EQ(wake(5, 2), 1u);
    EXPECT_TRUE(machine.waits(odd));
    EXPECT_FALSE(machine.waits(even));
    EXPECT_EQ(wake(5), 1u);
}

TEST_F(FutexTest, DeadlineAndAlertEndTheWait) {
    Thread& timed = wait(~0u, 0, 0, machine.hardware.now_ns() + 500);
    Thread& alerted = wait();
    machine.advance(499);
    EXPECT_TRUE(machine.waits(timed));
    machine.advance(1);
    EXPECT_EQ(end_of(timed), Error::TimedOut);
    machine.in_kernel([&] { alerted.alert(); });
    EXPECT_EQ(end_of(alerted), Error::Interrupted);
    EXPECT_EQ(wake(5), 0u);
}

TEST_F(FutexTest, RequeueMovesTheRest) {
    Thread* threads[4];
    for (Thread*& thread : threads) thread = &wait();
    EXPECT_EQ(refusal(machine.call(waker, abi::FutexRequeue{word, 1, 1, 1, word + 64, 0})), Error::WouldBlock);
    auto moved = machine.call(waker, abi::FutexRequeue{word, 0, 1, 2, word + 64, 0});
    EXPECT_EQ(moved->woken, 1u);
    EXPECT_EQ(moved->moved, 2u);
    EXPECT_FALSE(machine.waits(*threads[0]));
    EXPECT_EQ(wake(9), 1u) << "one stayed";
    EXPECT_FALSE(machine.waits(*threads[3]));
    EXPECT_EQ(machine.call(waker, abi::FutexWake{word + 64, 9, 0, ~0u})->woken, 2u);
    wait();
    moved = machine.call(waker, abi::FutexRequeue{word, ~0ull, 0, 5, word, 0});
    EXPECT_EQ(moved->moved, 0u) << "onto itself";
    EXPECT_EQ(wake(9), 1u);
}

TEST_F(FutexTest, MovedWaitersStillHaveTheirDeadline) {
    Thread& thread = wait(~0u, 0, 0, machine.hardware.now_ns() + 500);
    EXPECT_EQ(machine.call(waker, abi::FutexRequeue{word, ~0ull, 0, 5, word + 4, 0})->moved, 1u);
    machine.advance(1000);
    EXPECT_EQ(end_of(thread), Error::TimedOut);
}

TEST_F(FutexTest, SharedWordsMeetAcrossSpaces) {
    const Handle handle = machine.call(waker, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
    Process& child = machine.adopt_process(waker, handle);
    Thread& shared = wait_in(child, ~0u, word, 1, abi::kForever);
    Thread& own = wait_in(child, ~0u, word, 0, abi::kForever);
    EXPECT_EQ(wake(5, ~0u, 1), 1u);
    EXPECT_EQ(wake(5, ~0u, 0), 0u) << "private words of another space are other words";
    EXPECT_FALSE(machine.waits(shared));
    EXPECT_TRUE(machine.waits(own));
}

TEST_F(FutexTest, ThreadExitClearsAndWakes) {
    Thread& joiner = machine.make_thread(process);
    Thread& ending = machine.make_thread(process);
    machine.write<uint32_t>(waker, word, 77);
    machine.start(joiner, abi::FutexWait{word, 77, abi::kForever, 0, ~0u});
    machine.start(ending, abi::ThreadExit{word, word + 8, 0});
    EXPECT_EQ(ending.state(), Thread::State::Dead);
    EXPECT_EQ(end_of(joiner), Error::None);
    EXPECT_EQ(machine.read<uint32_t>(waker, word), 0u);
}

}  // namespace
}  // namespace portico::kernel::hosted
