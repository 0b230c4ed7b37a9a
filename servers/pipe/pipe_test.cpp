#include "servers/pipe/pipe.h"

#include <gtest/gtest.h>

#include "servers/pipe/fifos.h"

namespace portico::pipe_server {
namespace {

constexpr uint32_t kIn = kPollIn, kOut = kPollOut, kErr = kPollError, kHup = kPollHangUp;

void fill(Pipe& pipe, uint64_t bytes) {
    while (bytes > 0) {
        const auto piece = pipe.buffer.space(0, bytes);
        pipe.buffer.commit(piece.size());
        bytes -= piece.size();
    }
}

/// The bytes that an answer carries in its words.
std::string words(const ipc::Answer& answer) {
    return {reinterpret_cast<const char*>(&answer.message.word[1]), answer.message.word[0]};
}

void put(Pipe& pipe, std::string_view text) {
    ASSERT_TRUE(pipe.buffer.append(std::as_bytes(std::span(text.data(), text.size()))));
}

TEST(Pipe, SmallWritesAreWhole) {
    Pipe pipe({});
    fill(pipe, PipeBuffer::kCapacityBytes - 100);
    EXPECT_EQ(pipe.writable_now(100, 0), 100u);
    EXPECT_EQ(pipe.writable_now(101, 0), 0u);
    EXPECT_EQ(pipe.writable_now(Pipe::kAtomicBytes, 0), 0u);
    EXPECT_EQ(pipe.writable_now(Pipe::kAtomicBytes + 1, 0), 100u);
    EXPECT_EQ(pipe.writable_now(1 << 20, (1 << 20) - 10), 10u);
}

TEST(Pipe, EventsOfAPipe) {
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{});
    auto reader = std::make_shared<PipeEnd>(pipe, file::kReadOnly);
    auto writer = std::make_shared<PipeEnd>(pipe, file::kWriteOnly);
    EXPECT_EQ(reader->events(), 0u);
    EXPECT_EQ(writer->events(), kOut);
    fill(*pipe, PipeBuffer::kCapacityBytes - Pipe::kAtomicBytes + 1);
    EXPECT_EQ(reader->events(), kIn);
    EXPECT_EQ(writer->events(), 0u);
    writer.reset();
    EXPECT_EQ(reader->events(), kIn | kHup);
    auto again = std::make_shared<PipeEnd>(pipe, file::kWriteOnly);
    reader.reset();
    EXPECT_EQ(again->events(), kErr);
}

TEST(Pipe, FifoReaderSeesNoEndBeforeAWriterCame) {
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{.device = 1, .inode = 2});
    {
        PipeEnd earlier(pipe, file::kWriteOnly);
    }
    PipeEnd reader(pipe, file::kReadOnly);
    EXPECT_EQ(reader.events(), 0u);
    {
        PipeEnd writer(pipe, file::kWriteOnly);
    }
    EXPECT_EQ(reader.events(), kHup);
    PipeEnd both(pipe, file::kReadWrite);
    EXPECT_EQ(both.events(), kOut);
}

TEST(Pipe, LastEndsWakeTheOtherSide) {
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{});
    PipeEnd reader(pipe, file::kReadOnly);
    auto first = std::make_shared<PipeEnd>(pipe, file::kWriteOnly);
    auto second = std::make_shared<PipeEnd>(pipe, file::kWriteOnly);
    pipe->readers.add({.call = 1, .length_bytes = 1, .in_words = true, .object = nullptr});
    first.reset();
    EXPECT_FALSE(pipe->readers.empty());
    EXPECT_TRUE(pipe->has_writers());
    second.reset();
    EXPECT_TRUE(pipe->readers.empty());
    EXPECT_FALSE(pipe->has_writers());
}

TEST(Pipe, FewBytesTravelInWordsAndComeBackIfNobodyTakesThem) {
    Pipe pipe({});
    put(pipe, "one two");
    const ipc::Answer answer = pipe.give(5, 3, true);
    EXPECT_EQ(answer.call, 5u);
    EXPECT_EQ(words(answer), "one");
    EXPECT_EQ(pipe.buffer.size(), 4u);
    answer.refused();
    EXPECT_EQ(pipe.buffer.size(), 7u);
    EXPECT_EQ(words(pipe.give(6, 99, true)), "one two");
    EXPECT_TRUE(pipe.buffer.empty());
}

TEST(Pipe, WordsHoldAllOfWhatGoesOverTheRingsEnd) {
    Pipe pipe({});
    fill(pipe, PipeBuffer::kCapacityBytes - 5);
    pipe.buffer.consume(PipeBuffer::kCapacityBytes - 6);
    put(pipe, "0123456789");
    EXPECT_EQ(words(pipe.give(1, 99, true)).substr(1), "0123456789");
}

TEST(Pipe, TheOldestReaderGetsWhatComes) {
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{});
    const auto end = std::make_shared<PipeEnd>(pipe, file::kReadOnly);
    for (uint64_t call = 1; call <= 3; ++call) pipe->readers.add({.call = call, .length_bytes = 4, .in_words = true, .object = end});
    EXPECT_TRUE(ipc::Wait::cancel(1));
    EXPECT_FALSE(ipc::Wait::cancel(1));
    const std::string_view text = "abc";
    std::memcpy(pipe->buffer.space(0, text.size()).data(), text.data(), text.size());
    const ipc::Answer answer = pipe->commit(text.size());
    EXPECT_EQ(answer.call, 2u);
    EXPECT_EQ(words(answer), "abc");
    answer.refused();  // the next gets it; here nobody does, so it stays
    EXPECT_TRUE(pipe->readers.empty());
    EXPECT_EQ(pipe->buffer.size(), text.size());
}

TEST(Pipe, FlagsThatChange) {
    const auto pipe = std::make_shared<Pipe>(PipeIdentity{});
    PipeEnd end(pipe, file::kWriteOnly);
    EXPECT_TRUE(end.waits());
    end.set_changeable_flags(file::kNonBlocking | file::kReadWrite);
    EXPECT_FALSE(end.waits());
    EXPECT_EQ(end.flags(), file::kWriteOnly | file::kNonBlocking);
}

TEST(Fifos, AFifoIsOnePipeWhileItIsOpen) {
    Fifos fifos;
    auto pipe = fifos.pipe({.device = 1, .inode = 5});
    EXPECT_EQ(fifos.pipe({.device = 1, .inode = 5}), pipe);
    EXPECT_NE(fifos.pipe({.device = 2, .inode = 5}), pipe);
    fill(*pipe, 10);
    auto end = std::make_shared<PipeEnd>(pipe, file::kReadOnly);
    pipe.reset();
    EXPECT_EQ(fifos.pipe({.device = 1, .inode = 5})->buffer.size(), 10u);
    end.reset();
    EXPECT_EQ(fifos.pipe({.device = 1, .inode = 5})->buffer.size(), 0u);
}

}  // namespace
}  // namespace portico::pipe_server
