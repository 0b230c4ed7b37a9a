#include "servers/pipe/events.h"

#include <gtest/gtest.h>

namespace portico::pipe_server {
namespace {

TEST(Expirations, Once) {
    Expirations timer;
    EXPECT_EQ(timer.count(1000), 0u);
    timer.set(500, 0);
    EXPECT_EQ(timer.count(499), 0u);
    EXPECT_EQ(timer.count(500), 1u);
    EXPECT_EQ(timer.count(5000), 1u);
    EXPECT_EQ(timer.state(200).left_ns, 300u);
    EXPECT_EQ(timer.state(600).left_ns, 0u);
    timer.take(1);
    EXPECT_EQ(timer.count(5000), 0u);
}

TEST(Expirations, IntervalsAreCountedFromTheFirstDeadline) {
    Expirations timer;
    timer.set(500, 100);
    EXPECT_EQ(timer.count(500), 1u);
    EXPECT_EQ(timer.count(799), 3u);
    EXPECT_EQ(timer.state(799).left_ns, 1u);
    EXPECT_EQ(timer.state(799).interval_ns, 100u);
    timer.take(3);
    EXPECT_EQ(timer.count(799), 0u);
    EXPECT_EQ(timer.count(800), 1u);
    timer.set(0, 100);
    EXPECT_EQ(timer.count(~uint64_t{0}), 0u);
    EXPECT_EQ(timer.state(0).interval_ns, 0u) << "stopped, it has none";
}

TEST(Counter, Readiness) {
    EXPECT_EQ(Counter(0, false, 0).events(), kPollOut);
    EXPECT_EQ(Counter(1, false, 0).events(), kPollIn | kPollOut);
    EXPECT_EQ(Counter(Counter::kCountMax, true, 0).events(), kPollIn);
}

TEST(SignalSet, IsReadyIfASignalOfItPends) {
    SignalSet set(0b0110, 0);
    EXPECT_EQ(set.events(), 0u);
    set.set_pending(0b1001);
    EXPECT_EQ(set.events(), 0u);
    set.set_pending(0b0010);
    EXPECT_EQ(set.events(), kPollIn);
    set.set_signals(0b0100);
    EXPECT_EQ(set.events(), 0u);
}

}  // namespace
}  // namespace portico::pipe_server
