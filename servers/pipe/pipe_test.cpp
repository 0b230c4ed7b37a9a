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

ipc::Task wait_once(ipc::WaitQueue& queue, int& woken) {
    (void)co_await queue.wait(1);
    ++woken;
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
    int woken = 0;
    wait_once(pipe->readable, woken);
    first.reset();
    EXPECT_EQ(woken, 0);
    EXPECT_TRUE(pipe->has_writers());
    second.reset();
    EXPECT_EQ(woken, 1);
    EXPECT_FALSE(pipe->has_writers());
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
