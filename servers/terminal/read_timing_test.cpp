#include "servers/terminal/read_timing.h"

#include <gtest/gtest.h>

namespace portico::terminal {
namespace {

using enum ReadDecision::What;
constexpr uint64_t kTenth = 100'000'000;

TEST(ReadTiming, MinimumWithoutTimeWaitsForAllOrForAFullRead) {
    RawRead read{.available_bytes = 2,
                 .wanted_bytes = 10,
                 .minimum = 3,
                 .time_tenths = 0,
                 .non_blocking = false,
                 .started_ns = 0,
                 .last_input_ns = 0};
    EXPECT_EQ(decide(read, kTenth * 1000).what, Wait);
    EXPECT_EQ(decide(read, kTenth * 1000).deadline_ns, abi::kForever);
    read.available_bytes = 3;
    EXPECT_EQ(decide(read, 0).what, Take);
    read.available_bytes = 2;
    read.wanted_bytes = 2;
    EXPECT_EQ(decide(read, 0).what, Take);
}

TEST(ReadTiming, NeitherTakesWhatThereIs) {
    const RawRead read{.available_bytes = 0,
                       .wanted_bytes = 10,
                       .minimum = 0,
                       .time_tenths = 0,
                       .non_blocking = true,
                       .started_ns = 0,
                       .last_input_ns = 0};
    EXPECT_EQ(decide(read, 0).what, Take);
}

TEST(ReadTiming, TimeWithoutMinimumRunsFromTheStart) {
    RawRead read{.available_bytes = 0,
                 .wanted_bytes = 10,
                 .minimum = 0,
                 .time_tenths = 5,
                 .non_blocking = false,
                 .started_ns = 1000,
                 .last_input_ns = 900};
    const ReadDecision decision = decide(read, 2000);
    EXPECT_EQ(decision.what, Wait);
    EXPECT_EQ(decision.deadline_ns, 1000 + 5 * kTenth);
    EXPECT_EQ(decide(read, decision.deadline_ns).what, Take);
    read.available_bytes = 1;
    EXPECT_EQ(decide(read, 2000).what, Take);
}

TEST(ReadTiming, BothTimeTheGapsBetweenBytes) {
    RawRead read{.available_bytes = 0,
                 .wanted_bytes = 10,
                 .minimum = 3,
                 .time_tenths = 2,
                 .non_blocking = false,
                 .started_ns = 1000,
                 .last_input_ns = 0};
    EXPECT_EQ(decide(read, 100 * kTenth).deadline_ns, abi::kForever);
    read.available_bytes = 1;
    EXPECT_EQ(decide(read, 1000).deadline_ns, 1000 + 2 * kTenth);  // was there before
    read.last_input_ns = 5000;
    EXPECT_EQ(decide(read, 5000).deadline_ns, 5000 + 2 * kTenth);
    EXPECT_EQ(decide(read, 5000 + 2 * kTenth).what, Take);
    read.available_bytes = 3;
    EXPECT_EQ(decide(read, 5000).what, Take);
}

TEST(ReadTiming, NonBlockingNeverWaits) {
    RawRead read{.available_bytes = 0,
                 .wanted_bytes = 10,
                 .minimum = 1,
                 .time_tenths = 0,
                 .non_blocking = true,
                 .started_ns = 0,
                 .last_input_ns = 0};
    EXPECT_EQ(decide(read, 0).what, WouldBlock);
    read.time_tenths = 3;
    EXPECT_EQ(decide(read, 0).what, WouldBlock);
    read.minimum = 5;
    read.available_bytes = 2;
    EXPECT_EQ(decide(read, 0).what, Take);
}

}  // namespace
}  // namespace portico::terminal
