#include "servers/pipe/epoll.h"

#include <gtest/gtest.h>

#include "servers/pipe/pipe.h"

namespace portico::pipe_server {
namespace {

struct TestPipe {
    std::shared_ptr<Pipe> pipe = std::make_shared<Pipe>(PipeIdentity{});
    std::shared_ptr<PipeEnd> reader = std::make_shared<PipeEnd>(pipe, file::kReadOnly);
    std::shared_ptr<PipeEnd> writer = std::make_shared<PipeEnd>(pipe, file::kWriteOnly);

    void put(uint64_t bytes) {
        const auto room = pipe->buffer.space(0, bytes);
        pipe->commit(room.size());
        Object::announce_all();
    }
};

Result<> watch(Epoll& epoll, event::Operation operation, int32_t number, const std::shared_ptr<Object>& object, uint32_t events) {
    const event::Watch request{.operation = operation, .number = number, .events = events, .zero = 0, .data = 0, .name = 0};
    return epoll.watch(request, object, OwnedHandle());
}

Result<> add(Epoll& epoll, int32_t number, const std::shared_ptr<Object>& object, uint32_t events) {
    return watch(epoll, event::Operation::Add, number, object, events);
}

std::shared_ptr<Epoll> make() {
    return std::make_shared<Epoll>(abi::Handle{});
}

TEST(Epoll, TellsWhetherSomethingIsReady) {
    TestPipe test;
    const auto epoll = make();
    ASSERT_TRUE(add(*epoll, 3, test.reader, kPollIn));
    EXPECT_EQ(epoll->events(), 0u);
    test.put(5);
    EXPECT_EQ(epoll->events(), kPollIn);
    test.pipe->consume(5);
    EXPECT_EQ(epoll->events(), 0u) << "what is listed is asked again";
    test.writer.reset();
    Object::announce_all();
    EXPECT_EQ(epoll->events(), kPollIn) << "a hang-up is told unasked";
}

TEST(Epoll, WhatIsReadyWhenAddedIsListed) {
    TestPipe test;
    test.put(1);
    const auto epoll = make();
    ASSERT_TRUE(add(*epoll, 3, test.reader, kPollIn | kEdge));
    EXPECT_EQ(epoll->events(), kPollIn);
    ASSERT_TRUE(watch(*epoll, event::Operation::Modify, 3, test.reader, 0));
    EXPECT_EQ(epoll->events(), 0u);
    ASSERT_TRUE(watch(*epoll, event::Operation::Modify, 3, test.reader, kPollReadNormal));
    EXPECT_EQ(epoll->events(), kPollIn);
    ASSERT_TRUE(watch(*epoll, event::Operation::Delete, 3, test.reader, 0));
    EXPECT_EQ(epoll->events(), 0u);
}

TEST(Epoll, EntriesAreNamedByNumberAndObject) {
    TestPipe test;
    const auto epoll = make();
    ASSERT_TRUE(add(*epoll, 3, test.reader, kPollIn));
    EXPECT_EQ(add(*epoll, 3, test.reader, kPollIn).error(), Error::Exists);
    EXPECT_TRUE(add(*epoll, 4, test.reader, kPollIn)) << "a duplicate's number";
    EXPECT_TRUE(add(*epoll, 3, test.writer, kPollOut)) << "another object that came to have the number";
    EXPECT_EQ(watch(*epoll, event::Operation::Modify, 5, test.reader, kPollIn).error(), Error::NotFound);
    EXPECT_EQ(watch(*epoll, event::Operation::Delete, 4, test.writer, 0).error(), Error::NotFound);
    EXPECT_EQ(add(*epoll, 7, epoll, kPollIn).error(), Error::InvalidArgument);
}

TEST(Epoll, EntriesGoWithTheirObjectsAndWithTheEpoll) {
    auto test = std::make_unique<TestPipe>();
    auto epoll = make();
    ASSERT_TRUE(add(*epoll, 3, test->reader, kPollIn));
    ASSERT_TRUE(add(*epoll, 4, test->writer, kPollOut));
    EXPECT_EQ(epoll->events(), kPollIn);
    test->writer.reset();
    Object::announce_all();
    test.reset();
    Object::announce_all();
    EXPECT_EQ(epoll->events(), 0u);
    TestPipe other;
    ASSERT_TRUE(add(*epoll, 3, other.reader, kPollIn));
    epoll.reset();
    other.put(1);  // nobody is told
}

TEST(Epoll, EpollsInEpolls) {
    TestPipe test;
    const auto inner = make(), outer = make();
    ASSERT_TRUE(add(*inner, 3, test.reader, kPollIn));
    ASSERT_TRUE(add(*outer, 4, inner, kPollIn));
    EXPECT_EQ(add(*inner, 5, outer, kPollIn).error(), Error::TooManyLinks);
    EXPECT_EQ(add(*outer, 6, make(), kPollIn | kExclusive).error(), Error::InvalidArgument);
    test.put(1);
    EXPECT_EQ(outer->events(), kPollIn);
    std::shared_ptr<Epoll> top = outer;
    std::vector<std::shared_ptr<Epoll>> all{inner, outer};
    Result<> result;
    unsigned levels = 2;
    for (; result && levels < 10; ++levels) {
        const auto next = make();
        result = add(*next, 1, top, kPollIn);
        top = next;
        all.push_back(next);
    }
    EXPECT_EQ(result.error(), Error::TooManyLinks);
    EXPECT_LE(levels, Epoll::kDepthMax + 2);
}

TEST(Epoll, ManyEntriesInAnyOrder) {
    std::vector<TestPipe> pipes(200);
    const auto epoll = make();
    for (int32_t i = 0; i < 200; ++i) ASSERT_TRUE(add(*epoll, i, pipes[static_cast<size_t>(i)].reader, kPollIn));
    EXPECT_EQ(epoll->events(), 0u);
    for (size_t i = 0; i < 200; i += 3) pipes[i].put(1);
    EXPECT_EQ(epoll->events(), kPollIn);
    pipes.clear();
    Object::announce_all();
    EXPECT_EQ(epoll->events(), 0u);
}

}  // namespace
}  // namespace portico::pipe_server
