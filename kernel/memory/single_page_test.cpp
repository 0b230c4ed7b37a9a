#include "kernel/arch/hosted/page_fixture.h"

/// The short way of one page that moves, and what is not for it: then nothing has changed, and the general way has the answer.
namespace portico::kernel::hosted {
namespace {

class SinglePageTest : public PageTransferTest {
protected:
    const uint64_t source = machine.map(sender, 3 * kPage), landing = machine.map(receiver, 3 * kPage);

    bool take_single(Thread& from, uint64_t address) {
        return machine.in_kernel([&] { return carried.take_single(from.process().space(), {address, kPage}); });
    }
    bool is_mapped(Thread& thread, uint64_t address) { return thread.process().space().page_table().lookup(address).present; }
    /// What the general way says of a page that is not for the short one.
    Error take_otherwise(uint64_t address) {
        EXPECT_FALSE(take_single(sender, address));
        return refusal(take(sender, address, 1, Passing::Move));
    }
};

TEST_F(SinglePageTest, MovesAndIsMappedAtOnce) {
    fill(sender, source, 3, 1);
    fill(receiver, landing, 1, 9);
    const uint64_t sender_used = sender_account->used_bytes(), receiver_used = receiver_account->used_bytes();
    const uint64_t root_used = machine.root().used_bytes();
    ASSERT_TRUE(take_single(sender, source));
    EXPECT_FALSE(is_mapped(sender, source));
    EXPECT_EQ(sender_account->used_bytes(), sender_used) << "in flight who paid before";
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    EXPECT_TRUE(carried.empty());
    EXPECT_TRUE(is_mapped(receiver, landing));
    EXPECT_EQ(sender_account->used_bytes(), sender_used - kPage);
    EXPECT_EQ(receiver_account->used_bytes(), receiver_used) << "one came, one went";
    EXPECT_EQ(machine.root().used_bytes(), root_used - kPage);
    expect_filled(receiver, landing, 1, 1);
    expect_zero(sender, source, 1);
    EXPECT_EQ(machine.read(sender, source + kPage + 8), 2u);
}

TEST_F(SinglePageTest, OtherCpusLoseItAndSeeIt) {
    Thread& writer = machine.make_thread(sender.process());
    Thread& reader = machine.make_thread(receiver.process());
    machine.use_cpu(1);
    fill(writer, source, 1, 1);
    machine.use_cpu(0);
    ASSERT_TRUE(take_single(sender, source));
    machine.use_cpu(1);
    fill(writer, source, 1, 2);
    fill(reader, landing, 1, 3);
    machine.use_cpu(0);
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    machine.use_cpu(1);
    expect_filled(reader, landing, 1, 1);
    machine.use_cpu(0);
    expect_filled(sender, source, 1, 2);
}

TEST_F(SinglePageTest, WhatIsNotForIt) {
    fill(sender, source, 1, 1);
    EXPECT_EQ(take_otherwise(source + 8), Error::InvalidArgument);
    EXPECT_EQ(take_otherwise(0x7000'0000'0000), Error::BadAddress);
    fill(receiver, landing, 1, 6);
    EXPECT_EQ(take_otherwise(source + kPage), Error::None) << "never written";
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    expect_zero(receiver, landing, 1);
    const uint64_t constant = machine.map(sender, kPage, abi::MapFlags::None | abi::Access::Read);
    EXPECT_EQ(take_otherwise(constant), Error::InvalidArgument);
    const Handle memory = machine.call(sender, abi::MemoryCreate{kPage})->memory;
    const uint64_t named = machine.map(sender, kPage, abi::MapFlags::None | abi::Access::ReadWrite, memory);
    fill(sender, named, 1, 5);
    EXPECT_EQ(take_otherwise(named), Error::InvalidArgument);
    EXPECT_EQ(machine.read(sender, named), 5u);

    Thread& child = fork(sender);
    EXPECT_EQ(take_otherwise(source), Error::None) << "shared with the fork";
    drop();
    expect_filled(child, source, 1, 1);
}

TEST_F(SinglePageTest, ALandingThatCannotPayKeepsIt) {
    fill(sender, source, 1, 1);
    fill(receiver, landing + kPage, 1, 7);  // the places are there
    ASSERT_TRUE(take_single(sender, source));
    FrameAllocator::fail_after = 0;  // of whatever needs memory
    EXPECT_EQ(refusal(land(receiver, landing)), Error::None) << "nothing does";
    FrameAllocator::fail_after = -1;
    ASSERT_TRUE(take_single(receiver, landing));
    Ref<Account> poor = make_account(uint64_t{1} << 20);
    Thread& other = machine.make_thread(machine.make_process({}, poor.get()));
    const uint64_t place = machine.map(other, 2 * kPage);
    fill(other, place + kPage, 1, 8);
    const uint64_t rest = poor->limit_bytes() - poor->used_bytes();
    machine.in_kernel([&] { EXPECT_TRUE(poor->charge(rest)); });
    const uint64_t used = poor->used_bytes();
    EXPECT_EQ(refusal(land(other, place)), Error::NoMemory);
    EXPECT_EQ(poor->used_bytes(), used);
    EXPECT_FALSE(carried.empty());
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    expect_filled(receiver, landing, 1, 1);
    machine.in_kernel([&] {
        poor->refund(rest);
        poor = nullptr;
    });
}

TEST_F(SinglePageTest, AMappingThatIsGoneIsNotRemembered) {
    fill(sender, source, 3, 1);
    ASSERT_TRUE(take_single(sender, source + kPage));
    drop();
    ASSERT_TRUE(machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, source, 2 * kPage}));
    EXPECT_EQ(take_otherwise(source), Error::BadAddress);
    ASSERT_TRUE(take_single(sender, source + 2 * kPage));
    drop();
    ASSERT_TRUE(machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, source + 2 * kPage, kPage}));
    EXPECT_EQ(take_otherwise(source + 2 * kPage), Error::BadAddress);
    const uint64_t again = map_pieces(sender, source, {3});
    fill(sender, again, 3, 11);
    ASSERT_TRUE(take_single(sender, again));
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    expect_filled(receiver, landing, 1, 11);
}

}  // namespace
}  // namespace portico::kernel::hosted
