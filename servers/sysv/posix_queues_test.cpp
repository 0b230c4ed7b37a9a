#include "servers/sysv/posix_queues.h"

#include <gtest/gtest.h>

namespace portico::sysv_server {
namespace {

TEST(PosixQueue, ThePriorityThenTheAge) {
    PosixQueue queue(3, 100);
    EXPECT_TRUE(queue.empty());
    queue.put(1, "low");
    queue.put(9, "high");
    queue.put(9, "high too");
    EXPECT_TRUE(queue.full());
    EXPECT_EQ(queue.bytes(), 15u);
    for (const char* const expected : {"high", "high too", "low"}) {
        EXPECT_EQ(queue.first().text, expected);
        queue.take_first();
    }
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.bytes(), 0u);
}

}  // namespace
}  // namespace portico::sysv_server
