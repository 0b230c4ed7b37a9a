#include "posix/files/attributes.h"

#include <gtest/gtest.h>

#include <array>

namespace portico::posix {
namespace {

namespace file = protocols::file;

TEST(Attributes, StatTimesAreNeverNegativeFractions) {
    file::Attributes attributes{};
    attributes.modify_ns = -1;
    attributes.access_ns = 1'500'000'000;
    const linux_abi::Stat stat = to_stat(attributes);
    EXPECT_EQ(stat.modify.seconds, -1);
    EXPECT_EQ(stat.modify.nanoseconds, 999'999'999);
    EXPECT_EQ(stat.access.seconds, 1);
    EXPECT_EQ(stat.access.nanoseconds, 500'000'000);
}

TEST(Attributes, StatxSplitsDeviceNumbers) {
    file::Attributes attributes{};
    attributes.special_device = (136 << 8) | 3;
    attributes.mode = 0020620;
    const linux_abi::Statx statx = to_statx(attributes);
    EXPECT_EQ(statx.special_major, 136u);
    EXPECT_EQ(statx.special_minor, 3u);
    EXPECT_EQ(statx.mode, 0020620);
}

TEST(Attributes, TimesToSet) {
    EXPECT_EQ(times_to_set(nullptr)->changes,
              static_cast<uint32_t>(file::Change::AccessNow) | static_cast<uint32_t>(file::Change::ModifyNow));
    const std::array<linux_abi::Timespec, 2> mixed{{{0, kUtimeOmit}, {3, 4}}};
    const auto change = times_to_set(mixed.data());
    EXPECT_EQ(change->changes, static_cast<uint32_t>(file::Change::ModifyTime));
    EXPECT_EQ(change->modify_ns, 3'000'000'004);
    const std::array<linux_abi::Timespec, 2> bad{{{0, 1'000'000'000}, {0, 0}}};
    EXPECT_EQ(times_to_set(bad.data()).error(), Error::InvalidArgument);
    const std::array<linux_abi::Timespec, 2> far{{{INT64_MAX, 0}, {0, 0}}};
    EXPECT_EQ(times_to_set(far.data()).error(), Error::InvalidArgument);
}

}  // namespace
}  // namespace portico::posix
