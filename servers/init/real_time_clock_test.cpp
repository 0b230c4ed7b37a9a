#include "servers/init/real_time_clock.h"

#include <gtest/gtest.h>

namespace portico::init {
namespace {

constexpr int64_t kExpected = 1'709'210'096;  // 2024-02-29 12:34:56

TEST(RealTimeClock, CountsInBinaryAndInDecimal) {
    EXPECT_EQ(seconds_of({.second = 56, .minute = 34, .hour = 12, .day = 29, .month = 2, .year = 24, .status_b = 6}), kExpected);
    EXPECT_EQ(seconds_of({.second = 0x56, .minute = 0x34, .hour = 0x12, .day = 0x29, .month = 2, .year = 0x24, .status_b = 2}), kExpected);
}

TEST(RealTimeClock, TwelveHourClock) {
    ClockRegisters registers{.second = 0x56, .minute = 0x34, .hour = 0x92, .day = 0x29, .month = 2, .year = 0x24, .status_b = 0};
    EXPECT_EQ(seconds_of(registers), kExpected);  // twelve in the afternoon is noon
    registers.hour = 0x12;
    EXPECT_EQ(seconds_of(registers), kExpected - 12 * 3600);
    registers.hour = 0x81;
    EXPECT_EQ(seconds_of(registers), kExpected + 3600);
}

TEST(RealTimeClock, LastCentury) {
    EXPECT_EQ(seconds_of({.day = 1, .month = 1, .year = 0x70, .status_b = 2}), 0);
    EXPECT_EQ(seconds_of({.second = 0x59, .minute = 0x59, .hour = 0x23, .day = 0x31, .month = 0x12, .year = 0x99, .status_b = 2}),
              946'684'799);
}

TEST(RealTimeClock, RefusesWhatIsNoDate) {
    EXPECT_FALSE(seconds_of({.day = 0x30, .month = 2, .year = 0x24, .status_b = 2}));
    EXPECT_FALSE(seconds_of({.day = 1, .month = 0x13, .year = 0x24, .status_b = 2}));
    EXPECT_FALSE(seconds_of({.hour = 0x24, .day = 1, .month = 1, .status_b = 2}));
    EXPECT_FALSE(seconds_of({.hour = 0, .day = 1, .month = 1, .status_b = 0}));
    EXPECT_FALSE(seconds_of({.second = 0xFF, .minute = 0xFF, .hour = 0xFF, .day = 0xFF, .month = 0xFF, .year = 0xFF, .status_b = 0xFF}));
}

}  // namespace
}  // namespace portico::init
