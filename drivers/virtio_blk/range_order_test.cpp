#include "drivers/virtio_blk/range_order.h"

namespace portico::virtio_blk {
namespace {

TEST(RangeOrderTest, OnlyOverlapsWithAWriteWait) {
    RangeOrder order;
    const RangeOrder::Turn read(order, 0, 100, false), another(order, 50, 100, false), write(order, 200, 10, true);
    EXPECT_EQ(read.blocked_by(), nullptr);
    EXPECT_EQ(another.blocked_by(), nullptr) << "reads go together";
    EXPECT_EQ(write.blocked_by(), nullptr);
    const RangeOrder::Turn touching(order, 210, 10, true), over_write(order, 209, 1, false), over_read(order, 99, 1, true);
    EXPECT_EQ(touching.blocked_by(), nullptr);
    EXPECT_NE(over_write.blocked_by(), nullptr);
    EXPECT_NE(over_read.blocked_by(), nullptr);
}

TEST(RangeOrderTest, AWaitingOneHoldsItsPlace) {
    RangeOrder order;
    std::optional<RangeOrder::Turn> first;
    first.emplace(order, 0, 10, true);
    const RangeOrder::Turn second(order, 0, 20, true), third(order, 10, 10, true);
    EXPECT_NE(second.blocked_by(), nullptr);
    EXPECT_NE(third.blocked_by(), nullptr) << "though nothing that is under way is in its way";
    first.reset();
    EXPECT_EQ(second.blocked_by(), nullptr);
    EXPECT_NE(third.blocked_by(), nullptr);
}

TEST(RangeOrderTest, TheEndWakesThoseThatWait) {
    RangeOrder order;
    std::optional<RangeOrder::Turn> first;
    first.emplace(order, 0, 10, true);
    bool went_on = false;
    const auto wait = [](RangeOrder& all, bool& done) -> ipc::Task {
        const RangeOrder::Turn own(all, 5, 1, false);
        while (ipc::WaitQueue* const earlier = own.blocked_by()) (void)co_await earlier->wait(0);
        done = true;
    };
    wait(order, went_on);
    EXPECT_FALSE(went_on);
    first.reset();
    EXPECT_TRUE(went_on);
}

}  // namespace
}  // namespace portico::virtio_blk
