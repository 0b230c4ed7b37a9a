#include "servers/process/timers.h"

#include <gtest/gtest.h>

#include "abi/message.h"
#include "servers/process/signal_numbers.h"

namespace portico::process {
namespace {

struct Expired {
    int32_t id;
    uint64_t count;
    bool operator==(const Expired&) const = default;
};

std::vector<Expired> expire(Timers& timers, uint64_t now_ns, uint64_t cpu_ns = 0) {
    std::vector<Expired> all;
    timers.expire({.now_ns = now_ns, .cpu_ns = cpu_ns}, [&](int32_t id, Timer&, uint64_t count) { all.push_back({id, count}); });
    return all;
}

TEST(Timers, OnceAndByIntervals) {
    Timers timers;
    const int32_t once = *timers.create({.signal = kAlarm, .deadline_ns = 100});
    const int32_t again = *timers.create({.signal = kAlarm, .deadline_ns = 100, .interval_ns = 50});
    EXPECT_NE(once, again);
    EXPECT_TRUE(expire(timers, 99).empty());
    EXPECT_EQ(expire(timers, 100), (std::vector<Expired>{{once, 1}, {again, 1}}));
    EXPECT_TRUE(expire(timers, 149).empty());
    EXPECT_EQ(expire(timers, 260), (std::vector<Expired>{{again, 3}}));
    EXPECT_EQ(timers.find(again)->deadline_ns, 300u);
    EXPECT_EQ(timers.find(once)->deadline_ns, 0u);
    EXPECT_TRUE(timers.remove(again));
    EXPECT_FALSE(timers.remove(again));
    EXPECT_TRUE(expire(timers, 10'000).empty());
}

TEST(Timers, ThoseOfSetitimerAreAlwaysThere) {
    Timers timers;
    EXPECT_EQ(timers.find(Timers::kReal)->signal, kAlarm);
    EXPECT_TRUE(timers.find(Timers::kVirtual)->cpu_time);
    EXPECT_EQ(timers.find(Timers::kProfiling)->signal, kProfilingAlarm);
    EXPECT_EQ(timers.find(0), nullptr);
    EXPECT_FALSE(timers.remove(Timers::kReal));
    const int32_t id = *timers.create({});
    timers.remove_created();
    EXPECT_EQ(timers.find(id), nullptr);
    EXPECT_NE(timers.find(Timers::kReal), nullptr);
}

TEST(Timers, CpuTimeIsLookedAtWhenItCouldHavePassed) {
    Timers timers;
    EXPECT_EQ(timers.next_look_ns({}, 1), abi::kForever);
    timers.find(Timers::kVirtual)->deadline_ns = 50'000'000;
    EXPECT_TRUE(timers.uses_cpu_time());
    const Clocks clocks{.now_ns = 1'000'000'000, .cpu_ns = 10'000'000};
    EXPECT_EQ(timers.next_look_ns(clocks, 1), 1'040'000'000u);
    EXPECT_EQ(timers.next_look_ns(clocks, 4), 1'010'000'000u);
    timers.find(Timers::kReal)->deadline_ns = 1'000'000'005;
    EXPECT_EQ(timers.next_look_ns(clocks, 4), 1'000'000'005u);
    EXPECT_TRUE(expire(timers, 1'000'000'000, 49'999'999).empty());
    EXPECT_EQ(expire(timers, 1'000'000'000, 50'000'000), (std::vector<Expired>{{Timers::kVirtual, 1}}));
}

TEST(Timers, TooMany) {
    Timers timers;
    for (size_t i = 0; i < Timers::kTimersMax; ++i) ASSERT_TRUE(timers.create({}));
    EXPECT_EQ(timers.create({}).error(), Error::WouldBlock);
    ASSERT_TRUE(timers.remove(7));
    EXPECT_TRUE(timers.create({}));
}

TEST(Timers, WhatIsLeft) {
    Timer timer{.deadline_ns = 500, .interval_ns = 100};
    EXPECT_EQ(Timers::state(timer, {.now_ns = 200}).left_ns, 300u);
    EXPECT_EQ(Timers::state(timer, {.now_ns = 600}).left_ns, 1u) << "it is due, but still armed";
    timer.deadline_ns = 0;
    EXPECT_EQ(Timers::state(timer, {.now_ns = 600}).left_ns, 0u);
}

}  // namespace
}  // namespace portico::process
