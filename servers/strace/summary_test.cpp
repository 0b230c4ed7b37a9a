#include "servers/strace/summary.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

namespace portico::strace {
namespace {

TEST(Summary, TheLongestComesFirst) {
    Summary summary;
    summary.count(SYS_close, 1'000'000, false);
    summary.count(SYS_open, 2'000'000, true);
    summary.count(SYS_open, 1'000'000, false);
    EXPECT_EQ(summary.table(),
              "% time     seconds  usecs/call     calls    errors syscall\n"
              "------ ----------- ----------- --------- --------- ----------------\n"
              " 75.00    0.003000        1500         2         1 open\n"
              " 25.00    0.001000        1000         1           close\n"
              "------ ----------- ----------- --------- --------- ----------------\n"
              "100.00    0.004000        1333         3         1 total\n");
}

TEST(Summary, NothingHappened) {
    EXPECT_NE(Summary().table().find("100.00    0.000000           0         0           total"), std::string::npos);
}

}  // namespace
}  // namespace portico::strace
