#include "kernel/arch/hosted/page_fixture.h"

/// Who is charged for pages on their way, and what happens when somebody cannot be.
namespace portico::kernel::hosted {
namespace {

class PagePaymentTest : public PageTransferTest {};

TEST_F(PagePaymentTest, EveryByteIsAccountedFor) {
    for (const uint64_t count : {uint64_t{1}, uint64_t{64}, uint64_t{256}}) {
        const uint64_t source = machine.map(sender, count * kPage), landing = machine.map(receiver, count * kPage);
        fill(sender, source, count, 1);
        pass(source, count, landing, Passing::Move);  // nodes and tables are there now
        fill(sender, source, count, 1);
        fill(receiver, landing, count, 1);
        const uint64_t sender_used = sender_account->used_bytes(), receiver_used = receiver_account->used_bytes();
        const uint64_t root_used = machine.root().used_bytes();
        const uint64_t list = count == 1 ? 0 : count == 64 ? 576 : 4064;

        ASSERT_EQ(refusal(take(sender, source, count, Passing::Move)), Error::None);
        EXPECT_EQ(sender_account->used_bytes(), sender_used + list) << "in flight its sender pays";
        EXPECT_EQ(receiver_account->used_bytes(), receiver_used);
        ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
        EXPECT_EQ(sender_account->used_bytes(), sender_used - count * kPage);
        EXPECT_EQ(receiver_account->used_bytes(), receiver_used) << "as many went as came";
        EXPECT_EQ(machine.root().used_bytes(), root_used - count * kPage);

        ASSERT_EQ(refusal(take(receiver, landing, count, Passing::Copy)), Error::None);
        ASSERT_EQ(refusal(land(sender, source)), Error::None);
        EXPECT_EQ(sender_account->used_bytes(), sender_used - count * kPage) << "a copy stays charged where it was";
        EXPECT_EQ(receiver_account->used_bytes(), receiver_used);
        machine.call(receiver, abi::SpaceUnmap{abi::kSelfSpace, landing, count * kPage});
        EXPECT_GE(receiver_account->used_bytes(), count * kPage) << "until its last sharer has gone";
        machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, source, count * kPage});
        EXPECT_LT(receiver_account->used_bytes(), receiver_used - count * kPage + 1);
    }
}

TEST_F(PagePaymentTest, DroppedPagesGoBackToWhoPaid) {
    const uint64_t source = machine.map(sender, 30 * kPage);
    fill(sender, source, 30, 1);
    const uint64_t used = sender_account->used_bytes();
    ASSERT_EQ(refusal(take(sender, source, 30, Passing::Copy)), Error::None);
    drop();
    EXPECT_EQ(sender_account->used_bytes(), used);
    expect_filled(sender, source, 30, 1);
    ASSERT_EQ(refusal(take(sender, source, 30, Passing::Move)), Error::None);
    drop();
    EXPECT_EQ(sender_account->used_bytes(), used - 30 * kPage);
    expect_zero(sender, source, 30);
}

TEST_F(PagePaymentTest, PagesOutliveTheirSender) {
    const uint64_t source = machine.map(sender, 3 * kPage), landing = machine.map(receiver, 3 * kPage);
    fill(sender, source, 3, 1);
    ASSERT_EQ(refusal(take(sender, source, 3, Passing::Move)), Error::None);
    kill(sender);
    machine.in_kernel([&] { sender_account = nullptr; });
    ASSERT_EQ(refusal(land(receiver, landing)), Error::None);
    expect_filled(receiver, landing, 3, 1);
}

TEST_F(PagePaymentTest, AReceiverThatCannotPayGetsNothing) {
    const uint64_t source = machine.map(sender, 20 * kPage), landing = machine.map(receiver, 20 * kPage);
    fill(sender, source, 20, 1);
    pass(source, 20, landing, Passing::Move);
    fill(sender, source, 20, 3);
    machine.call(receiver, abi::SpaceUnmap{abi::kSelfSpace, landing, 20 * kPage});
    machine.call(receiver, abi::SpaceMap{abi::kSelfSpace, {}, 0, landing, 20 * kPage, kFixed | kReadWrite});
    for (const uint64_t i : {0u, 19u}) machine.write<uint64_t>(receiver, landing + i * kPage, 2);
    const uint64_t left = receiver_account->limit_bytes() - receiver_account->used_bytes() - 19 * kPage;
    machine.in_kernel([&] { ASSERT_TRUE(receiver_account->charge(left)); });
    const uint64_t used = receiver_account->used_bytes(), sender_used = sender_account->used_bytes();
    ASSERT_EQ(refusal(take(sender, source, 20, Passing::Move)), Error::None);
    EXPECT_EQ(refusal(land(receiver, landing)), Error::NoMemory);
    EXPECT_EQ(receiver_account->used_bytes(), used);
    EXPECT_EQ(machine.read(receiver, landing), 2u);
    machine.in_kernel([&] { receiver_account->refund(kPage); });
    EXPECT_EQ(refusal(land(receiver, landing)), Error::None);
    EXPECT_EQ(sender_account->used_bytes(), sender_used - 20 * kPage);
    expect_filled(receiver, landing, 20, 3);
    machine.in_kernel([&] { receiver_account->refund(left - kPage); });
}

