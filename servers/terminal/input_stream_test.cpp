#include "servers/terminal/input_stream.h"

#include <gtest/gtest.h>

namespace portico::terminal {
namespace {

std::span<const uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(InputStream, GrantsItsBufferAndThenWhatWasRead) {
    InputStream stream;
    EXPECT_EQ(stream.take_credit(), InputStream::kBytesMax);
    EXPECT_EQ(stream.take_credit(), 0u);
    EXPECT_EQ(stream.receive(bytes_of(std::string(4096, 'x'))), 0u);
    EXPECT_EQ(stream.receive(bytes_of("more")), 4u);
    stream.consume(100);
    EXPECT_EQ(stream.take_credit(), 0u);
    stream.consume(2000);
    EXPECT_EQ(stream.take_credit(), 2100u);
}

TEST(InputStream, NeitherSideWaitsForTheOtherForever) {
    InputStream stream;
    size_t credit = stream.take_credit();
    size_t moved = 0;
    while (moved < 100'000) {
        const size_t sent = std::min<size_t>(credit, 7);
        ASSERT_TRUE(sent > 0 || stream.size() > 0);
        ASSERT_EQ(stream.receive(bytes_of(std::string(sent, 'x'))), 0u);
        credit -= sent;
        const size_t taken = stream.peek(5).size();
        stream.consume(taken);
        moved += taken;
        credit += stream.take_credit();
        ASSERT_LE(credit + stream.size(), InputStream::kBytesMax);
    }
}

TEST(InputStream, EndsAfterItsBytes) {
    InputStream stream;
    (void)stream.take_credit();
    EXPECT_FALSE(stream.readable());
    (void)stream.receive(bytes_of("ab"));
    stream.end();
    EXPECT_EQ(stream.peek(10), "ab");
    stream.consume(2);
    EXPECT_TRUE(stream.readable());
    EXPECT_EQ(stream.peek(10), "");
    EXPECT_EQ(stream.take_credit(), 0u);
}

}  // namespace
}  // namespace portico::terminal
