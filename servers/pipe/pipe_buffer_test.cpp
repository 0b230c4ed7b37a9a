#include "servers/pipe/pipe_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <random>

namespace portico::pipe_server {
namespace {

uint64_t add(PipeBuffer& buffer, std::string_view text) {
    uint64_t done = 0;
    while (done < text.size()) {
        const auto piece = buffer.space(done, text.size() - done);
        if (piece.empty()) break;
        std::memcpy(piece.data(), text.data() + done, piece.size());
        done += piece.size();
    }
    buffer.commit(done);
    return done;
}

std::string peek(const PipeBuffer& buffer, uint64_t bytes) {
    std::string text;
    while (text.size() < bytes) {
        const auto piece = buffer.data(text.size(), bytes - text.size());
        if (piece.empty()) break;
        text.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    }
    return text;
}

TEST(PipeBuffer, FirstInFirstOut) {
    PipeBuffer buffer;
    EXPECT_TRUE(buffer.empty());
    EXPECT_EQ(add(buffer, "hello "), 6u);
    EXPECT_EQ(add(buffer, "world"), 5u);
    EXPECT_EQ(peek(buffer, 100), "hello world");
    buffer.consume(6);
    EXPECT_EQ(peek(buffer, 3), "wor");
    EXPECT_EQ(buffer.size(), 5u);
}

TEST(PipeBuffer, PeekingAndFillingChangeNothing) {
    PipeBuffer buffer;
    add(buffer, "abc");
    const auto piece = buffer.space(0, 3);
    std::memcpy(piece.data(), "xyz", 3);  // not committed
    EXPECT_EQ(peek(buffer, 100), "abc");
    EXPECT_EQ(peek(buffer, 100), "abc");
}

TEST(PipeBuffer, FillsUpAndWraps) {
    PipeBuffer buffer;
    const std::string full(PipeBuffer::kCapacityBytes, 'x');
    EXPECT_EQ(add(buffer, full + "more"), PipeBuffer::kCapacityBytes);
    EXPECT_EQ(buffer.room(), 0u);
    EXPECT_TRUE(buffer.space(0, 1).empty());
    buffer.consume(5000);
    EXPECT_EQ(add(buffer, std::string(6000, 'y')), 5000u);
    buffer.consume(PipeBuffer::kCapacityBytes - 5000);
    EXPECT_EQ(peek(buffer, 9999), std::string(5000, 'y'));
}

TEST(PipeBuffer, RandomOperationsKeepTheOrder) {
    std::mt19937 random(1);
    PipeBuffer buffer;
    std::string model;
    char next = 0;
    for (int i = 0; i < 3000; ++i) {
        std::string text(random() % 9000, '\0');
        for (char& c : text) c = next++;
        text.resize(add(buffer, text));
        model += text;
        next = static_cast<char>(model.empty() ? next : model.back() + 1);
        const uint64_t taken = random() % (buffer.size() + 1);
        ASSERT_EQ(peek(buffer, taken), model.substr(0, taken));
        buffer.consume(taken);
        model.erase(0, taken);
        ASSERT_EQ(buffer.size(), model.size());
    }
}

}  // namespace
}  // namespace portico::pipe_server
