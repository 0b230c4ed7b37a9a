#include "drivers/uart/receive_buffer.h"

#include <gtest/gtest.h>

namespace portico::uart {
namespace {

TEST(ReceiveBuffer, KeepsOrderOverTheWrap) {
    ReceiveBuffer buffer;
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    for (int round = 0; round < 1000; ++round) {
        for (int i = 0; i < 37; ++i) ASSERT_TRUE(buffer.push(next_in++));
        std::array<uint8_t, 64> bytes{};
        ASSERT_EQ(buffer.peek(bytes), 37u);
        for (int i = 0; i < 37; ++i) ASSERT_EQ(bytes[i], next_out++);
        buffer.consume(37);
        ASSERT_TRUE(buffer.empty());
    }
}

TEST(ReceiveBuffer, RefusesWhenFullAndPeekTakesNothing) {
    ReceiveBuffer buffer;
    for (size_t i = 0; i < ReceiveBuffer::kBytesMax; ++i) ASSERT_TRUE(buffer.push(static_cast<uint8_t>(i)));
    EXPECT_TRUE(buffer.full());
    EXPECT_FALSE(buffer.push(1));
    std::array<uint8_t, 4> bytes{};
    EXPECT_EQ(buffer.peek(bytes), 4u);
    EXPECT_EQ(buffer.peek(bytes), 4u);
    EXPECT_EQ(bytes[3], 3);
    buffer.consume(ReceiveBuffer::kBytesMax + 5);
    EXPECT_TRUE(buffer.empty());
}

}  // namespace
}  // namespace portico::uart
