#include "kernel/arch/hosted/port_fixture.h"

/// Work that takes as long as memory is large comes in parts, none of them longer than one kernel entry may take.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
/// Some work is looked at before it is known how much it is: a page table's worth.
constexpr uint64_t kPagesInOneEntry = Steps::kInOneEntry + 512;

class BoundedStepsTest : public testing::Test {
protected:
    static constexpr uint64_t kPages = 6000;

    Machine machine{1, 64};
    Thread& thread = machine.make_thread();
    AddressSpace& space = thread.process().space();

    uint64_t map_and_touch(uint64_t pages) {
        const uint64_t address = machine.map(thread, pages * kPage);
        for (uint64_t page = 0; page < pages; ++page) EXPECT_TRUE(machine.write<uint64_t>(thread, address + page * kPage, page + 1));
        return address;
    }
    /// With the lock, and none of what a kernel entry does at its end.
    template <class Act>
    void with_lock(Act act) {
        kernel_lock.lock();
        act();
        kernel_lock.unlock();
    }
};

TEST_F(BoundedStepsTest, UnmappingGoesOnWhereItStopped) {
    const uint64_t address = map_and_touch(kPages);
    unsigned parts = 0;
    for (uint64_t done = 0; done < kPages; ++parts) {
        const uint64_t free_before = frames.free_pages();
        with_lock([&] { done += *space.unmap_some(address + done * kPage, kPages - done); });
        EXPECT_LE(frames.free_pages() - free_before, kPagesInOneEntry + 100) << "pages, and nodes of their tree";
        if (done < kPages) {
            EXPECT_EQ(machine.read(thread, address + done * kPage), done + 1) << "what is behind is as it was";
        }
    }
    EXPECT_GE(parts, kPages / kPagesInOneEntry);
}

TEST_F(BoundedStepsTest, ASystemCallUnmapsAll) {
    const uint64_t address = map_and_touch(kPages);
    const uint64_t before = frames.free_pages();
    ASSERT_TRUE(machine.call(thread, abi::SpaceUnmap{abi::kSelfSpace, address, kPages * kPage - 1}));
    EXPECT_GE(frames.free_pages(), before + kPages);
    EXPECT_EQ(space.mapping_above(address), nullptr);
}

TEST_F(BoundedStepsTest, HolesCostNothing) {
    constexpr uint64_t kSparse = uint64_t{1} << 28;  // a terabyte
    const uint64_t address = machine.map(thread, kSparse * kPage);
    for (const uint64_t page : {uint64_t{0}, kSparse / 2, kSparse - 1})
        ASSERT_TRUE(machine.write<uint64_t>(thread, address + page * kPage, 1));
    unsigned parts = 0;
    for (uint64_t done = 0; done < kSparse; ++parts) with_lock([&] { done += *space.unmap_some(address + done * kPage, kSparse - done); });
    EXPECT_LE(parts, 3u);
}

TEST_F(BoundedStepsTest, ReplacingAMappingIsMadeAgainUntilAllIsGone) {
    const uint64_t address = map_and_touch(kPages);
    constexpr auto kFlags = static_cast<uint64_t>(MapFlags::Fixed) | 3;
    ASSERT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, address, kPages * kPage, kFlags}));
    for (uint64_t page = 0; page < kPages; page += 500) EXPECT_EQ(machine.read(thread, address + page * kPage), 0u);
}

TEST_F(BoundedStepsTest, ProtectingGoesOnWhereItStopped) {
    const uint64_t address = map_and_touch(kPages);
    uint64_t done = 0;
    with_lock([&] { done = *space.protect_some(address, kPages, Access::None); });
    EXPECT_LT(done, kPagesInOneEntry);
    EXPECT_GT(done, 0u);
    const auto readable = [&](uint64_t page) {
        return machine.in_kernel([&] { return space.resolve(address + page * kPage, Access::Read); });
    };
    EXPECT_FALSE(readable(done - 1));
    EXPECT_TRUE(readable(done));
    ASSERT_TRUE(machine.call(thread, abi::SpaceProtect{abi::kSelfSpace, address, kPages * kPage, 0}));
    EXPECT_FALSE(readable(kPages - 1));
    ASSERT_TRUE(machine.call(thread, abi::SpaceProtect{abi::kSelfSpace, address, kPages * kPage, 3}));
    EXPECT_EQ(machine.read(thread, address + (kPages - 1) * kPage), kPages);
}

