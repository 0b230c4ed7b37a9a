#include "posix/files/select_sets.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <vector>

namespace portico::posix {
namespace {

using linux_abi::PollDescriptor;

TEST(SelectSets, RoundTrip) {
    std::array<uint64_t, 2> read{(1u << 3) | (1u << 5), 1};  // 3, 5, 64
    std::array<uint64_t, 2> write{1u << 3, 0};
    const SelectSets sets{read, write, {}};
    ASSERT_EQ(count_selected(sets, 128), 3u);
    EXPECT_EQ(count_selected(sets, 5), 1u);
    std::vector<PollDescriptor> records(3);
    select_to_poll(sets, 128, records);
    EXPECT_EQ(records[0].number, 3);
    EXPECT_EQ(records[0].events, linux_abi::kPollIn | linux_abi::kPollOut);
    EXPECT_EQ(records[2].number, 64);
    records[0].happened = linux_abi::kPollOut;
    records[2].happened = linux_abi::kPollHangUp;
    EXPECT_EQ(poll_to_select(records, sets), 2);
    EXPECT_EQ(read[0], 0u);
    EXPECT_EQ(read[1], 1u);
    EXPECT_EQ(write[0], 1u << 3);
}

TEST(SelectSets, ClosedDescriptorIsAnError) {
    std::array<uint64_t, 1> read{1};
    const SelectSets sets{read, {}, {}};
    const std::array<PollDescriptor, 1> records{{{0, linux_abi::kPollIn, linux_abi::kPollInvalid}}};
    EXPECT_EQ(poll_to_select(records, sets), -EBADF);
    EXPECT_EQ(read[0], 1u);
}

}  // namespace
}  // namespace portico::posix
