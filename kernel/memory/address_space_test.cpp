#include "kernel/memory/address_space.h"

#include <map>
#include <random>

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr auto kFixed = static_cast<uint64_t>(abi::MapFlags::Fixed);

class AddressSpaceTest : public testing::Test {
protected:
    Machine machine{1, 16};
    Thread& thread = machine.make_thread();
    AddressSpace& space = thread.process().space();

    Result<uint64_t> map_at(uint64_t address, uint64_t pages, uint64_t flags, Handle memory = {}, uint64_t offset = 0) {
        return TRY(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, memory, offset, address, pages * kPage, flags})).address;
    }
    Result<> protect(uint64_t address, uint64_t pages, Access access) {
        return machine.call(thread, abi::SpaceProtect{abi::kSelfSpace, address, pages * kPage, static_cast<uint64_t>(access)});
    }
    Result<> unmap(uint64_t address, uint64_t pages) {
        return machine.call(thread, abi::SpaceUnmap{abi::kSelfSpace, address, pages * kPage});
    }
    bool readable(uint64_t address) {
        return machine.in_kernel([&] { return space.resolve(address, Access::Read).has_value(); });
    }
};

TEST_F(AddressSpaceTest, FreshMemoryIsZeroAndCostsWhenTouched) {
    const uint64_t address = machine.map(thread, 100 * kPage);
    EXPECT_EQ(machine.read(thread, address + 5 * kPage), 0u);
    const uint64_t used = machine.root().used_bytes();
    EXPECT_EQ(machine.read(thread, address + 6 * kPage), 0u);
    EXPECT_EQ(machine.root().used_bytes(), used) << "reads show the shared zero page";
    EXPECT_TRUE(machine.write<uint64_t>(thread, address + 6 * kPage, 17));
    EXPECT_GE(machine.root().used_bytes(), used + kPage);
    EXPECT_EQ(machine.read(thread, address + 6 * kPage), 17u);
    EXPECT_EQ(machine.read(thread, address + 5 * kPage), 0u);
}

