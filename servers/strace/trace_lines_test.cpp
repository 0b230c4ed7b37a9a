#include "servers/strace/trace_lines.h"

#include <gtest/gtest.h>

namespace portico::strace {
namespace {

constexpr Speaker kAlone{.tid = 1, .is_alone = true}, kFirst{.tid = 1, .is_alone = false}, kSecond{.tid = 123456, .is_alone = false};

TEST(TraceLines, ACallIsALine) {
    TraceLines lines;
    lines.begin_call(kAlone, "close(3");
    EXPECT_EQ(lines.take(), "close(3") << "as soon as it is made";
    lines.end_call(kAlone, "close", ")", "0");
    EXPECT_EQ(lines.take(), ")                                = 0\n");
    lines.begin_call(kAlone, "write(1, \"0123456789012345678901234567890\"");
    lines.end_call(kAlone, "write", ", 31)", "31");
    EXPECT_EQ(lines.take(), "write(1, \"0123456789012345678901234567890\", 31) = 31\n");
    EXPECT_TRUE(lines.empty());
}

TEST(TraceLines, OthersInterruptIt) {
    TraceLines lines;
    lines.begin_call(kFirst, "read(3, ");
    lines.begin_call(kSecond, "getpid(");
    lines.end_call(kSecond, "getpid", ")", "123456");
    lines.end_call(kFirst, "read", "\"abc\", 10)", "3");
    EXPECT_EQ(lines.take(),
              "[pid     1] read(3,  <unfinished ...>\n"
              "[pid 123456] getpid()                   = 123456\n"
              "[pid     1] <... read resumed>\"abc\", 10) = 3\n");
}

TEST(TraceLines, RemarksAreLinesOfTheirOwn) {
    TraceLines lines;
    lines.begin_call(kAlone, "wait4(-1, ");
    lines.say("strace: Process 2 attached");
    lines.say(kSecond, "+++ exited with 0 +++");
    lines.end_call(kAlone, "wait4", "NULL)", "2");
    lines.say(kAlone, "+++ killed by SIGKILL +++");
    EXPECT_EQ(lines.take(),
              "wait4(-1,  <unfinished ...>\n"
              "strace: Process 2 attached\n"
              "[pid 123456] +++ exited with 0 +++\n"
              "<... wait4 resumed>NULL)                = 2\n"
              "+++ killed by SIGKILL +++\n");
}

TEST(TraceLines, WhatWasTakenStillCounts) {
    TraceLines lines;
    lines.begin_call(kFirst, "pause(");
    (void)lines.take();
    lines.say(kSecond, "x");
    EXPECT_EQ(lines.take(), " <unfinished ...>\n[pid 123456] x\n");
}

}  // namespace
}  // namespace portico::strace
