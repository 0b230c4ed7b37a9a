#include "servers/process/budget.h"

#include <gtest/gtest.h>

namespace portico::process {
namespace {

std::shared_ptr<Budget> make(const std::shared_ptr<Budget>& parent, uint64_t tasks_max) {
    return std::make_shared<Budget>(1, parent, OwnedHandle{}, Budget::kNoLimit, tasks_max);
}

TEST(BudgetTest, CountsInTheTree) {
    const auto all = make(nullptr, 3), some = make(all, 2), few = make(some, Budget::kNoLimit);
    TaskCount one(few);
    EXPECT_EQ(few->task_count(), 1u);
    EXPECT_EQ(all->task_count(), 1u);
    EXPECT_TRUE(few->has_room());
    TaskCount two(some);
    EXPECT_FALSE(few->has_room()) << "what is above it has none";
    EXPECT_FALSE(some->has_room());
    EXPECT_TRUE(all->has_room());
    TaskCount three(all);
    EXPECT_FALSE(all->has_room());
    one = TaskCount();
    EXPECT_TRUE(few->has_room());
    EXPECT_EQ(few->task_count(), 0u);
    EXPECT_EQ(all->task_count(), 2u);
    TaskCount moved(std::move(two));
    EXPECT_EQ(some->task_count(), 1u);
    EXPECT_TRUE(few->is_within(*all));
    EXPECT_FALSE(all->is_within(*few));
}

}  // namespace
}  // namespace portico::process