TEST_F(AddressSpaceTest, CopiesBetweenSpacesAtAnyAlignment) {
    Thread& other = machine.make_thread();
    const uint64_t from = machine.map(thread, 8 * kPage), to = machine.map(other, 8 * kPage);
    for (uint64_t at = 0; at < 8 * kPage; at += 8) ASSERT_TRUE(machine.write<uint64_t>(thread, from + at, at * 0x9E37'79B9'7F4A'7C15));
    struct Copy {
        uint64_t source, target, bytes;
    };
    for (const Copy& copy : {Copy{0, 0, 2 * kPage}, Copy{100, 4000, 9000}, Copy{4095, 1, 4097}, Copy{3, 4093, 517}}) {
        ASSERT_TRUE(machine.in_kernel(
            [&] { return copy_between(other.process().space(), to + copy.target, space, from + copy.source, copy.bytes).has_value(); }));
        for (uint64_t i = 0; i < copy.bytes; ++i)
            ASSERT_EQ(*machine.read<uint8_t>(other, to + copy.target + i), *machine.read<uint8_t>(thread, from + copy.source + i)) << i;
    }
    EXPECT_FALSE(machine.in_kernel([&] {
        return copy_between(other.process().space(), to + 5 * kPage, space, from, 4 * kPage).has_value();
    })) << "the last page is not mapped";
}

TEST_F(AddressSpaceTest, UnmappingAPartFreesItsPages) {
    const uint64_t address = machine.map(thread, 64 * kPage);
    for (uint64_t page = 0; page < 64; ++page) ASSERT_TRUE(machine.write<uint64_t>(thread, address + page * kPage, page));
    const uint64_t used = machine.root().used_bytes();
    ASSERT_TRUE(unmap(address + 16 * kPage, 32));
    EXPECT_LE(machine.root().used_bytes(), used - 31 * kPage) << "the pages go, a mapping more stays";
    EXPECT_EQ(machine.read(thread, address + 15 * kPage), 15u);
    EXPECT_EQ(machine.read(thread, address + 48 * kPage), 48u);
}

TEST_F(AddressSpaceTest, UnmappingKeepsWhatAHandleReaches) {
    const Handle memory = machine.call(thread, abi::MemoryCreate{4 * kPage})->memory;
    const Result<uint64_t> address = map_at(0, 4, 3, memory);
    ASSERT_TRUE(address);
    ASSERT_TRUE(machine.write<uint64_t>(thread, *address + kPage, 7));
    ASSERT_TRUE(unmap(*address + kPage, 1));
    ASSERT_TRUE(map_at(*address + kPage, 1, kFixed | 3, memory, kPage));
    EXPECT_EQ(machine.read(thread, *address + kPage), 7u);
}

TEST_F(AddressSpaceTest, ArgumentsAreChecked) {
    EXPECT_EQ(refusal(map_at(0x1000, 1, kFixed | 3)), Error::InvalidArgument);
    EXPECT_EQ(refusal(map_at(0x20'0001, 1, kFixed | 3)), Error::InvalidArgument);
    EXPECT_EQ(refusal(map_at(abi::kUserAddressMax - kPage, 2, kFixed | 3)), Error::InvalidArgument);
    EXPECT_EQ(refusal(map_at(0, 0, 3)), Error::InvalidArgument);
    EXPECT_EQ(refusal(map_at(0, 1, 1 << 9)), Error::InvalidArgument);
    EXPECT_EQ(refusal(map_at(0, abi::kUserAddressMax / kPage, 3)), Error::NoSpace);
    EXPECT_EQ(refusal(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, 0, ~0ull, 3})), Error::InvalidArgument);
    ASSERT_TRUE(map_at(0x20'0000, 4, kFixed | 3));
    EXPECT_EQ(refusal(map_at(0x20'3000, 4, kFixed | 3 | static_cast<uint64_t>(abi::MapFlags::NoReplace))), Error::Overlap);
    EXPECT_EQ(refusal(unmap(0x20'0800, 1)), Error::InvalidArgument);
    EXPECT_EQ(refusal(protect(0x20'0000, 5, Access::Read)), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(thread, abi::SpaceProtect{abi::kSelfSpace, 0x20'0000, kPage, 8})), Error::InvalidArgument);
}

TEST_F(AddressSpaceTest, HandlesLimitTheAccess) {
    const Handle memory = machine.call(thread, abi::MemoryCreate{4 * kPage})->memory;
    const Handle weak = machine.call(thread, abi::HandleDuplicate{memory, static_cast<uint64_t>(Rights::Map | Rights::Read)})->handle;
    EXPECT_EQ(refusal(map_at(0, 1, 3, weak)), Error::AccessDenied);
    const uint64_t address = *map_at(0, 1, 1, weak);
    EXPECT_EQ(refusal(protect(address, 1, Access::ReadWrite)), Error::AccessDenied);
    EXPECT_FALSE(machine.write<uint64_t>(thread, address, 1));
}

TEST_F(AddressSpaceTest, TheEndOfTheObjectFaults) {
    const Handle memory = machine.call(thread, abi::MemoryCreate{2 * kPage})->memory;
    const uint64_t address = *map_at(0, 3, 3, memory);
    EXPECT_TRUE(machine.write<uint64_t>(thread, address + kPage, 1));
    EXPECT_FALSE(readable(address + 2 * kPage));
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{memory, 3 * kPage}));
    EXPECT_EQ(machine.read(thread, address + 2 * kPage), 0u);
    EXPECT_TRUE(machine.write<uint64_t>(thread, address + 2 * kPage, 1));
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{memory, kPage + 100}));
    EXPECT_FALSE(readable(address + 2 * kPage)) << "a page that was there is gone from the page table too";
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{memory, 3 * kPage}));
    EXPECT_EQ(machine.read(thread, address + 2 * kPage), 0u);
}

TEST_F(AddressSpaceTest, WhatGrowsOnlyNeverShrinks) {
    constexpr auto kGrowOnly = static_cast<uint64_t>(abi::MemoryFlags::GrowOnly);
    const Handle memory = machine.call(thread, abi::MemoryCreate{2 * kPage, kGrowOnly})->memory;
    EXPECT_EQ((machine.query<abi::MemoryInfo>(thread, abi::MemoryQuery{memory, 0})->flags), abi::MemoryFlags::GrowOnly);
    EXPECT_EQ(refusal(machine.call(thread, abi::MemoryResize{memory, kPage})), Error::WrongState);
    EXPECT_EQ(refusal(machine.call(thread, abi::MemoryResize{memory, 2 * kPage - 1})), Error::WrongState);
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{memory, 2 * kPage}));
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{memory, 3 * kPage}));
    EXPECT_EQ(refusal(machine.call(thread, abi::MemoryResize{memory, 2 * kPage})), Error::WrongState);
    EXPECT_EQ((machine.query<abi::MemoryInfo>(thread, abi::MemoryQuery{memory, 0})->size_bytes), 3 * kPage);
    // A copy is its maker's own and as others are.
    const Handle copy = machine.call(thread, abi::MemoryClone{memory, 0, 3 * kPage})->memory;
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{copy, kPage}));
    EXPECT_EQ(refusal(machine.call(thread, abi::MemoryCreate{kPage, kGrowOnly << 1})), Error::InvalidArgument);
}

