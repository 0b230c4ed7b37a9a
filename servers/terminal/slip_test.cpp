#include "servers/terminal/slip.h"

#include <gtest/gtest.h>

namespace portico::terminal {
namespace {

using protocols::host_link::Channel;
using protocols::host_link::kFrameBytesMax;

std::vector<std::string> decode(SlipDecoder& decoder, std::string_view bytes) {
    std::vector<std::string> frames;
    for (const char c : bytes)
        if (decoder.push(static_cast<uint8_t>(c))) frames.emplace_back(decoder.frame().begin(), decoder.frame().end());
    return frames;
}

TEST(Slip, EveryByteComesThrough) {
    std::string payload;
    for (int i = 0; i < 256; ++i) payload.push_back(static_cast<char>(i));
    std::string line;
    slip::encode(Channel::Output, payload, line);
    slip::encode(Channel::Terminal, "", line);
    EXPECT_LE(line.size(), slip::encoded_bytes_max(257) + 3);
    SlipDecoder decoder;
    const auto frames = decode(decoder, line);
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[0], "\x03" + payload);
    EXPECT_EQ(frames[1], "\x01");
}

TEST(Slip, NoiseCostsAtMostTheFrameItHits) {
    std::string line = "noise";
    slip::encode(Channel::Terminal, "one", line);
    std::string damaged;
    slip::encode(Channel::Terminal, "two", damaged);
    damaged.pop_back();  // a lost END joins nothing: the next frame begins with one
    line += damaged;
    slip::encode(Channel::Terminal, "three", line);
    SlipDecoder decoder;
    const auto frames = decode(decoder, line);
    ASSERT_EQ(frames.size(), 4u);
    EXPECT_EQ(frames[1], "\1one");
    EXPECT_EQ(frames[2], "\1two");
    EXPECT_EQ(frames[3], "\1three");
}

TEST(Slip, DropsBadEscapesAndOverlongFrames) {
    SlipDecoder decoder;
    EXPECT_TRUE(decode(decoder,
                       "\xC0"
                       "a\xDB"
                       "b\xC0")
                    .empty());
    EXPECT_TRUE(decode(decoder,
                       "\xC0"
                       "a\xDB\xC0")
                    .empty());
    EXPECT_TRUE(decode(decoder, std::string(kFrameBytesMax + 1, 'x') + "\xC0").empty());
    EXPECT_EQ(decoder.dropped_frames(), 3u);
    const auto frames = decode(decoder, std::string(kFrameBytesMax, 'x') + "\xC0");
    ASSERT_EQ(frames.size(), 1u);
    EXPECT_EQ(frames[0].size(), kFrameBytesMax);
}

TEST(Slip, IgnoresEmptyFrames) {
    SlipDecoder decoder;
    EXPECT_TRUE(decode(decoder, "\xC0\xC0\xC0").empty());
    EXPECT_EQ(decoder.dropped_frames(), 0u);
}

}  // namespace
}  // namespace portico::terminal
