#include "posix/files/iovec.h"

#include <gtest/gtest.h>

#include <array>

namespace portico::posix {
namespace {

using linux_abi::Iovec;
using linux_abi::kTransferBytesMax;

TEST(Iovec, SumsLengths) {
    std::array<Iovec, 3> vectors{{{1, 10}, {2, 0}, {3, 5}}};
    EXPECT_EQ(*check_iovecs(vectors), 15u);
    EXPECT_EQ(*check_iovecs({}), 0u);
}

TEST(Iovec, RefusesWhatOverflowsSigned) {
    std::array<Iovec, 1> negative{{{0, uint64_t{1} << 63}}};
    EXPECT_EQ(check_iovecs(negative).error(), Error::InvalidArgument);
    std::array<Iovec, 2> sum{{{0, (~uint64_t{0} >> 1) - 1}, {0, 2}}};
    EXPECT_EQ(check_iovecs(sum).error(), Error::InvalidArgument);
}

TEST(Iovec, CutsBeyondOneCallsBound) {
    std::array<Iovec, 3> vectors{{{0, kTransferBytesMax - 1}, {0, 10}, {0, 10}}};
    EXPECT_EQ(*check_iovecs(vectors), kTransferBytesMax);
    EXPECT_EQ(vectors[1].length_bytes, 1u);
    EXPECT_EQ(vectors[2].length_bytes, 0u);
}

}  // namespace
}  // namespace portico::posix
