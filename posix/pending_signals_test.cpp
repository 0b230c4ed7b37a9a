#include <gtest/gtest.h>

#include "posix/signal_types.h"

namespace portico::posix {
namespace {

TEST(PendingSignals, KeepsOneOfEachStandardSignalAndRealtimeInOrder) {
    PendingSignals pending;
    pending.add({.number = 10, .pid = 1});
    pending.add({.number = 10, .pid = 2});
    pending.add({.number = 34, .value = 1});
    pending.add({.number = 35, .value = 9});
    pending.add({.number = 34, .value = 2});
    EXPECT_EQ(pending.take(~uint64_t{0}).pid, 1);
    EXPECT_EQ(pending.take(signal_bit(10)).number, 0);
    EXPECT_EQ(pending.take(~uint64_t{0}).value, 1u);
    EXPECT_NE(pending.set() & signal_bit(34), 0u);
    EXPECT_EQ(pending.take(signal_bit(34)).value, 2u);
    EXPECT_EQ(pending.set(), signal_bit(35));
    pending.discard(signal_bit(35));
    EXPECT_EQ(pending.set(), 0u);
}

TEST(PendingSignals, IsBounded) {
    PendingSignals pending;
    for (unsigned i = 0; i < PendingSignals::kRealtimeMax + 5; ++i) pending.add({.number = 64, .value = i});
    unsigned count = 0;
    while (pending.take(~uint64_t{0}).number != 0) ++count;
    EXPECT_EQ(count, PendingSignals::kRealtimeMax);
    pending.add({.number = 0});
    pending.add({.number = 65});
    EXPECT_EQ(pending.set(), 0u);
}

}  // namespace
}  // namespace portico::posix
