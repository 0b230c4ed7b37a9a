#include "servers/process/lifecycle.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

/// The processes have no kernel handles here, so what the lifecycle asks of the kernel fails, which it must bear.
struct LifecycleTest : testing::Test {
    ProcessTable table;
    Lifecycle lifecycle{table};
    Process& first = make(table.init());
    Process& parent = make(first);
    Process& child = make(parent);

    Process& make(Process& of) {
        Process& process = **table.create(of);
        process.state = State::Running;
        process.ignored = 0;
        return process;
    }
    void SetUp() override {
        table.lead_new_session(first);
        for (Process* process : {&parent, &child}) table.move_to_group(*process, process->pid);
        lifecycle.set_reaper(first);
    }
    void end(Process& process, uint32_t status) {
        lifecycle.kill(process, status);
        lifecycle.finish(process);
    }
};

TEST_F(LifecycleTest, EndLeavesAZombieAndTellsTheParent) {
    end(child, 3 << 8);
    EXPECT_EQ(child.state, State::Zombie);
    ASSERT_TRUE(parent.pending.first());
    EXPECT_EQ(parent.pending.first()->number, kChild);
    EXPECT_EQ(parent.pending.first()->code, kCodeExited);
    EXPECT_EQ(parent.pending.first()->status, 3);
    EXPECT_EQ(parent.pending.first()->pid, child.pid);
}

TEST_F(LifecycleTest, NoZombieForAParentThatWantsNone) {
    parent.child_flags = kNoZombies;
    const int32_t pid = child.pid;
    end(child, kKill);
    EXPECT_EQ(table.find(pid), nullptr);
    EXPECT_EQ(parent.pending.first()->code, kCodeKilled);
    EXPECT_TRUE(parent.children.empty());
}

TEST_F(LifecycleTest, OrphansGoToTheReaper) {
    end(parent, 0);
    EXPECT_EQ(child.parent, first.pid);
    EXPECT_TRUE(child.adopted);
    end(child, 0);
    EXPECT_EQ(child.state, State::Zombie);
    EXPECT_EQ(first.pending.first()->pid, parent.pid);  // standard signals pend once
}

TEST_F(LifecycleTest, AdoptedZombiesAreBounded) {
    for (size_t i = 0; i < Lifecycle::kAdoptedZombiesMax + 20; ++i) {
        Process& middle = make(first);
        Process& orphan = make(middle);
        end(middle, 0);
        lifecycle.reap(middle);
        end(orphan, 0);
    }
    EXPECT_EQ(first.children.size(), Lifecycle::kAdoptedZombiesMax + 1);  // and parent, alive
}

TEST_F(LifecycleTest, KillSignalEndsAtOnceAndOthersPend) {
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kHangup}));
    EXPECT_EQ(child.pending.pending(), signal_bit(kHangup));
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kKill}));
    EXPECT_EQ(child.state, State::Ending);
    EXPECT_EQ(child.wait_status, static_cast<uint32_t>(kKill));
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kHangup}));
    EXPECT_EQ(lifecycle.deliver(parent, {.number = 65}).error(), Error::InvalidArgument);
}

TEST_F(LifecycleTest, IgnoredSignalsDoNotPend) {
    child.ignored = signal_bit(kHangup);
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kHangup}));
    EXPECT_TRUE(child.pending.empty());
}

TEST_F(LifecycleTest, StopAndContinueTellTheParentAndCancelEachOther) {
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kStop}));
    EXPECT_EQ(child.state, State::Stopped);
    EXPECT_TRUE(child.stop_unreported);
    EXPECT_EQ(parent.pending.first()->code, kCodeStopped);
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kTerminalStop}));
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kContinue}));
    EXPECT_EQ(child.state, State::Running);
    EXPECT_TRUE(child.continue_unreported);
    EXPECT_EQ(child.pending.pending(), signal_bit(kContinue));
    EXPECT_TRUE(lifecycle.deliver(child, {.number = kTerminalStop}));
    EXPECT_EQ(child.pending.pending(), signal_bit(kTerminalStop));
}

TEST_F(LifecycleTest, NoStopNoticeIfTheParentDeclined) {
    parent.child_flags = kNoStopNotice;
    lifecycle.stop(child, kTerminalStop);
    EXPECT_TRUE(parent.pending.empty());
    EXPECT_TRUE(child.stop_unreported);  // wait still tells it
}

TEST_F(LifecycleTest, StoppedOrphanedGroupGetsHangupAndContinue) {
    lifecycle.stop(child, kTerminalStop);
    table.lead_new_session(first);
    table.remove(first);  // nobody of the session is left to inherit it
    end(parent, 0);
    EXPECT_EQ(child.state, State::Running);
    EXPECT_EQ(child.pending.pending(), signal_bit(kHangup) | signal_bit(kContinue));
}

TEST_F(LifecycleTest, ReapersEndKillsAllAndIsAnnouncedLast) {
    const int32_t parent_pid = parent.pid;
    lifecycle.kill(first, 7 << 8);
    lifecycle.finish(first);
    EXPECT_TRUE(lifecycle.is_ending());
    EXPECT_EQ(parent.state, State::Ending);
    EXPECT_EQ(child.state, State::Ending);
    EXPECT_EQ(first.state, State::Ending);  // not yet to be waited for
    lifecycle.finish(parent);
    EXPECT_EQ(table.find(parent_pid), nullptr);
    EXPECT_EQ(first.state, State::Ending);
    lifecycle.finish(child);
    EXPECT_EQ(first.state, State::Zombie);
    EXPECT_EQ(first.wait_status, 7u << 8);
    EXPECT_EQ(table.list(0, 9), (std::vector<int32_t>{1}));
}

TEST_F(LifecycleTest, LeadersEndTakesTheTerminalFromItsSession) {
    table.lead_new_session(parent);
    Process& member = make(parent);
    table.session_of(member).special_device = 5;
    end(parent, 0);
    EXPECT_EQ(table.session_of(member).special_device, 0u);
}

}  // namespace
}  // namespace portico::process
