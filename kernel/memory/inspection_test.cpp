#include "kernel/arch/hosted/page_fixture.h"

/// What process_inspect tells, against what was done.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;

class InspectionTest : public testing::Test {
protected:
    Machine machine{1, 32};
    Thread& thread = machine.make_thread();

    /// All of a mapping, by as many calls as it takes.
    abi::MappingUsage look(Thread& by, Handle process, uint64_t address) {
        abi::MappingUsage all{};
        for (uint64_t at = address;;) {
            const auto part = machine.query<abi::MappingUsage>(by, abi::ProcessInspect{process, at, 0});
            EXPECT_TRUE(part);
            if (!part || (at != address && part->mapping.address != all.mapping.address)) return all;
            all.mapping = part->mapping;
            EXPECT_GT(part->counted_to, at);
            if (at == address) all.present_bits = part->present_bits;
            all.shared_clean += part->shared_clean;
            all.shared_dirty += part->shared_dirty;
            all.private_clean += part->private_clean;
            all.private_dirty += part->private_dirty;
            all.proportional_bytes += part->proportional_bytes;
            ++parts;
            at = part->counted_to;
            if (at >= part->mapping.address + part->mapping.length_bytes) return all;
        }
    }
    abi::MappingUsage look(uint64_t address) { return look(thread, abi::kSelfProcess, address); }
    unsigned parts = 0;
};

TEST_F(InspectionTest, CountsWhatWasTouched) {
    const uint64_t address = machine.map(thread, 3000 * kPage);
    for (const uint64_t page : {0, 5, 63, 64, 2999}) machine.write<uint64_t>(thread, address + page * kPage, 1);
    machine.read(thread, address + 7 * kPage);  // the zero page
    const abi::MappingUsage usage = look(address);
    EXPECT_EQ(usage.mapping.address, address);
    EXPECT_EQ(usage.mapping.length_bytes, 3000 * kPage);
    EXPECT_EQ(usage.private_dirty, 5u);
    EXPECT_EQ(usage.private_clean + usage.shared_clean + usage.shared_dirty, 0u);
    EXPECT_EQ(usage.proportional_bytes, 5 * kPage);
    EXPECT_EQ(usage.present_bits, 1ull | 1ull << 5 | 1ull << 63);
    EXPECT_EQ(refusal(machine.call(thread, abi::ProcessInspect{abi::kSelfProcess, abi::kUserAddressMax, machine.scratch(thread)})),
              Error::NotFound);
}

TEST_F(InspectionTest, AnEntryIsBounded) {
    const uint64_t address = machine.map(thread, 1000 * kPage);
    for (uint64_t page = 0; page < 1000; ++page) machine.write<uint64_t>(thread, address + page * kPage, 1);
    parts = 0;
    EXPECT_EQ(look(address).private_dirty, 1000u);
    EXPECT_GT(parts, 5u);
    EXPECT_LT(parts, 20u);
    const uint64_t empty = machine.map(thread, uint64_t{1} << 40);
    parts = 0;
    EXPECT_EQ(machine.query<abi::MappingUsage>(thread, abi::ProcessInspect{abi::kSelfProcess, empty, 0})->private_dirty, 0u);
}

TEST_F(InspectionTest, PagesOfAForkAreSharedUntilWritten) {
    const uint64_t address = machine.map(thread, 100 * kPage);
    for (uint64_t page = 0; page < 10; ++page) machine.write<uint64_t>(thread, address + page * kPage, 1);
    const Handle handle = machine.call(thread, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
    Thread& child = machine.make_thread(machine.adopt_process(thread, handle));
    EXPECT_EQ(look(address).shared_dirty, 10u);
    EXPECT_EQ(look(address).proportional_bytes, 5 * kPage);
    EXPECT_EQ(look(thread, handle, address).shared_dirty, 0u) << "its table shows nothing yet";
    for (uint64_t page = 0; page < 4; ++page) machine.write<uint64_t>(child, address + page * kPage, 2);
    machine.read(child, address + 5 * kPage);
    const abi::MappingUsage of_child = look(thread, handle, address);
    EXPECT_EQ(of_child.private_dirty, 4u);
    EXPECT_GE(of_child.shared_dirty, 1u);
    EXPECT_EQ(look(address).private_dirty + look(address).shared_dirty, 10u);
    EXPECT_EQ(look(address).private_dirty, 4u) << "the child has its own now";
}

TEST_F(InspectionTest, AClonesOriginAndPurposeAreTold) {
    const Handle file = machine.call(thread, abi::MemoryCreate{20 * kPage})->memory;
    const uint64_t whole = machine.map(thread, 20 * kPage, abi::MapFlags::Shared | abi::Access::ReadWrite, file);
    for (uint64_t page = 0; page < 20; ++page) machine.write<uint64_t>(thread, whole + page * kPage, page);
    const Handle clone = machine.call(thread, abi::MemoryClone{file, 5 * kPage, 10 * kPage})->memory;
    const uint64_t id = machine.query<abi::MemoryInfo>(thread, abi::MemoryQuery{file, 0})->id;
    const uint64_t shown = machine.map(thread, 4 * kPage, abi::MapFlags::None | abi::Access::ReadWrite, clone);
    for (uint64_t page = 0; page < 4; ++page) machine.read(thread, shown + page * kPage);
    machine.write<uint64_t>(thread, shown, 100);
    const abi::MappingUsage usage = look(shown);
    EXPECT_EQ(usage.mapping.origin_id, id);
    EXPECT_EQ(usage.mapping.origin_offset_bytes, 5 * kPage);
    EXPECT_EQ(usage.private_dirty, 1u);
    EXPECT_EQ(usage.shared_clean, 3u);
    EXPECT_EQ(look(whole).mapping.origin_id, 0u);
    EXPECT_EQ(look(whole).mapping.shared, 1u);

    const uint64_t heap = machine.map(thread, kPage, abi::MapFlags::Heap | abi::Access::ReadWrite);
    EXPECT_NE(look(heap).mapping.flags & static_cast<uint64_t>(abi::MapFlags::Heap), 0u);
    EXPECT_EQ(look(heap).mapping.length_bytes, kPage) << "it joins nothing that is for something else";
}

}  // namespace
}  // namespace portico::kernel::hosted
