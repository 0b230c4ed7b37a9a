#include <gtest/gtest.h>

#include "servers/terminal/frame_counter.h"
#include "servers/terminal/output_queue.h"
#include "servers/terminal/settings.h"
#include "servers/terminal/slip.h"

namespace portico::terminal {
namespace {

TEST(ControlLine, UnderstandsSizesAndEnd) {
    const ControlLine line = parse_control_line("size 132 43\n");
    ASSERT_TRUE(std::holds_alternative<SizeChanged>(line));
    EXPECT_EQ(std::get<SizeChanged>(line).columns, 132);
    EXPECT_EQ(std::get<SizeChanged>(line).rows, 43);
    EXPECT_TRUE(std::holds_alternative<InputEnded>(parse_control_line("input-end")));
}

TEST(FrameCounter, TakesEachFrameOnce) {
    FrameCounter counter;
    const auto is_new = [&counter](std::string_view text) {
        return counter.is_new({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    };
    const auto again = [](unsigned from) { return std::string(1, '\0') + "again " + std::to_string(from); };
    EXPECT_TRUE(is_new("\1first"));
    EXPECT_TRUE(is_new(std::string("\0size 80 24", 11)));
    EXPECT_TRUE(is_new("\1third"));
    EXPECT_EQ(counter.lost(), 3u);
    EXPECT_FALSE(is_new("\1fifth")) << "it must come behind the fourth";
    EXPECT_EQ(counter.lost(), 3u);
    EXPECT_FALSE(is_new(again(3)));
    EXPECT_TRUE(is_new("\1fourth"));
    EXPECT_FALSE(is_new(again(3))) << "the answer to the second loss";
    EXPECT_FALSE(is_new("\1fourth"));
    EXPECT_TRUE(is_new("\1fifth"));
    EXPECT_FALSE(is_new(again(9))) << "what the host does not have any more";
    EXPECT_TRUE(is_new("\1tenth"));
    EXPECT_EQ(counter.lost(), 10u);
}

TEST(ControlLine, IgnoresWhatItDoesNotUnderstand) {
    for (const char* line : {"", "size", "size 80", "size 80 24 1", "size 80000 24", "size  80 24", "sizeable 1 2", "size -1 5",
                             "input-ended", "again", "again -1", "again 1 2", "again 99999999999999999999"})
        EXPECT_TRUE(std::holds_alternative<std::monostate>(parse_control_line(line))) << line;
}

TEST(Settings, ReadsItsWordsAndKeepsDefaultsForBadOnes) {
    const char* words[] = {"terminal", "link=framed", "columns=100", "rows=x", "stdin=terminal"};
    const Settings settings = Settings::parse(words);
    EXPECT_EQ(settings.framing, Framing::Framed);
    EXPECT_EQ(settings.window.columns, 100);
    EXPECT_EQ(settings.window.rows, 24);
    EXPECT_EQ(Settings::parse({}).framing, Framing::Plain);
}

TEST(OutputQueue, PlainLineCarriesStreamsButNoControl) {
    OutputQueue queue(Framing::Plain);
    queue.send(Channel::Control, "ready");
    queue.send(Channel::Terminal, "ab");
    queue.send(Channel::Output, "cd");
    EXPECT_EQ(queue.pending_bytes(), 4u);
    EXPECT_EQ(queue.next_chunk(), "abcd");
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.next_chunk(), "");
}

TEST(OutputQueue, FramesKeepOrderAndControlLinesStayApart) {
    OutputQueue queue(Framing::Framed);
    queue.send(Channel::Terminal, "a");
    queue.send(Channel::Terminal, "b");
    queue.send(Channel::Control, "ready");
    queue.send(Channel::Control, "credit 1");
    queue.send(Channel::Error, "e");
    const std::string chunk = queue.next_chunk();
    SlipDecoder decoder;
    std::vector<std::string> frames;
    for (const char c : chunk)
        if (decoder.push(static_cast<uint8_t>(c))) frames.emplace_back(decoder.frame().begin(), decoder.frame().end());
    const std::vector<std::string> expected{
        "\1"
        "ab",
        std::string("\0ready", 6), std::string("\0credit 1", 9),
        "\4"
        "e"};
    EXPECT_EQ(frames, expected);
}

TEST(OutputQueue, LongOutputIsCutIntoChunksOfWholeFrames) {
    OutputQueue queue(Framing::Framed);
    const std::string text(100'000, '\xC0');  // the worst case: every byte is escaped
    queue.send(Channel::Output, text);
    std::string received;
    SlipDecoder decoder;
    while (!queue.empty()) {
        const std::string chunk = queue.next_chunk();
        ASSERT_LE(chunk.size(), OutputQueue::kChunkBytesMax);
        ASSERT_EQ(chunk.back(), '\xC0');
        for (const char c : chunk)
            if (decoder.push(static_cast<uint8_t>(c))) received.append(decoder.frame().begin() + 1, decoder.frame().end());
    }
    EXPECT_EQ(received, text);
}

TEST(OutputQueue, TheMarkOfARepeatedChunkCountsTheFramesBeforeIt) {
    const auto frames_of = [](std::string_view line) {
        SlipDecoder decoder;
        std::vector<std::string> frames;
        for (const char c : line)
            if (decoder.push(static_cast<uint8_t>(c))) frames.emplace_back(decoder.frame().begin() + 1, decoder.frame().end());
        return frames;
    };
    OutputQueue queue(Framing::Framed);
    queue.send(Channel::Control, "ready");
    queue.send(Channel::Output, "one");
    const std::string first = queue.next_chunk();
    EXPECT_EQ(frames_of(queue.repeat_mark()), std::vector<std::string>{"again 0"});
    queue.send(Channel::Output, "two");
    const std::string second = queue.next_chunk();
    for (size_t sent = 0; sent < second.size(); ++sent) {  // whatever of the chunk went out: the mark is read, what broke off is not
        const std::vector<std::string> expected{"ready", "one", "again 2"};
        EXPECT_EQ(frames_of(first + second.substr(0, sent) + queue.repeat_mark()), expected) << sent;
    }
    EXPECT_EQ(OutputQueue(Framing::Plain).repeat_mark(), "");
}

TEST(OutputQueue, TakesBackOneChannelOnly) {
    OutputQueue queue(Framing::Plain);
    queue.send(Channel::Terminal, std::string(5000, 't'));
    queue.send(Channel::Output, "out");
    queue.send(Channel::Terminal, "end");
    EXPECT_EQ(queue.next_chunk().size(), 4096u);
    EXPECT_EQ(queue.pending_bytes(Channel::Terminal), 907u);
    EXPECT_EQ(queue.take_back(Channel::Terminal), std::string(904, 't') + "end");
    EXPECT_EQ(queue.pending_bytes(), 3u);
    EXPECT_EQ(queue.next_chunk(), "out");
}

}  // namespace
}  // namespace portico::terminal
