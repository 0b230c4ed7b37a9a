#include "servers/sysv/semaphores.h"

#include <gtest/gtest.h>

namespace portico::sysv_server {
namespace {

using enum SemaphoreSet::Attempt::Outcome;
constexpr auto kUndo = static_cast<int16_t>(sysv::kUndo), kNoWait = static_cast<int16_t>(sysv::kNoWait);

SemaphoreSet::Attempt operate(SemaphoreSet& set, std::vector<SemaphoreOperation> operations, int32_t pid = 10) {
    const SemaphoreSet::Attempt attempt = set.attempt(operations, pid);
    if (attempt.outcome == Done && attempt.trouble == Trouble::None) set.commit(operations, attempt, pid);
    return attempt;
}

TEST(SemaphoreSet, AllOperationsOrNone) {
    SemaphoreSet set(2);
    EXPECT_EQ(operate(set, {{0, 3, 0}}).outcome, Done);
    const SemaphoreSet::Attempt blocked = operate(set, {{0, -1, 0}, {1, -1, 0}});
    EXPECT_EQ(blocked.outcome, Wait);
    EXPECT_EQ(blocked.blocked_at, 1);
    EXPECT_EQ(set.value(0), 3);
    EXPECT_EQ(operate(set, {{0, -1, 0}, {1, -1, kNoWait}}).outcome, WouldBlock);
    EXPECT_EQ(operate(set, {{1, 1, 0}, {1, -1, 0}, {0, -2, 0}}, 11).outcome, Done);
    EXPECT_EQ(set.value(0), 1);
    EXPECT_EQ(set.value(1), 0);
    EXPECT_EQ(set.last_pid(1), 11);
}

TEST(SemaphoreSet, WaitsForZero) {
    SemaphoreSet set(1);
    EXPECT_EQ(operate(set, {{0, 0, 0}, {0, 1, 0}}).outcome, Done);  // the idiom of a lock
    const SemaphoreSet::Attempt blocked = operate(set, {{0, 0, 0}});
    EXPECT_EQ(blocked.outcome, Wait);
    EXPECT_TRUE(blocked.for_zero);
}

TEST(SemaphoreSet, Bounds) {
    SemaphoreSet set(1);
    EXPECT_EQ(operate(set, {{1, 1, 0}}).trouble, Trouble::NoSemaphore);
    set.set_value(0, SemaphoreSet::kValueMax, 1);
    EXPECT_EQ(operate(set, {{0, 1, 0}}).trouble, Trouble::OutOfRange);
    EXPECT_EQ(set.value(0), SemaphoreSet::kValueMax);
}

TEST(SemaphoreSet, UndoesAtTheEndOfAProcessOnly) {
    SemaphoreSet set(2);
    operate(set, {{0, 5, 0}}, 1);
    operate(set, {{0, -2, kUndo}, {1, 1, kUndo}}, 7);
    operate(set, {{0, -1, kUndo}}, 8);
    EXPECT_EQ(set.value(0), 2);
    set.undo(7);
    EXPECT_EQ(set.value(0), 4);
    EXPECT_EQ(set.value(1), 0);
    set.undo(7);
    EXPECT_EQ(set.value(0), 4);
    set.set_value(0, 9, 1);  // which forgets what is to be undone
    set.undo(8);
    EXPECT_EQ(set.value(0), 9);
}

TEST(SemaphoreSet, UndoNeverGoesBelowZero) {
    SemaphoreSet set(1);
    operate(set, {{0, 3, kUndo}}, 7);
    operate(set, {{0, -2, 0}}, 8);
    set.undo(7);
    EXPECT_EQ(set.value(0), 0);
}

}  // namespace
}  // namespace portico::sysv_server
