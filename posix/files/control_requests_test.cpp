#include "posix/files/control_requests.h"

#include <gtest/gtest.h>

namespace portico::posix {
namespace {

void expect_shape(uint64_t request, unsigned input_bytes, unsigned output_bytes, bool by_value) {
    const ControlShape shape = control_shape(request);
    EXPECT_EQ(shape.input_bytes, input_bytes) << std::hex << request;
    EXPECT_EQ(shape.output_bytes, output_bytes) << std::hex << request;
    EXPECT_EQ(shape.by_value, by_value) << std::hex << request;
}

TEST(ControlRequests, OldNumbersByTable) {
    expect_shape(0x5401, 0, 36, false);  // TCGETS
    expect_shape(0x5404, 36, 0, false);  // TCSETSF
    expect_shape(0x5413, 0, 8, false);   // TIOCGWINSZ
    expect_shape(0x5410, 4, 0, false);   // TIOCSPGRP
    expect_shape(0x540E, 0, 0, true);    // TIOCSCTTY
    expect_shape(0x541B, 0, 4, false);   // FIONREAD
}

TEST(ControlRequests, NewNumbersTellTheirSize) {
    expect_shape(0x802C542A, 0, 44, false);  // TCGETS2
    expect_shape(0x402C542B, 44, 0, false);  // TCSETS2
    expect_shape(0xC0045878, 4, 4, false);   // both ways
    expect_shape(0x12345, 0, 0, true);       // unknown: nothing is lent
}

}  // namespace
}  // namespace portico::posix
