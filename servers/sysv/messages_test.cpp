#include "servers/sysv/messages.h"

#include <gtest/gtest.h>

namespace portico::sysv_server {
namespace {

std::string text_at(const MessageQueue& queue, int64_t type, uint32_t flags = 0) {
    const MessageQueue::Place place = queue.find(type, flags);
    return place == queue.end() ? "none" : place->text;
}

TEST(MessageQueue, TypesChoose) {
    MessageQueue queue;
    queue.put(5, "five", 1);
    queue.put(3, "three", 1);
    queue.put(5, "later", 1);
    EXPECT_EQ(text_at(queue, 0), "five");
    EXPECT_EQ(text_at(queue, 3), "three");
    EXPECT_EQ(text_at(queue, 5, sysv::kExcept), "three");
    EXPECT_EQ(text_at(queue, -4), "three");
    EXPECT_EQ(text_at(queue, -9), "three");
    EXPECT_EQ(text_at(queue, -2), "none");
    EXPECT_EQ(text_at(queue, INT64_MIN), "three");
    EXPECT_EQ(text_at(queue, 4), "none");
}

TEST(MessageQueue, CountsWhatItHolds) {
    MessageQueue queue;
    queue.state.bytes_max = 10;
    EXPECT_TRUE(queue.has_room(10));
    queue.put(1, "123456", 2);
    EXPECT_FALSE(queue.has_room(5));
    EXPECT_TRUE(queue.has_room(4));
    EXPECT_EQ(queue.stat().bytes, 6u);
    queue.take(queue.find(0, 0), 3);
    EXPECT_EQ(queue.stat().messages, 0u);
    EXPECT_EQ(queue.stat().bytes, 0u);
    EXPECT_EQ(queue.stat().receiver, 3);
    for (int i = 0; i < 10; ++i) queue.put(1, "", 2);
    EXPECT_FALSE(queue.has_room(0));  // empty messages count, too
}

TEST(Identified, IdsAreNotSoonUsedAgain) {
    Identified<MessageQueue> all(2);
    const auto first = std::make_shared<MessageQueue>(), second = std::make_shared<MessageQueue>();
    first->permissions.key = 7;
    all.add(first);
    const int32_t id = all.id_of(*first);
    EXPECT_EQ(all.by_key(7), first);
    EXPECT_EQ(*all.by_id(id), first);
    all.remove(*first);
    EXPECT_FALSE(all.by_id(id));
    all.add(second);
    EXPECT_EQ(second->index, 0);
    EXPECT_NE(all.id_of(*second), id);
    EXPECT_FALSE(all.by_id(id));
    EXPECT_FALSE(all.by_id(-1));
    EXPECT_EQ(all.by_key(0), nullptr);
}

}  // namespace
}  // namespace portico::sysv_server
