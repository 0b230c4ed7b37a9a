#include "servers/terminal/line_discipline.h"

#include <gtest/gtest.h>

namespace portico::terminal {
namespace {

using namespace local_flag;

struct Typed {
    Termios settings;
    OutputFilter filter{settings};
    LineDiscipline discipline{settings, filter};
    LineDiscipline::Outcome outcome;

    /// Types and tells the echo.
    std::string type(std::string_view bytes) {
        outcome = {};
        for (const char c : bytes) discipline.receive(static_cast<uint8_t>(c), outcome);
        return outcome.echo;
    }
    std::string read(size_t length_max = 4096) {
        const auto peeked = discipline.peek(length_max);
        discipline.commit(peeked.cells);
        return peeked.bytes;
    }
    void set(uint32_t local) {
        const Termios before = settings;
        settings.local = local;
        discipline.settings_changed(before);
    }
};

TEST(LineDiscipline, ALineIsReadWhenItIsComplete) {
    Typed t;
    EXPECT_EQ(t.type("hello"), "hello");
    EXPECT_FALSE(t.discipline.readable());
    EXPECT_EQ(t.type("\r"), "\r\n");
    EXPECT_TRUE(t.discipline.readable());
    EXPECT_EQ(t.read(), "hello\n");
    EXPECT_FALSE(t.discipline.readable());
}

TEST(LineDiscipline, OneReadOneLineAndRefusedRepliesLoseNothing) {
    Typed t;
    t.type("ab\ncd\n");
    EXPECT_EQ(t.discipline.peek(100).bytes, "ab\n");
    EXPECT_EQ(t.discipline.peek(100).bytes, "ab\n");
    EXPECT_EQ(t.read(1), "a");
    EXPECT_EQ(t.read(), "b\n");
    EXPECT_EQ(t.discipline.readable_bytes(), 3u);
    EXPECT_EQ(t.read(), "cd\n");
}

TEST(LineDiscipline, EndOfFileEndsALineWithoutAByte) {
    Typed t;
    EXPECT_EQ(t.type("ab\4"), "ab");
    EXPECT_EQ(t.discipline.readable_bytes(), 2u);
    EXPECT_EQ(t.read(), "ab");
    EXPECT_FALSE(t.discipline.readable());
    t.type("\4");
    EXPECT_TRUE(t.discipline.readable());
    EXPECT_EQ(t.read(), "");
    EXPECT_FALSE(t.discipline.readable());
    t.type("abc\4x\n");
    EXPECT_EQ(t.read(3), "abc");  // exactly full: the mark goes with it, the next read is no end
    EXPECT_EQ(t.read(), "x\n");
}

TEST(LineDiscipline, EraseKillAndWordErase) {
    Typed t;
    EXPECT_EQ(t.type("ab\x7F"), "ab\b \b");
    EXPECT_EQ(t.type("\x7F\x7F"), "\b \b");
    t.type("one two  ");
    EXPECT_EQ(t.type("\x17"), "\b \b\b \b\b \b\b \b\b \b");
    t.type("\n");
    EXPECT_EQ(t.read(), "one \n");
    t.type("xyz");
    EXPECT_EQ(t.type("\x15"), "\b \b\b \b\b \b");
    t.type("\n");
    EXPECT_EQ(t.read(), "\n");
}

TEST(LineDiscipline, EraseWithoutVisualErase) {
    Typed t;
    t.set(kCanonical | kEcho | kEchoKill | kEchoControl);
    EXPECT_EQ(t.type("ab\x7F"), "ab^?");
    EXPECT_EQ(t.type("\x15"), "^U\r\n");
    t.type("\n");
    EXPECT_EQ(t.read(), "\n");
    t.set(kCanonical);
    EXPECT_EQ(t.type("ab\x7F"
                     "c\x15"
                     "d\n"),
              "");
    EXPECT_EQ(t.read(), "d\n");
}

TEST(LineDiscipline, ErasesControlsTabsAndUtf8AsShown) {
    Typed t;
    EXPECT_EQ(t.type("\x01"), "^A");
    EXPECT_EQ(t.type("\x7F"), "\b \b\b \b");
    t.type("abc\t");
    EXPECT_EQ(t.type("\x7F"), "\b\b\b\b\b");
    EXPECT_EQ(t.filter.column(), 3u);
    t.type("\x15");
    t.settings.input |= input_flag::kUtf8;
    t.type("a\xC3\xA4\xE2\x82\xAC");
    EXPECT_EQ(t.type("\x7F"), "\b \b");
    EXPECT_EQ(t.type("\x7F"), "\b \b");
    t.type("\n");
    EXPECT_EQ(t.read(), "a\n");
}

TEST(LineDiscipline, TheFirstTabIsErasedToThePrompt) {
    Typed t;
    std::string out;
    t.filter.put("$ ", out);
    t.type("\t");
    EXPECT_EQ(t.filter.column(), 8u);
    EXPECT_EQ(t.type("\x7F"), "\b\b\b\b\b\b");
    EXPECT_EQ(t.filter.column(), 2u);
}

TEST(LineDiscipline, LiteralNextAndReprint) {
    Typed t;
    EXPECT_EQ(t.type("\x16"), "^\b");
    EXPECT_EQ(t.type("\x03"), "^C");
    EXPECT_TRUE(t.outcome.signals.empty());
    EXPECT_EQ(t.type("b\x12"), "b^R\r\n^Cb");
    t.type("\n");
    EXPECT_EQ(t.read(),
              "\x03"
              "b\n");
}

TEST(LineDiscipline, SignalsFlushAndAreShown) {
    Typed t;
    EXPECT_EQ(t.type("abc\x03"), "^C");
    EXPECT_EQ(t.outcome.signals, std::vector<int>{kSignalInterrupt});
    EXPECT_TRUE(t.outcome.flush_output);
    t.type("x\n");
    EXPECT_EQ(t.read(), "x\n");
    EXPECT_EQ(t.type("\x1C\x1A"), "^Z");
    EXPECT_EQ(t.outcome.signals, (std::vector<int>{kSignalQuit, kSignalSuspend}));
}

TEST(LineDiscipline, NoFlushKeepsTheLine) {
    Typed t;
    t.set(t.settings.local | kNoFlush);
    EXPECT_EQ(t.type("abc\x03"), "abc^C");
    EXPECT_FALSE(t.outcome.flush_output);
    t.type("\n");
    EXPECT_EQ(t.read(), "abc\n");
}

TEST(LineDiscipline, WithoutSignalsTheyAreBytes) {
    Typed t;
    t.set(t.settings.local & ~kSignals);
    t.type("\x03\n");
    EXPECT_TRUE(t.outcome.signals.empty());
    EXPECT_EQ(t.read(), "\x03\n");
}

TEST(LineDiscipline, ADisabledCharacterMatchesNothing) {
    Typed t;
    t.settings.characters[static_cast<int>(Special::EndOfFile)] = 0;
    t.type(std::string_view("\0\4\n", 3));
    EXPECT_EQ(t.read(), std::string_view("\0\4\n", 3));
}

TEST(LineDiscipline, MapsReturnsAndNewlines) {
    Typed t;
    t.settings.input = input_flag::kIgnoreReturn | input_flag::kReturnToNewline;
    t.type("a\rb\n");
    EXPECT_EQ(t.read(), "ab\n");
    t.settings.input = input_flag::kNewlineToReturn;
    t.set(0);
    t.type("a\n");
    EXPECT_EQ(t.read(), "a\r");
    t.settings.input = input_flag::kStrip;
    t.type("\xE1");
    EXPECT_EQ(t.read(), "a");
}

TEST(LineDiscipline, FlowControl) {
    Typed t;
    t.type("\x13");
    EXPECT_TRUE(t.discipline.stopped());
    t.type("a");
    EXPECT_TRUE(t.discipline.stopped());
    t.type("\x11");
    EXPECT_FALSE(t.discipline.stopped());
    t.settings.input |= input_flag::kAnyRestarts;
    t.type("\x13");
    t.type("a");
    EXPECT_FALSE(t.discipline.stopped());
    t.type("\x13\x03");
    EXPECT_FALSE(t.discipline.stopped());
    t.type("\x13");
    const Termios before = t.settings;
    t.settings.input &= ~input_flag::kFlowControl;
    t.discipline.settings_changed(before);
    EXPECT_FALSE(t.discipline.stopped());
    t.type("\x13\n");
    EXPECT_EQ(t.read(), "\x13\n");
}

TEST(LineDiscipline, RawBytesAreReadAtOnce) {
    Typed t;
    t.set(0);
    EXPECT_EQ(t.type("a\x7F\4"), "");
    EXPECT_EQ(t.discipline.readable_bytes(), 3u);
    EXPECT_EQ(t.read(2), "a\x7F");
    EXPECT_EQ(t.read(), "\4");
}

TEST(LineDiscipline, SwitchingModesKeepsWhatWasTyped) {
    Typed t;
    t.type("line\n\4part");
    t.set(0);
    EXPECT_EQ(t.discipline.readable_bytes(), 9u);
    t.set(kCanonical);
    EXPECT_TRUE(t.discipline.readable());
    t.type("next\n");
    EXPECT_EQ(t.read(), "line\npart");
    EXPECT_EQ(t.read(), "next\n");
}

TEST(LineDiscipline, ATooLongLineKeepsItsEnd) {
    Typed t;
    t.settings.input |= input_flag::kBellWhenFull;
    t.type(std::string(4095, 'x'));
    EXPECT_TRUE(t.discipline.can_receive());
    EXPECT_EQ(t.type("yz"), "\a\a");
    t.type("\n");
    EXPECT_FALSE(t.discipline.can_receive());
    EXPECT_EQ(t.read(5000), std::string(4095, 'x') + "\n");
    EXPECT_TRUE(t.discipline.can_receive());
}

TEST(LineDiscipline, EchoNewlineAloneAndOtherLineEnds) {
    Typed t;
    t.set(kCanonical | kEchoNewline);
    EXPECT_EQ(t.type("ab\n"), "\r\n");
    t.settings.characters[static_cast<int>(Special::EndOfLine)] = ';';
    t.read();
    t.type("c;d;");
    EXPECT_EQ(t.read(), "c;");
    EXPECT_EQ(t.read(), "d;");
}

TEST(LineDiscipline, EndOfInputDeliversAnUnfinishedLine) {
    Typed t;
    t.discipline.end_input();
    EXPECT_FALSE(t.discipline.readable());
    t.type("ab");
    t.discipline.end_input();
    EXPECT_EQ(t.read(), "ab");
}

TEST(LineDiscipline, SurvivesAnyBytesUnderAnySettings) {
    uint64_t state = 42;
    const auto next = [&state] { return state = state * 6364136223846793005u + 1442695040888963407u, static_cast<uint32_t>(state >> 33); };
    Typed t;
    for (int i = 0; i < 200'000; ++i) {
        const uint32_t choice = next() % 1000;
        if (choice == 0) {
            const Termios before = t.settings;
            t.settings.local = next();
            t.settings.input = next();
            t.settings.output = next();
            t.discipline.settings_changed(before);
        } else if (choice < 5) {
            t.read(next() % 5000);
        } else {
            t.type(std::string(1, static_cast<char>(next() % 3 == 0 ? next() % 32 : next())));
        }
        ASSERT_LE(t.discipline.readable_bytes(), LineDiscipline::kBufferBytes);
    }
}

}  // namespace
}  // namespace portico::terminal
