#include "kernel/time/timer.h"

#include <map>

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

class TimerTest : public PortFixture {
protected:
    static constexpr uint64_t kMs = 1'000'000;
    Handle timer = machine.call(client, abi::TimerCreate{sender, 4})->timer;
    uint64_t now() { return machine.hardware.now_ns(); }
    Result<> set(uint64_t deadline, uint64_t period = 0) { return machine.call(client, abi::TimerSet{timer, deadline, period}); }
    bool fired() {
        const auto received = machine.receive(server, port);
        if (!received) return false;
        EXPECT_EQ(received->word[0] & 4, 4u);
        return true;
    }
};

TEST_F(TimerTest, FiresOnceAtItsTime) {
    ASSERT_TRUE(set(now() + 5 * kMs));
    machine.advance(5 * kMs - 1);
    EXPECT_FALSE(fired());
    machine.advance(1);
    EXPECT_TRUE(fired());
    machine.advance(100 * kMs);
    EXPECT_FALSE(fired());
}

TEST_F(TimerTest, PeriodsThatPassUnseenJoin) {
    ASSERT_TRUE(set(now() + kMs, kMs));
    machine.advance(10 * kMs);
    EXPECT_TRUE(fired());
    EXPECT_FALSE(fired());
    machine.advance(kMs);
    EXPECT_TRUE(fired());
    // A long pause without an interrupt: the next expiry is still on the grid.
    machine.hardware.set_time(now() + 7 * kMs + kMs / 2);
    machine.advance(0);
    EXPECT_TRUE(fired());
    machine.advance(kMs / 2 - 1);
    EXPECT_FALSE(fired());
    machine.advance(1);
    EXPECT_TRUE(fired());
}

TEST_F(TimerTest, SettingAnewAndStopping) {
    set(now() + kMs);
    set(now() + 3 * kMs);
    machine.advance(2 * kMs);
    EXPECT_FALSE(fired());
    set(abi::kForever);
    machine.advance(5 * kMs);
    EXPECT_FALSE(fired());
    set(0);  // long past
    machine.advance(0);
    EXPECT_TRUE(fired());
    EXPECT_EQ(refusal(set(0, 99'999)), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::TimerCreate{sender, abi::kNotifySendersGone})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::TimerCreate{timer, 1})), Error::WrongType);
}

TEST_F(TimerTest, ClosingStopsAndReleasesTheSender) {
    set(now() + kMs, kMs);
    machine.call(client, abi::HandleClose{sender});
    machine.call(server, abi::HandleClose{server_sender});
    EXPECT_FALSE(fired()) << "the timer still refers to the sender";
    machine.call(client, abi::HandleClose{timer});
    EXPECT_EQ(machine.receive(server, port)->word[0], abi::kNotifySendersGone);
    machine.advance(5 * kMs);
}

TEST_F(TimerTest, ManyInOrder) {
    std::vector<Handle> timers;
    for (uint64_t i = 0; i < 50; ++i) {
        const Handle own = machine.call(server, abi::PortBadge{port, i, 1})->sender;
        timers.push_back(machine.call(server, abi::TimerCreate{own, 4})->timer);
        machine.call(server, abi::TimerSet{timers.back(), now() + ((i * 37) % 50 + 1) * kMs, 0});
    }
    machine.advance(60 * kMs);
    for (uint64_t rank = 0; rank < 50; ++rank) {
        const auto received = machine.receive(server, port);
        ASSERT_TRUE(received);
        EXPECT_EQ(received->badge * 37 % 50, rank);
    }
}

TEST_F(TimerTest, SleepAndReceiveDeadlines) {
    machine.start(client, abi::ThreadSleep{now() + 2 * kMs});
    machine.start_receive(server, port, now() + 3 * kMs);
    machine.advance(2 * kMs);
    EXPECT_FALSE(machine.waits(client));
    EXPECT_EQ(refusal(machine.result<abi::ThreadSleep>(client)), Error::None);
    EXPECT_TRUE(machine.waits(server));
    machine.advance(kMs);
    EXPECT_EQ(refusal(machine.received(server)), Error::TimedOut);
    machine.start(client, abi::ThreadSleep{now() - 1});
    machine.advance(0);
    EXPECT_FALSE(machine.waits(client));
    EXPECT_EQ(machine.call(client, abi::ClockRead{})->now_ns, now());
}

TEST_F(TimerTest, ThreadsOfOnePriorityTakeTurns) {
    Thread& a = machine.make_thread();
    Thread& b = machine.make_thread();
    machine.call(a, abi::Null{});
    std::map<Thread*, int> turns;
    for (int i = 0; i < 40; ++i) {
        machine.advance(Scheduler::kSliceNs);
        ++turns[machine.running()];
    }
    for (Thread* thread : {&a, &b, &server, &client}) EXPECT_GE(turns[thread], 5) << "each has its turn";
    Thread& urgent = machine.make_thread(a.process(), 20);
    machine.call(a, abi::ThreadYield{});
    EXPECT_EQ(machine.running(), &urgent);
    machine.advance(5 * Scheduler::kSliceNs);
    EXPECT_EQ(machine.running(), &urgent);
    machine.start(urgent, abi::ThreadSleep{now() + kMs});
    EXPECT_NE(machine.running(), &urgent);
    machine.advance(kMs);
    EXPECT_EQ(machine.running(), &urgent) << "it was woken over those below it";
}

}  // namespace
}  // namespace portico::kernel::hosted
