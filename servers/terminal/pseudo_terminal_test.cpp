#include "servers/terminal/pseudo_terminal.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "servers/terminal/open_object.h"

namespace portico::terminal {
namespace {

struct Signals final : Signaller {
    std::vector<std::pair<int64_t, int>> sent;
    void signal_group(int64_t group, int signal) override { sent.emplace_back(group, signal); }
};

struct Pair : Signals {
    std::shared_ptr<PseudoTerminal> both = std::make_shared<PseudoTerminal>(*this, 7u, 1'000);

    void type(std::string_view text) { both->terminal().receive({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0); }
    std::string take() {
        const std::string bytes = both->queue().peek(65536);
        both->queue().consume(bytes.size());
        return bytes;
    }
};

TEST(PseudoTerminal, OutputAndEchoGoToTheOuterSide) {
    Pair pair;
    pair.both->terminal().write("$ ");
    pair.type("ls\r");
    EXPECT_EQ(pair.take(), "$ ls\r\n");
    EXPECT_EQ(pair.both->terminal().peek(100).bytes, "ls\n");
    EXPECT_EQ(pair.take(), "");
}

TEST(PseudoTerminal, WhatStopsTheOutputKeepsItInside) {
    Pair pair;
    pair.type("\x13");
    pair.both->terminal().write("late");
    EXPECT_EQ(pair.take(), "");
    pair.type("\x11");
    EXPECT_EQ(pair.take(), "late");
}

TEST(PseudoTerminal, IsLeftOnlyAfterSomebodyHadIt) {
    Pair pair;
    EXPECT_FALSE(pair.both->is_left());
    pair.both->opened();
    pair.both->opened();
    pair.both->closed();
    EXPECT_FALSE(pair.both->is_left());
    pair.both->closed();
    EXPECT_TRUE(pair.both->is_left());
    pair.both->opened();
    EXPECT_FALSE(pair.both->is_left());
}

TEST(PseudoTerminal, LosingTheLineTellsTheLeaderAndKillsWhatIsOpen) {
    Pair pair;
    ASSERT_TRUE(pair.both->terminal().jobs().acquire({.group = 20, .session = 20, .pid = 20}, false));
    ASSERT_TRUE(pair.both->terminal().jobs().set_foreground({.group = 20, .session = 20, .pid = 20}, 30));
    const OpenObject open(kPseudoName, protocols::file::kReadWrite, pair.both);
    EXPECT_FALSE(open.is_dead());
    pair.both->lose_line();
    EXPECT_TRUE(open.is_dead());
    EXPECT_FALSE(pair.both->has_line());
    EXPECT_EQ(pair.sent, (std::vector<std::pair<int64_t, int>>{{20, kSignalHangUp}, {20, kSignalContinue}}));
    EXPECT_EQ(pair.both->terminal().jobs().session(), 0);
}

TEST(PseudoTerminal, TheLeadersEndTellsTheForegroundAndLeavesWhatIsOpen) {
    Pair pair;
    ASSERT_TRUE(pair.both->terminal().jobs().acquire({.group = 20, .session = 20, .pid = 20}, false));
    ASSERT_TRUE(pair.both->terminal().jobs().set_foreground({.group = 20, .session = 20, .pid = 20}, 30));
    pair.both->terminal().write("last words");
    const OpenObject open(kPseudoName, protocols::file::kReadWrite, pair.both);
    pair.both->leader_ended();
    EXPECT_EQ(pair.sent, (std::vector<std::pair<int64_t, int>>{{30, kSignalHangUp}}));
    EXPECT_TRUE(pair.both->has_line());
    EXPECT_EQ(pair.take(), "last words");
    EXPECT_FALSE(open.is_dead());
    EXPECT_EQ(pair.both->terminal().jobs().session(), 0);
}

TEST(PseudoTerminal, ItsAttributesAreThoseOfItsName) {
    Pair pair;
    const protocols::file::Attributes before = pair.both->attributes();
    EXPECT_EQ(before.special_device, protocols::terminal::special_device(136, 7));
    EXPECT_EQ(before.inode, protocols::terminal::kFirstPseudoInode + 7);
    EXPECT_EQ(before.mode, 0020620u);
    pair.both->change({.number = 7, .changes = static_cast<uint32_t>(protocols::file::Change::Mode), .mode = 0600}, 5'000);
    EXPECT_EQ(pair.both->attributes().mode, 0020600u);
    EXPECT_EQ(pair.both->attributes().change_ns, 5'000);
}

}  // namespace
}  // namespace portico::terminal