TEST_F(AddressSpaceTest, ShrinkingZeroesTheTail) {
    const Handle memory = machine.call(thread, abi::MemoryCreate{kPage})->memory;
    const uint64_t address = *map_at(0, 1, 3, memory);
    for (uint64_t at = 0; at < kPage; at += 8) machine.write<uint64_t>(thread, address + at, ~0ull);
    EXPECT_TRUE(machine.call(thread, abi::MemoryResize{memory, 12}));
    EXPECT_EQ(machine.read(thread, address + 8), 0xFFFF'FFFFu);
    EXPECT_EQ(machine.read(thread, address + 16), 0u);
}

TEST_F(AddressSpaceTest, GapsAreFoundBelowTheRuntime) {
    const uint64_t first = *map_at(0, 4, 3);
    EXPECT_EQ(first, abi::kMapAnywhereMax - 4 * kPage);
    EXPECT_EQ(*map_at(0, 2, 1), first - 2 * kPage);
    ASSERT_TRUE(unmap(first + kPage, 2));
    EXPECT_EQ(*map_at(0, 2, 1), first + kPage) << "the highest gap that fits";
    EXPECT_EQ(*map_at(0x4000'0000, 1, 1), 0x4000'0000u) << "a hint that is free is taken";
    EXPECT_EQ(*map_at(0x4000'0000, 1, 1), abi::kMapAnywhereMax - 7 * kPage);
    ASSERT_TRUE(map_at(abi::kMapAnywhereMax - 6 * kPage, 8, kFixed | 3));  // over the end of what the kernel picks
    EXPECT_EQ(*map_at(0, 1, 1), abi::kMapAnywhereMax - 8 * kPage);
}

TEST_F(AddressSpaceTest, NeighboursOfOneKindBecomeOneMapping) {
    const uint64_t address = *map_at(0x4000'0000, 2, kFixed | 3);
    machine.write<uint64_t>(thread, address + kPage, 5);
    ASSERT_TRUE(map_at(0x4000'2000, 2, kFixed | 3));
    EXPECT_EQ(space.mapping_above(address)->page_count, 4u);
    EXPECT_EQ(machine.read(thread, address + kPage), 5u);
    EXPECT_EQ(machine.read(thread, address + 2 * kPage), 0u);
    const auto info = machine.query<abi::MappingInfo>(thread, abi::SpaceQuery{abi::kSelfSpace, address + kPage, 0});
    EXPECT_EQ(info->address, address);
    EXPECT_EQ(info->length_bytes, 4 * kPage);
}

/// What a page should show: the object and page behind it, and the access.
struct Shown {
    uint64_t memory = 0, page = 0;
    Access access = Access::None;
};

TEST_F(AddressSpaceTest, AgreesWithAModelUnderRandomUse) {
    std::mt19937_64 random(4711);
    constexpr uint64_t kBase = 0x4000'0000, kSpan = 64;
    constexpr uint64_t kObjects = 3, kObjectPages = 48;
    Handle objects[kObjects];
    for (Handle& object : objects) object = machine.call(thread, abi::MemoryCreate{kObjectPages * kPage})->memory;
    std::map<uint64_t, Shown> model;
    std::map<std::pair<uint64_t, uint64_t>, uint64_t> contents;
    for (int step = 0; step < 6000; ++step) {
        const uint64_t first = random() % kSpan, count = 1 + random() % std::min<uint64_t>(12, kSpan - first);
        const uint64_t address = kBase + first * kPage;
        const Access access = random() % 3 == 0 ? Access::Read : Access::ReadWrite;
        switch (random() % 8) {
        case 0: {
            const uint64_t object = random() % kObjects, page = random() % (kObjectPages - count + 1);
            ASSERT_TRUE(map_at(address, count, kFixed | static_cast<uint64_t>(access), objects[object], page * kPage));
            for (uint64_t i = 0; i < count; ++i) model[first + i] = {object, page + i, access};
            break;
        }
        case 1:
            ASSERT_TRUE(unmap(address, count));
            for (uint64_t i = 0; i < count; ++i) model.erase(first + i);
            break;
        case 2: {
            bool covered = true;
            for (uint64_t i = 0; i < count; ++i) covered = covered && model.contains(first + i);
            ASSERT_EQ(refusal(protect(address, count, access)), covered ? Error::None : Error::BadAddress);
            for (uint64_t i = 0; i < count && covered; ++i) model[first + i].access = access;
            break;
        }
        default: {
            const auto shown = model.find(first);
            const bool write = random() % 2 == 0;
            const bool allowed = shown != model.end() && allows(shown->second.access, write ? Access::Write : Access::Read);
            if (!allowed) {
                ASSERT_FALSE(machine.in_kernel([&] { return space.resolve(address, write ? Access::Write : Access::Read).has_value(); }));
                break;
            }
            uint64_t& expected = contents[{shown->second.memory, shown->second.page}];
            if (write) {
                expected = random();
                ASSERT_TRUE(machine.write(thread, address, expected));
            } else {
                ASSERT_EQ(machine.read(thread, address), expected);
            }
        }
        }
        uint64_t pages = 0;
        for (Mapping* mapping = space.mapping_above(0); mapping != nullptr; mapping = space.mapping_above(mapping->end()))
            pages += mapping->page_count;
        ASSERT_EQ(pages, model.size());
        ASSERT_EQ(space.mapped_bytes(), model.size() * kPage);
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
