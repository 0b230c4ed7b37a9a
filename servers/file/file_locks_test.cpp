#include "servers/file/file_locks.h"

#include <gtest/gtest.h>

namespace portico::file_server {
namespace {

constexpr FileLocks::Place kFile{.device = 1, .inode = 2, .space = LockSpace::Record};
constexpr FileLocks::Place kOther{.device = 1, .inode = 3, .space = LockSpace::Record};

LockOwner process(uint64_t pid) {
    return {.kind = LockOwner::Kind::Process, .id = pid};
}
FileLock exclusive(uint64_t pid, uint64_t start, uint64_t end) {
    return {.owner = process(pid), .exclusive = true, .start = start, .end = end};
}
FileLock shared(uint64_t pid, uint64_t start, uint64_t end) {
    return {.owner = process(pid), .exclusive = false, .start = start, .end = end};
}

TEST(FileLocksTest, OverlappingLocksOfTwoOwnersConflictUnlessBothAreShared) {
    FileLocks locks;
    ASSERT_TRUE(locks.set(kFile, shared(1, 0, 10)));
    EXPECT_FALSE(locks.conflict(kFile, shared(2, 5, 15)));
    ASSERT_TRUE(locks.conflict(kFile, exclusive(2, 9, 15)));
    EXPECT_EQ(locks.conflict(kFile, exclusive(2, 9, 15))->owner, process(1));
    EXPECT_FALSE(locks.conflict(kFile, exclusive(2, 10, 15)));
    EXPECT_FALSE(locks.conflict(kFile, exclusive(1, 0, 10)));
    EXPECT_FALSE(locks.conflict(kOther, exclusive(2, 0, 10)));
}

TEST(FileLocksTest, AnOwnersNewLockReplacesItsOldOneInTheRange) {
    FileLocks locks;
    ASSERT_TRUE(locks.set(kFile, exclusive(1, 0, 30)));
    ASSERT_TRUE(locks.set(kFile, shared(1, 10, 20)));
    EXPECT_TRUE(locks.conflict(kFile, shared(2, 0, 10)));
    EXPECT_FALSE(locks.conflict(kFile, shared(2, 10, 20)));
    EXPECT_TRUE(locks.conflict(kFile, shared(2, 20, 30)));
    ASSERT_TRUE(locks.clear(kFile, process(1), 0, 10));
    EXPECT_FALSE(locks.conflict(kFile, exclusive(2, 0, 10)));
    EXPECT_TRUE(locks.conflict(kFile, shared(2, 25, 26)));
}

TEST(FileLocksTest, NeighboursOfOneKindBecomeOne) {
    FileLocks locks;
    ASSERT_TRUE(locks.set(kFile, exclusive(1, 0, 10)));
    ASSERT_TRUE(locks.set(kFile, exclusive(1, 20, 30)));
    ASSERT_TRUE(locks.set(kFile, exclusive(1, 10, 20)));
    const auto found = locks.conflict(kFile, shared(2, 29, 30));
    ASSERT_TRUE(found);
    EXPECT_EQ(found->start, 0u);
    EXPECT_EQ(found->end, 30u);
}

TEST(FileLocksTest, ReleaseTakesAllOfAnOwner) {
    FileLocks locks;
    ASSERT_TRUE(locks.set(kFile, exclusive(1, 0, 10)));
    ASSERT_TRUE(locks.set(kOther, exclusive(1, 0, 10)));
    EXPECT_TRUE(locks.holds_any(process(1)));
    locks.release(kFile, process(1));
    EXPECT_FALSE(locks.conflict(kFile, exclusive(2, 0, 10)));
    EXPECT_TRUE(locks.conflict(kOther, exclusive(2, 0, 10)));
    locks.release_everywhere(process(1));
    EXPECT_FALSE(locks.holds_any(process(1)));
}

TEST(FileLocksTest, AWaitThatEndsAtTheWaiterIsADeadlock) {
    FileLocks locks;
    ASSERT_TRUE(locks.set(kFile, exclusive(1, 0, 1)));
    ASSERT_TRUE(locks.set(kFile, exclusive(2, 1, 2)));
    ASSERT_TRUE(locks.set(kOther, exclusive(3, 0, 1)));
    EXPECT_FALSE(locks.would_deadlock(kFile, exclusive(1, 1, 2)));
    FileLocks::Waiting first(locks, kFile, exclusive(1, 1, 2));
    FileLocks::Waiting second(locks, kOther, exclusive(2, 0, 1));
    EXPECT_TRUE(locks.would_deadlock(kFile, exclusive(3, 0, 1)));
    EXPECT_FALSE(locks.would_deadlock(kFile, exclusive(4, 0, 1)));
    const FileLock of_open_file{.owner = {.kind = LockOwner::Kind::OpenFile, .id = 3}, .exclusive = true, .start = 0, .end = 1};
    EXPECT_FALSE(locks.would_deadlock(kFile, of_open_file));
}

TEST(FileLocksTest, ThereIsABound) {
    FileLocks locks;
    for (uint64_t i = 0; i + 2 <= FileLocks::kLocksMax; ++i)
        ASSERT_TRUE(locks.set({.device = 1, .inode = i, .space = LockSpace::Whole}, exclusive(1, 0, 1)));
    EXPECT_EQ(locks.set(kFile, exclusive(0, 1'000'000, 1'000'001)).error(), Error::NoSpace);
}

}  // namespace
}  // namespace portico::file_server