TEST_F(BoundedStepsTest, AnObjectShrinksInParts) {
    const Handle handle = machine.call(thread, abi::MemoryCreate{kPages * kPage})->memory;
    Memory& memory = *machine.in_kernel([&] { return *thread.process().handles().get<Memory>(handle, Rights::None); });
    const auto flags = abi::MapFlags::Shared | abi::Access::ReadWrite;
    const uint64_t address = machine.map(thread, kPages * kPage, flags, handle),
                   second = machine.map(thread, kPages * kPage, flags, handle);
    for (uint64_t page = 0; page < kPages; ++page)
        if (page % 1000 < 700) ASSERT_TRUE(machine.write<uint64_t>(thread, address + page * kPage, page + 1));
    EXPECT_EQ(machine.read(thread, second + 5800 * kPage), 0u) << "shows the zero page";
    Result<> shrunk = fail(Error::WouldBlock);
    unsigned parts = 0;
    for (; !shrunk && shrunk.error() == Error::WouldBlock; ++parts) {
        const uint64_t free_before = frames.free_pages();
        with_lock([&] { shrunk = memory.resize(10 * kPage + 8); });
        EXPECT_LE(frames.free_pages() - free_before, kPagesInOneEntry + 100);
        ASSERT_LT(parts, 100u);
        EXPECT_EQ(memory.size_bytes(), shrunk ? 10 * kPage + 8 : kPages * kPage);
    }
    EXPECT_TRUE(shrunk);
    EXPECT_GE(parts, 4u);
    EXPECT_EQ(memory.resident_bytes(), 11 * kPage);
    for (const uint64_t page : {11, 5000, 5800})
        for (const uint64_t start : {address, second})
            EXPECT_FALSE(machine.in_kernel([&] { return space.resolve(start + page * kPage, Access::Read).has_value(); }));
    Thread& again = machine.make_thread();
    const Handle other = machine.call(again, abi::MemoryCreate{kPages * kPage})->memory;
    const uint64_t shown = machine.map(again, kPages * kPage, flags, other);
    for (uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(machine.write<uint64_t>(again, shown + page * kPage, page));
    ASSERT_TRUE(machine.call(again, abi::MemoryResize{other, kPage}));
    EXPECT_EQ(machine.query<abi::MemoryInfo>(again, abi::MemoryQuery{other, 0})->resident_bytes, kPage);
}

TEST_F(BoundedStepsTest, ASpaceThatEndsIsTakenApartByManyEntries) {
    constexpr uint64_t kAt = 0x4000'0000;
    const uint64_t free_at_first = frames.free_pages();
    Ref<AddressSpace> doomed;
    machine.in_kernel([&] {
        doomed = *AddressSpace::create(machine.root());
        ASSERT_TRUE(doomed->map({}, 0, kAt, kPages, MapFlags::Fixed | Access::ReadWrite, Access::All));
        for (uint64_t page = 0; page < kPages; ++page) ASSERT_TRUE(doomed->write<uint64_t>(kAt + page * kPage, page));
    });
    unsigned parts = 0;
    with_lock([&] { doomed = nullptr; });
    for (bool done = false; !done; ++parts) {
        const uint64_t free_before = frames.free_pages();
        with_lock([&] {
            Object::reap();
            done = Object::is_reaped();
        });
        EXPECT_LE(frames.free_pages() - free_before, kPagesInOneEntry + 100);
        ASSERT_LT(parts, 100u);
    }
    EXPECT_GE(parts, kPages / kPagesInOneEntry);
    EXPECT_EQ(frames.free_pages(), free_at_first);
}

TEST_F(BoundedStepsTest, AForkTakesWriteFromWholeTables) {
    const uint64_t address = map_and_touch(kPages);
    const uint64_t used = machine.root().used_bytes();
    Ref<AddressSpace> clone;
    machine.in_kernel([&] {
        clone = *AddressSpace::create(machine.root());
        ASSERT_TRUE(space.clone_into(*clone));
    });
    EXPECT_LT(machine.root().used_bytes(), used + 16 * kPage) << "no page and no page table is copied";
    ASSERT_TRUE(machine.write<uint64_t>(thread, address + 700 * kPage, 9));
    machine.in_kernel([&] {
        EXPECT_EQ(*clone->read<uint64_t>(address + 700 * kPage), 701u);
        EXPECT_EQ(*clone->read<uint64_t>(address + 701 * kPage), 702u);
        EXPECT_TRUE(clone->write<uint64_t>(address + 701 * kPage, 5));
        clone = nullptr;
    });
    EXPECT_EQ(machine.read(thread, address + 700 * kPage), 9u);
    EXPECT_EQ(machine.read(thread, address + 701 * kPage), 702u);
}

}  // namespace
}  // namespace portico::kernel::hosted