TEST_F(PagePaymentTest, ParentsOfBothSeeNoDifference) {
    // Both below one account that is full: what only changes hands below it needs no room there.
    Ref<Account> parent = make_account(uint64_t{4} << 20), one, other;
    machine.in_kernel([&] {
        one = *create_object<Account>(machine.root(), parent.get(), uint64_t{4} << 20);
        other = *create_object<Account>(machine.root(), one.get(), uint64_t{4} << 20);
    });
    Thread& from = machine.make_thread(machine.make_process({}, one.get()));
    Thread& to = machine.make_thread(machine.make_process({}, other.get()));
    const uint64_t source = machine.map(from, 10 * kPage), landing = machine.map(to, 10 * kPage);
    fill(from, source, 10, 1);
    fill(to, landing, 10, 2);
    machine.in_kernel([&] {
        const PageRange range{source, 10 * kPage};
        ASSERT_TRUE(carried.reserve(from.process().space(), range, Passing::Move, from.process().account()));
        carried.take(from.process().space(), range);
        ASSERT_TRUE(parent->charge(parent->limit_bytes() - parent->used_bytes()));
    });
    const uint64_t filler = parent->used_bytes() - one->used_bytes();
    const uint64_t one_used = one->used_bytes(), other_used = other->used_bytes();
    EXPECT_EQ(refusal(land(to, landing)), Error::None);
    expect_filled(to, landing, 10, 1);
    EXPECT_EQ(other->used_bytes(), other_used) << "ten came, ten went";
    EXPECT_LE(one->used_bytes(), one_used - 10 * kPage) << "ten went";
    machine.in_kernel([&] {
        parent->refund(filler);
        parent = one = other = nullptr;
    });
}

TEST_F(PagePaymentTest, PagesOfManyPayersAreEachSettled) {
    // In turn: a copy the receiver of a copied range paid for, a new page of its own, one the first sender pays for still.
    const uint64_t source = machine.map(sender, 40 * kPage), landing = machine.map(receiver, 40 * kPage);
    fill(sender, source, 40, 1);
    Ref<Account> account = make_account(uint64_t{4} << 20);
    Thread& other = machine.make_thread(machine.make_process({}, account.get()));
    const uint64_t middle = machine.map(other, 40 * kPage);
    expect_zero(receiver, landing, 40);  // makes tables
    ASSERT_EQ(refusal(take(sender, source, 40, Passing::Copy)), Error::None);
    ASSERT_EQ(refusal(land(other, middle)), Error::None);
    for (uint64_t i = 0; i < 40; i += 3) machine.write(other, middle + i * kPage + 8 * i, 1 + i);  // copies
    machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, source, 40 * kPage});
    for (uint64_t i = 1; i < 40; i += 3) {  // pages that are new, from an account of their own
        machine.call(other, abi::SpaceUnmap{abi::kSelfSpace, middle + i * kPage, kPage});
        map_pieces(other, middle + i * kPage, {1});
        machine.write(other, middle + i * kPage + 8 * i, 1 + i);
    }
    ASSERT_EQ(refusal(take(other, middle, 40, Passing::Move)), Error::None);
    const uint64_t left = receiver_account->limit_bytes() - receiver_account->used_bytes() - 30 * kPage;
    machine.in_kernel([&] { ASSERT_TRUE(receiver_account->charge(left)); });
    const uint64_t sender_used = sender_account->used_bytes(), used = account->used_bytes(), charged = receiver_account->used_bytes();
    EXPECT_EQ(refusal(land(receiver, landing)), Error::NoMemory);
    EXPECT_EQ(sender_account->used_bytes(), sender_used);
    EXPECT_EQ(account->used_bytes(), used);
    EXPECT_LE(receiver_account->used_bytes(), charged + kPage) << "at most a node";
    machine.in_kernel([&] { receiver_account->refund(left); });
    EXPECT_EQ(refusal(land(receiver, landing)), Error::None);
    expect_filled(receiver, landing, 40, 1);
    EXPECT_EQ(sender_account->used_bytes(), sender_used - 13 * kPage);
    machine.in_kernel([&] { account = nullptr; });
}

// ---- no memory

TEST_F(PagePaymentTest, EveryAllocationMayFail) {
    const uint64_t source = machine.map(sender, 130 * kPage);
    fill(sender, source, 130, 1);
    for (const Passing how : {Passing::Move, Passing::Copy}) {
        Thread& child = fork(sender);  // whose tree is shared: nodes and pages are to be copied
        int failures = 0;
        for (int64_t n = 0;; ++n) {
            FrameAllocator::fail_after = n;
            const Result<> taken = take(child, source + 60 * kPage, 8, how);
            const bool failed = std::exchange(FrameAllocator::fail_after, -1) < 0;
            if (taken) {
                EXPECT_FALSE(failed);
                break;
            }
            ++failures;
            EXPECT_EQ(taken.error(), Error::NoMemory);
            expect_filled(child, source, 130, 1);
        }
        EXPECT_GE(failures, how == Passing::Move ? 9 : 1);
        const uint64_t landing = map_pieces(receiver, how == Passing::Move ? 0x4000'0000 : 0x6000'0000, {3, 40});
        failures = 0;
        for (int64_t n = 0;; ++n) {
            FrameAllocator::fail_after = n;
            const Result<> landed = land(receiver, landing);
            FrameAllocator::fail_after = -1;
            if (landed) break;
            ++failures;
            EXPECT_EQ(landed.error(), Error::NoMemory);
            expect_zero(receiver, landing, 43);
        }
        EXPECT_GE(failures, 2);
        for (uint64_t i = 0; i < 8; ++i) EXPECT_EQ(machine.read(receiver, landing + i * kPage + 8 * (60 + i)), 61 + i);
        expect_filled(sender, source, 130, 1);
        kill(child);
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
