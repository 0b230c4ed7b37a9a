#include "servers/terminal/job_control.h"

#include <gtest/gtest.h>

namespace portico::terminal {
namespace {

constexpr JobControl::Caller kLeader{.group = 10, .session = 10, .pid = 10};
constexpr JobControl::Caller kMember{.group = 11, .session = 10, .pid = 12};
constexpr JobControl::Caller kStranger{.group = 20, .session = 20, .pid = 20};

TEST(JobControl, NobodyIsInTheBackgroundOfAFreeTerminal) {
    JobControl jobs;
    EXPECT_FALSE(jobs.is_background(5, 10));
    ASSERT_TRUE(jobs.acquire(kLeader, false));
    EXPECT_TRUE(jobs.is_background(5, 10));
    EXPECT_FALSE(jobs.is_background(5, 11));  // to another session it is no terminal of its own
    EXPECT_FALSE(jobs.is_background(10, 10));
    EXPECT_FALSE(jobs.is_background(0, 10));
}

TEST(JobControl, OnlyLeadersTakeAndOnlyFreeTerminalsUnlessStolen) {
    JobControl jobs;
    EXPECT_EQ(jobs.acquire(kMember, false).error(), Error::AccessDenied);
    ASSERT_TRUE(jobs.acquire(kLeader, false));
    ASSERT_TRUE(jobs.acquire(kLeader, false));
    EXPECT_EQ(jobs.acquire(kStranger, false).error(), Error::AccessDenied);
    ASSERT_TRUE(jobs.acquire(kStranger, true));
    EXPECT_EQ(jobs.session(), 20);
    EXPECT_EQ(jobs.foreground(), 20);
}

TEST(JobControl, ForegroundIsForTheSessionToChoose) {
    JobControl jobs;
    EXPECT_EQ(jobs.set_foreground(kLeader, 11).error(), Error::NotTerminal);
    ASSERT_TRUE(jobs.acquire(kLeader, false));
    ASSERT_TRUE(jobs.set_foreground(kMember, 11));
    EXPECT_EQ(jobs.foreground(), 11);
    EXPECT_EQ(jobs.set_foreground(kStranger, 20).error(), Error::NotTerminal);
    EXPECT_EQ(jobs.set_foreground(kLeader, 0).error(), Error::InvalidArgument);
}

TEST(JobControl, OpeningTakesAFreeTerminalForALeader) {
    JobControl jobs;
    jobs.acquire_if_free(10, 11);
    EXPECT_EQ(jobs.session(), 0);
    jobs.acquire_if_free(10, 10);
    EXPECT_EQ(jobs.session(), 10);
    jobs.acquire_if_free(20, 20);
    EXPECT_EQ(jobs.session(), 10);
}

TEST(JobControl, TheLeaderGivesItUp) {
    JobControl jobs;
    ASSERT_TRUE(jobs.acquire(kLeader, false));
    EXPECT_EQ(jobs.release(kStranger).error(), Error::NotTerminal);
    EXPECT_FALSE(*jobs.release(kMember));
    EXPECT_EQ(jobs.session(), 10);
    EXPECT_TRUE(*jobs.release(kLeader));
    EXPECT_EQ(jobs.session(), 0);
    EXPECT_FALSE(jobs.is_background(5, 10));
}

}  // namespace
}  // namespace portico::terminal
