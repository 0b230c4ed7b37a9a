#include "servers/process/signal_queue.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

TEST(SignalQueue, StandardSignalPendsOnceAndKeepsTheFirstInfo) {
    SignalQueue queue;
    EXPECT_TRUE(queue.add({.number = kChild, .pid = 5}));
    EXPECT_TRUE(queue.add({.number = kChild, .pid = 6}));
    ASSERT_TRUE(queue.first());
    EXPECT_EQ(queue.first()->pid, 5);
    queue.remove_first(kChild);
    EXPECT_TRUE(queue.empty());
    EXPECT_FALSE(queue.first());
}

TEST(SignalQueue, LowestNumberFirstAndRealTimeInOrder) {
    SignalQueue queue;
    EXPECT_TRUE(queue.add({.number = 40, .value = 1}));
    EXPECT_TRUE(queue.add({.number = 34, .value = 2}));
    EXPECT_TRUE(queue.add({.number = 34, .value = 3}));
    EXPECT_TRUE(queue.add({.number = kAlarm}));
    EXPECT_EQ(queue.pending(), signal_bit(40) | signal_bit(34) | signal_bit(kAlarm));
    EXPECT_EQ(queue.first()->number, kAlarm);
    queue.remove_first(kAlarm);
    EXPECT_EQ(queue.first()->value, 2u);
    EXPECT_EQ(queue.first()->value, 2u);  // looking takes nothing
    queue.remove_first(34);
    EXPECT_EQ(queue.first()->value, 3u);
    queue.remove_first(34);
    EXPECT_EQ(queue.first()->number, 40);
}

TEST(SignalQueue, RealTimeQueueIsBounded) {
    SignalQueue queue;
    for (size_t i = 0; i < SignalQueue::kRealTimeQueuedMax; ++i) EXPECT_TRUE(queue.add({.number = 64}));
    EXPECT_EQ(queue.add({.number = 63}).error(), Error::WouldBlock);
    EXPECT_TRUE(queue.add({.number = kHangup}));
}

TEST(SignalQueue, DiscardDropsASet) {
    SignalQueue queue;
    for (const int number : {kTerminalStop, kContinue, 33, 34}) EXPECT_TRUE(queue.add({.number = number}));
    queue.discard(kStopSignals | signal_bit(33));
    EXPECT_EQ(queue.pending(), signal_bit(kContinue) | signal_bit(34));
}

TEST(SignalQueue, RefusesNumbersThatAreNone) {
    SignalQueue queue;
    EXPECT_EQ(queue.add({.number = 0}).error(), Error::InvalidArgument);
    EXPECT_EQ(queue.add({.number = 65}).error(), Error::InvalidArgument);
    EXPECT_EQ(queue.add({.number = -1}).error(), Error::InvalidArgument);
    queue.remove_first(-1);
    EXPECT_TRUE(queue.empty());
}

}  // namespace
}  // namespace portico::process
