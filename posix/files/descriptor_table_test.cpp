#include "posix/files/descriptor_table.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>
#include <vector>

namespace portico::posix {
namespace {

constexpr uint64_t kLimit = 1024;

Descriptor descriptor_of(uint64_t handle) {
    return {.handle = {handle}, .kind = protocols::file::Kind::File};
}

int32_t add(DescriptorTable& table, uint64_t handle, uint64_t minimum = 0) {
    const int32_t number = table.reserve(minimum, kLimit).value_or(-1);
    if (number >= 0) table.fill(number, descriptor_of(handle));
    return number;
}

TEST(DescriptorTable, GivesLowestFreeNumber) {
    DescriptorTable table;
    for (int32_t i = 0; i < 5; ++i) EXPECT_EQ(add(table, 100 + static_cast<uint64_t>(i)), i);
    EXPECT_EQ(table.take(3)->handle.value, 103u);
    EXPECT_EQ(table.take(1)->handle.value, 101u);
    EXPECT_EQ(add(table, 1), 1);
    EXPECT_EQ(add(table, 3), 3);
    EXPECT_EQ(add(table, 5), 5);
    EXPECT_EQ(add(table, 20, 20), 20);
    EXPECT_EQ(add(table, 6), 6);
}

TEST(DescriptorTable, ReservedIsInvisibleAndBusy) {
    DescriptorTable table;
    const int32_t number = *table.reserve(0, kLimit);
    EXPECT_EQ(table.get(number).error(), Error::BadHandle);
    EXPECT_EQ(table.take(number).error(), Error::BadHandle);
    EXPECT_EQ(table.replace(number, descriptor_of(1), kLimit).error(), Error::Busy);
    table.cancel(number);
    EXPECT_EQ(*table.reserve(0, kLimit), number);
}

TEST(DescriptorTable, RefusesBadNumbersAndTheLimit) {
    DescriptorTable table;
    EXPECT_EQ(table.get(-1).error(), Error::BadHandle);
    EXPECT_EQ(table.get(int64_t{1} << 40).error(), Error::BadHandle);
    EXPECT_EQ(table.reserve(4, 4).error(), Error::NoSpace);
    EXPECT_EQ(table.replace(4, descriptor_of(1), 4).error(), Error::BadHandle);
    EXPECT_EQ(table.replace(-1, descriptor_of(1), 4).error(), Error::BadHandle);
    EXPECT_EQ(table.reserve(0, 0).error(), Error::NoSpace);
    EXPECT_EQ(table.replace(DescriptorTable::kDescriptorsMax, descriptor_of(1), ~uint64_t{0}).error(), Error::BadHandle);
}

TEST(DescriptorTable, GrowsAndKeeps) {
    DescriptorTable table;
    for (uint64_t i = 0; i < kLimit; ++i) EXPECT_EQ(add(table, i + 1), static_cast<int32_t>(i));
    EXPECT_EQ(table.reserve(0, kLimit).error(), Error::NoSpace);
    EXPECT_FALSE(table.replace(100'000, descriptor_of(7), 200'000)->handle);
    EXPECT_EQ(table.get(100'000)->handle.value, 7u);
    EXPECT_EQ(table.get(1023)->handle.value, 1024u);
    EXPECT_EQ(table.count(), kLimit + 1);
}

TEST(DescriptorTable, ReplaceReturnsWhatWasThere) {
    DescriptorTable table;
    EXPECT_FALSE(table.replace(5, descriptor_of(50), kLimit)->handle);
    EXPECT_EQ(table.replace(5, descriptor_of(51), kLimit)->handle.value, 50u);
    EXPECT_EQ(add(table, 1), 0);
}

TEST(DescriptorTable, TakesRangesInParts) {
    DescriptorTable table;
    for (uint64_t i = 0; i < 10; ++i) add(table, i + 1);
    std::array<Descriptor, 4> taken;
    EXPECT_EQ(table.take_range(3, ~uint32_t{0}, taken), 4u);
    EXPECT_EQ(taken[0].handle.value, 4u);
    EXPECT_EQ(table.take_range(3, ~uint32_t{0}, taken), 3u);
    EXPECT_EQ(table.take_range(3, ~uint32_t{0}, taken), 0u);
    EXPECT_EQ(add(table, 1), 3);
}

TEST(DescriptorTable, CopyLeavesReservationsBehind) {
    DescriptorTable table;
    add(table, 10);
    const int32_t reserved = *table.reserve(0, kLimit);
    add(table, 12);
    DescriptorTable copy;
    ASSERT_TRUE(copy.copy_from(table));
    EXPECT_EQ(copy.count(), 2u);
    EXPECT_EQ(copy.get(2)->handle.value, 12u);
    EXPECT_EQ(*copy.reserve(0, kLimit), reserved);
}

TEST(DescriptorTable, ForkedChildDropsReservations) {
    DescriptorTable table;
    add(table, 10);
    (void)table.reserve(0, kLimit);
    table.before_fork();
    table.after_fork_in_child();
    EXPECT_EQ(*table.reserve(0, kLimit), 1);
}

TEST(DescriptorTable, BootRecordsRoundTrip) {
    DescriptorTable table;
    ASSERT_TRUE(table.install({.number = 7, .flags = 1, .kind = 4, .status = 2, .handle = {70}}));
    ASSERT_TRUE(table.install({.number = 0, .flags = 0, .kind = 1, .status = 0, .handle = {10}}));
    EXPECT_EQ(table.install({.number = 7, .handle = {71}}).error(), Error::InvalidArgument);
    EXPECT_EQ(table.install({.number = ~0u, .handle = {71}}).error(), Error::InvalidArgument);
    std::array<abi::BootDescriptor, 1> one;
    EXPECT_EQ(table.list(one), 2u);
    EXPECT_EQ(one[0].number, 0u);
    std::array<abi::BootDescriptor, 2> two;
    EXPECT_EQ(table.list(two), 2u);
    EXPECT_EQ(two[1].number, 7u);
    EXPECT_EQ(two[1].flags, 1u);
    EXPECT_EQ(two[1].kind, 4u);
    EXPECT_EQ(two[1].status, 2u);
}

TEST(DescriptorTable, CloseOnExecByNumberAndRange) {
    DescriptorTable table;
    for (uint64_t i = 0; i < 4; ++i) add(table, i + 1);
    EXPECT_EQ(table.set_close_on_exec(9, true).error(), Error::BadHandle);
    table.set_close_on_exec_range(2, 100);
    EXPECT_FALSE(table.get(1)->close_on_exec);
    EXPECT_TRUE(table.get(2)->close_on_exec);
    ASSERT_TRUE(table.set_close_on_exec(3, false));
    EXPECT_FALSE(table.get(3)->close_on_exec);
}

TEST(DescriptorTable, HintsStickToTheObject) {
    DescriptorTable table;
    add(table, 1);
    table.note_terminal(0, {2}, TerminalHint::Yes);
    EXPECT_EQ(table.get(0)->terminal, TerminalHint::Unknown);
    table.note_terminal(0, {1}, TerminalHint::Yes);
    EXPECT_EQ(table.get(0)->terminal, TerminalHint::Yes);
}

TEST(DescriptorTable, ThreadsNeverShareANumber) {
    DescriptorTable table;
    constexpr uint64_t kThreads = 4, kRounds = 2000;
    std::vector<std::thread> threads;
    for (uint64_t t = 1; t <= kThreads; ++t)
        threads.emplace_back([&table, t] {
            for (uint64_t round = 0; round < kRounds; ++round) {
                const int32_t number = add(table, t);
                ASSERT_GE(number, 0);
                ASSERT_EQ(table.take(number)->handle.value, t);
            }
        });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(table.count(), 0u);
}

}  // namespace
}  // namespace portico::posix
