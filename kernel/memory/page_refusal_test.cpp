#include "kernel/arch/hosted/page_fixture.h"

/// Memory whose pages may not be passed: refused as a source and as a landing, and everything stays as it was.
namespace portico::kernel::hosted {
namespace {

class PageRefusalTest : public PageTransferTest {
protected:
    uint64_t good = machine.map(sender, 8 * kPage);

    /// As a source and as a landing: refused, and all as before.
    void expect_refused(const char* what, uint64_t address, uint64_t count, Error error) {
        SCOPED_TRACE(what);
        for (const Passing how : {Passing::Move, Passing::Copy}) {
            fill(sender, good, 8, 40);
            const uint64_t used = machine.root().used_bytes();
            EXPECT_EQ(refusal(take(sender, address, count, how)), error);
            EXPECT_TRUE(carried.empty());
            EXPECT_EQ(machine.root().used_bytes(), used);
            if (count == 0 || count > 8) continue;
            ASSERT_EQ(refusal(take(sender, good, count, how)), Error::None);
            const uint64_t taken = machine.root().used_bytes();
            EXPECT_EQ(refusal(land(sender, address)), error);
            EXPECT_FALSE(carried.empty());
            EXPECT_EQ(machine.root().used_bytes(), taken);
            ASSERT_EQ(refusal(land(sender, good)), Error::None);
            expect_filled(sender, good, 8, 40);
        }
    }
    uint64_t map(uint64_t flags, Handle memory = {}, uint64_t pages = 4) {
        const auto mapped = machine.call(sender, abi::SpaceMap{abi::kSelfSpace, memory, 0, 0, pages * kPage, flags});
        EXPECT_TRUE(mapped);
        return mapped->address;
    }
};

TEST_F(PageRefusalTest, RangesThatAreNone) {
    expect_refused("unaligned", good + 8, 1, Error::InvalidArgument);
    expect_refused("none", good, 0, Error::InvalidArgument);
    expect_refused("too long", good, abi::kMessagePagesMax + 1, Error::InvalidArgument);
    expect_refused("null", 0, 1, Error::InvalidArgument);
    expect_refused("kernel", 0xFFFF'8000'0000'0000, 1, Error::InvalidArgument);
    expect_refused("over the end", abi::kUserAddressMax - kPage, 2, Error::InvalidArgument);
    expect_refused("wraps", ~uint64_t{0xFFF}, 2, Error::InvalidArgument);
    expect_refused("nothing there", 0x7000'0000, 1, Error::BadAddress);
    expect_refused("a hole behind", good + 4 * kPage, 8, Error::BadAddress);
    const uint64_t apart = map_pieces(sender, 0x4000'0000, {2, 2});
    machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, apart + kPage, kPage});
    expect_refused("a hole in it", apart, 4, Error::BadAddress);
}

TEST_F(PageRefusalTest, MemoryThatIsNotPrivate) {
    expect_refused("read-only", map(1), 2, Error::InvalidArgument);
    expect_refused("no access", map(0), 2, Error::InvalidArgument);
    expect_refused("shared", map(kReadWrite | static_cast<uint64_t>(abi::MapFlags::Shared)), 2, Error::InvalidArgument);
    const uint64_t mixed = map_pieces(sender, 0x4000'0000, {2, 2});
    fill(sender, mixed, 4, 1);
    machine.call(sender, abi::SpaceProtect{abi::kSelfSpace, mixed + 2 * kPage, kPage, 1});
    expect_refused("its last page read-only", mixed, 3, Error::InvalidArgument);
    const Handle device = machine.call(sender, abi::MemoryPhysical{machine.make_resource(sender), 0xFEB0'0000, 4 * kPage})->memory;
    const uint64_t registers = map(kReadWrite, device);
    machine.call(sender, abi::HandleClose{device});
    expect_refused("device memory", registers, 1, Error::InvalidArgument);
}

TEST_F(PageRefusalTest, MemoryThatOthersReach) {
    const Handle memory = machine.call(sender, abi::MemoryCreate{4 * kPage})->memory;
    const uint64_t first = map(kReadWrite, memory);
    expect_refused("a handle", first, 1, Error::InvalidArgument);
    const uint64_t second = map(1, memory);
    const Handle sent = machine.give(sender, memory, receiver);
    machine.call(sender, abi::HandleClose{memory});
    expect_refused("another's handle", first, 1, Error::InvalidArgument);
    machine.call(receiver, abi::HandleClose{sent});
    expect_refused("another mapping", first, 1, Error::InvalidArgument);
    machine.call(sender, abi::SpaceUnmap{abi::kSelfSpace, second, 2 * kPage});
    expect_refused("another mapping of some of it", first + kPage, 2, Error::InvalidArgument);
    fill(sender, first, 4, 1);
    ASSERT_EQ(refusal(take(sender, first, 2, Passing::Move)), Error::None) << "nobody else shows these";
    ASSERT_EQ(refusal(land(sender, good)), Error::None);
    expect_filled(sender, good, 2, 1);
}

TEST_F(PageRefusalTest, MemoryThatIsMappedElsewhere) {
    const Handle memory = machine.call(sender, abi::MemoryCreate{4 * kPage})->memory;
    const uint64_t own = map(kReadWrite, memory);
    const Handle sent = machine.give(sender, memory, receiver);
    ASSERT_TRUE(machine.call(receiver, abi::SpaceMap{abi::kSelfSpace, sent, 0, 0, kPage, 1}));
    machine.call(receiver, abi::HandleClose{sent});
    machine.call(sender, abi::HandleClose{memory});
    expect_refused("mapped in another space", own, 1, Error::InvalidArgument);
    expect_refused("a part of it mapped in another space", own + 2 * kPage, 1, Error::InvalidArgument);
    kill(receiver);
    fill(sender, own, 4, 1);
    ASSERT_EQ(refusal(take(sender, own, 4, Passing::Move)), Error::None);
}

TEST_F(PageRefusalTest, MemoryPastTheEndOfItsObject) {
    const Handle memory = machine.call(sender, abi::MemoryCreate{2 * kPage})->memory;
    const uint64_t address = map(kReadWrite, memory);
    machine.call(sender, abi::HandleClose{memory});
    expect_refused("past the end", address + kPage, 2, Error::BadAddress);
}

}  // namespace
}  // namespace portico::kernel::hosted
