#include "servers/terminal/host_terminal.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace portico::terminal {
namespace {

using enum ReadDecision::What;

struct Screen : Signaller {
    OutputQueue output{Framing::Plain};
    HostOutput host{output};
    Terminal terminal{host, *this, WindowSize{.rows = 24, .columns = 80}};
    std::vector<std::pair<int64_t, int>> signals;

    void signal_group(int64_t group, int signal) override { signals.emplace_back(group, signal); }
    void type(std::string_view text) { terminal.receive({reinterpret_cast<const uint8_t*>(text.data()), text.size()}, 0); }
    std::string shown() {
        std::string all;
        while (!output.empty()) all += output.next_chunk();
        return all;
    }
    std::string read(size_t length = 65536) {
        const auto peeked = terminal.peek(length);
        terminal.commit(peeked.cells);
        return peeked.bytes;
    }
    ReadDecision::What plan(bool ended = false, bool non_blocking = false) {
        return terminal.plan({.length_bytes = 100, .non_blocking = non_blocking, .started_ns = 0}, ended, 0).what;
    }
    void control_by(int64_t session) {
        ASSERT_TRUE(terminal.jobs().acquire({.group = session, .session = session, .pid = session}, false));
    }
};

TEST(Terminal, EchoAndOutputKeepTheirOrder) {
    Screen s;
    s.terminal.write("$ ");
    s.type("ls\r");
    s.terminal.write("file\n");
    EXPECT_EQ(s.shown(), "$ ls\r\nfile\r\n");
    EXPECT_EQ(s.read(), "ls\n");
}

TEST(Terminal, SignalsGoToTheForegroundOnly) {
    Screen s;
    s.type("\x03");
    EXPECT_TRUE(s.signals.empty());
    s.control_by(7);
    s.type("\x03");
    ASSERT_EQ(s.signals.size(), 1u);
    EXPECT_EQ(s.signals[0], std::make_pair(int64_t{7}, kSignalInterrupt));
    s.terminal.resize({.rows = 24, .columns = 80});
    EXPECT_EQ(s.signals.size(), 1u);
    s.terminal.resize({.rows = 30, .columns = 80});
    EXPECT_EQ(s.signals[1].second, kSignalWindowChanged);
}

TEST(Terminal, TheInterruptKeyDropsPendingOutput) {
    Screen s;
    s.terminal.write("much output");
    s.type("\x03");
    EXPECT_EQ(s.shown(), "^C");
}

TEST(Terminal, StoppedOutputIsKeptAndGoesOnInOrder) {
    Screen s;
    s.terminal.write("one ");
    s.type("\x13");
    EXPECT_TRUE(s.output.empty());
    EXPECT_FALSE(s.terminal.has_output_room());
    s.terminal.write("two ");
    s.type("typed");
    EXPECT_EQ(s.terminal.pending_output_bytes(), 13u);
    EXPECT_EQ(s.shown(), "");
    s.type("\x11");
    EXPECT_EQ(s.shown(), "one two typed");
    EXPECT_TRUE(s.terminal.has_output_room());
    s.terminal.stop_output();
    s.terminal.write("x");
    s.type("\x11");
    EXPECT_EQ(s.shown(), "");  // a key does not undo tcflow(TCOOFF)
    s.terminal.restart_output();
    EXPECT_EQ(s.shown(), "x");
}

TEST(Terminal, EchoWhileStoppedIsBounded) {
    Screen s;
    s.type("\x13");
    for (int i = 0; i < 100'000; ++i) {
        s.type("x\n");
        s.read();
    }
    EXPECT_LE(s.terminal.pending_output_bytes(), Terminal::kEchoBytesMax + 64);
}

TEST(Terminal, TypingAheadIsKeptUntilThereIsRoom) {
    Screen s;
    std::string expected;
    for (int i = 0; i < 2000; ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        expected += line;
        s.type(line);
    }
    std::string all;
    while (s.plan() == Take) all += s.read();
    EXPECT_EQ(all, expected);
}

TEST(Terminal, TypingFarAheadIsDroppedButInterrupts) {
    Screen s;
    s.control_by(7);
    s.type("x\n");
    s.type(std::string(200'000, 'x'));
    s.type("\x03");
    ASSERT_EQ(s.signals.size(), 1u);
    EXPECT_EQ(s.plan(), Wait);
    s.type("ok\n");
    EXPECT_EQ(s.read(), "ok\n");
}

TEST(Terminal, ReadsWaitForLinesOrTheEnd) {
    Screen s;
    EXPECT_EQ(s.plan(), Wait);
    EXPECT_EQ(s.plan(false, true), WouldBlock);
    s.type("par");
    EXPECT_EQ(s.plan(), Wait);
    EXPECT_FALSE(s.terminal.poll_readable(false));
    s.terminal.end_input();
    EXPECT_EQ(s.plan(true), Take);
    EXPECT_EQ(s.read(), "par");
    EXPECT_EQ(s.plan(true), Take);
    EXPECT_EQ(s.read(), "");
    EXPECT_TRUE(s.terminal.poll_readable(true));
}

TEST(Terminal, RawPollWaitsForTheMinimum) {
    Screen s;
    Termios raw = s.terminal.settings();
    raw.local = 0;
    raw.characters[static_cast<int>(Special::Minimum)] = 3;
    s.terminal.set(raw);
    s.type("ab");
    EXPECT_FALSE(s.terminal.poll_readable(false));
    EXPECT_EQ(s.plan(), Wait);
    s.type("c");
    EXPECT_TRUE(s.terminal.poll_readable(false));
    EXPECT_EQ(s.plan(), Take);
}

TEST(Terminal, FlushesAndSpecials) {
    Screen s;
    s.type("abc\n");
    s.terminal.flush_input();
    EXPECT_EQ(s.plan(), Wait);
    s.shown();
    s.terminal.write("gone");
    s.terminal.flush_output();
    s.terminal.send_special(Special::Stop);
    EXPECT_EQ(s.shown(), "\x13");
}

TEST(Terminal, NewSettingsKeepTypedInputAndLetStoppedOutputGo) {
    Screen s;
    s.type("\x13");
    s.terminal.write("held");
    Termios raw = s.terminal.settings();
    raw.input = 0;
    raw.local = 0;
    s.terminal.set(raw);
    EXPECT_EQ(s.shown(), "held");
    EXPECT_EQ(s.terminal.settings(), raw);
}

}  // namespace
}  // namespace portico::terminal
