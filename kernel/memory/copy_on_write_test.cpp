#include "kernel/arch/hosted/port_fixture.h"

/// Pages that several spaces and objects show, and what CPUs remember of them.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr auto kSharedWritable = abi::MapFlags::Shared | abi::Access::ReadWrite;

class CopyOnWriteTest : public testing::Test {
protected:
    Machine machine{2, 16};
    Thread& parent = machine.make_thread();

    Thread& fork(Thread& of, bool share = false) {
        const Handle handle = machine.call(of, abi::ProcessClone{abi::kSelfProcess, {}, share ? 1ull : 0ull})->process;
        Process& process = machine.adopt_process(of, handle);
        machine.call(of, abi::HandleClose{handle});
        return machine.make_thread(process);
    }
};

TEST_F(CopyOnWriteTest, ParentAndChildSeeWhatTheyShould) {
    const uint64_t address = machine.map(parent, 8 * kPage);
    const uint64_t shared = machine.map(parent, 2 * kPage, kSharedWritable);
    for (uint64_t i = 0; i < 4; ++i) machine.write(parent, address + i * kPage, 100 + i);
    machine.write<uint64_t>(parent, shared, 1);
    Thread& child = fork(parent);
    for (uint64_t i = 0; i < 4; ++i) EXPECT_EQ(machine.read(child, address + i * kPage), 100 + i);
    machine.write<uint64_t>(child, address, 7);
    machine.write<uint64_t>(parent, address + kPage, 8);
    machine.write<uint64_t>(child, address + 5 * kPage, 9);  // never written before the fork
    EXPECT_EQ(machine.read(parent, address), 100u);
    EXPECT_EQ(machine.read(child, address), 7u);
    EXPECT_EQ(machine.read(parent, address + kPage), 8u);
    EXPECT_EQ(machine.read(child, address + kPage), 101u);
    EXPECT_EQ(machine.read(parent, address + 5 * kPage), 0u);
    machine.write<uint64_t>(child, shared, 2);
    EXPECT_EQ(machine.read(parent, shared), 2u);
    machine.write<uint64_t>(parent, shared + kPage, 3);
    EXPECT_EQ(machine.read(child, shared + kPage), 3u);
}

TEST_F(CopyOnWriteTest, GenerationsOfForks) {
    const uint64_t address = machine.map(parent, 40 * kPage);
    for (uint64_t i = 0; i < 40; ++i) machine.write(parent, address + i * kPage, i);
    std::vector<Thread*> line{&parent};
    for (uint64_t depth = 1; depth < 6; ++depth) {
        line.push_back(&fork(*line.back()));
        for (uint64_t i = 0; i < 40; i += depth) machine.write(*line.back(), address + i * kPage, depth * 1000 + i);
    }
    for (uint64_t depth = 0; depth < line.size(); ++depth)
        for (uint64_t i = 0; i < 40; ++i) {
            uint64_t expected = i;
            for (uint64_t d = 1; d <= depth; ++d)
                if (i % d == 0) expected = d * 1000 + i;
            ASSERT_EQ(machine.read(*line[depth], address + i * kPage), expected) << depth << " " << i;
        }
}

TEST_F(CopyOnWriteTest, AnotherCpusTranslationDoesNotOutliveTheFork) {
    // One thread caches a writable translation on CPU 1; after the fork on CPU 0 its write must not reach the child.
    Thread& writer = machine.make_thread(parent.process());
    const uint64_t address = machine.map(parent, kPage);
    machine.use_cpu(1);
    machine.write<uint64_t>(writer, address, 1);
    machine.use_cpu(0);
    Thread& child = fork(parent);
    machine.use_cpu(1);
    machine.write<uint64_t>(writer, address, 2);
    machine.use_cpu(0);
    EXPECT_EQ(machine.read(child, address), 1u);
    EXPECT_EQ(machine.read(parent, address), 2u);
}

TEST_F(CopyOnWriteTest, AnotherCpuSeesTheCopyNotTheOldPage) {
    Thread& reader = machine.make_thread(parent.process());
    const uint64_t address = machine.map(parent, kPage);
    machine.write<uint64_t>(parent, address, 1);
    fork(parent);
    machine.use_cpu(1);
    EXPECT_EQ(machine.read(reader, address), 1u);  // caches the shared page
    machine.use_cpu(0);
    machine.write<uint64_t>(parent, address, 2);  // gets a copy
    machine.use_cpu(1);
    EXPECT_EQ(machine.read(reader, address), 2u);
    const uint64_t fresh = machine.map(reader, kPage);
    EXPECT_EQ(machine.read(reader, fresh), 0u);  // caches the zero page
    machine.use_cpu(0);
    machine.write<uint64_t>(parent, fresh, 3);
    machine.use_cpu(1);
    EXPECT_EQ(machine.read(reader, fresh), 3u);
    machine.use_cpu(0);
}

TEST_F(CopyOnWriteTest, UnmapAndProtectReachOtherCpus) {
    Thread& other = machine.make_thread(parent.process());
    const uint64_t address = machine.map(parent, 100 * kPage);
    machine.use_cpu(1);
    for (uint64_t i = 0; i < 100; ++i) machine.write(other, address + i * kPage, i);
    machine.use_cpu(0);
    machine.call(parent, abi::SpaceProtect{abi::kSelfSpace, address, 50 * kPage, 1});
    machine.call(parent, abi::SpaceUnmap{abi::kSelfSpace, address + 98 * kPage, 2 * kPage});
    machine.use_cpu(1);
    EXPECT_EQ(machine.read(other, address + 3 * kPage), 3u);
    machine.use_cpu(0);
    machine.call(parent, abi::SpaceProtect{abi::kSelfSpace, address, 50 * kPage, 3});
    machine.use_cpu(1);
    EXPECT_TRUE(machine.write<uint64_t>(other, address, 4));
    EXPECT_FALSE(machine.read(other, address + 99 * kPage));
    EXPECT_EQ(other.process().exit_code(), abi::kExitCodeFault);
    machine.use_cpu(0);
}

TEST_F(CopyOnWriteTest, SnapshotsOfRanges) {
    const Handle memory = machine.call(parent, abi::MemoryCreate{10 * kPage})->memory;
    const uint64_t address = machine.map(parent, 10 * kPage, kSharedWritable, memory);
    for (uint64_t i = 0; i < 10; ++i) machine.write(parent, address + i * kPage, i);
    const Handle range = machine.call(parent, abi::MemoryClone{memory, 3 * kPage, 20 * kPage})->memory;
    const Handle beyond = machine.call(parent, abi::MemoryClone{memory, Memory::kSizeBytesMax, Memory::kSizeBytesMax})->memory;
    machine.write<uint64_t>(parent, address + 4 * kPage, 77);
    const uint64_t seen = machine.map(parent, 20 * kPage, abi::MapFlags::None | abi::Access::ReadWrite, range);
    EXPECT_EQ(machine.read(parent, seen), 3u);
    EXPECT_EQ(machine.read(parent, seen + kPage), 4u);
    EXPECT_EQ(machine.read(parent, seen + 7 * kPage), 0u);
    machine.write<uint64_t>(parent, seen, 55);
    EXPECT_EQ(machine.read(parent, address + 3 * kPage), 3u);
    EXPECT_EQ(machine.query<abi::MemoryInfo>(parent, abi::MemoryQuery{beyond, 0})->resident_bytes, 0u);
    EXPECT_EQ(refusal(machine.call(parent, abi::MemoryClone{memory, 1, kPage})), Error::InvalidArgument);
}

TEST_F(CopyOnWriteTest, MemoryReadAndWriteWorkOnMappedPagesToo) {
    const Handle memory = machine.call(parent, abi::MemoryCreate{100 * kPage})->memory;
    const uint64_t address = machine.map(parent, 100 * kPage, kSharedWritable, memory);
    for (uint64_t i = 0; i < 100; ++i) machine.write(parent, address + i * kPage, i);
    const Handle clone = machine.call(parent, abi::MemoryClone{memory, 0, 100 * kPage})->memory;
    const uint64_t buffer = machine.map(parent, 100 * kPage);
    ASSERT_TRUE(machine.call(parent, abi::MemoryRead{clone, 0, buffer, 100 * kPage}));
    EXPECT_EQ(machine.read(parent, buffer + 99 * kPage), 99u);
    ASSERT_TRUE(machine.call(parent, abi::MemoryWrite{memory, kPage, address + 8, 90 * kPage})) << "source and target overlap";
    ASSERT_TRUE(machine.call(parent, abi::MemoryRead{memory, 0, address + 16, kPage - 16}));
    EXPECT_EQ(refusal(machine.call(parent, abi::MemoryRead{memory, 99 * kPage, buffer, kPage + 1})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(parent, abi::MemoryRead{memory, 0, 0x7000'0000, 10})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(parent, abi::MemoryRead{memory, ~0ull, buffer, 10})), Error::InvalidArgument);
}

TEST_F(CopyOnWriteTest, ASharedSpaceIsOneSpace) {
    const uint64_t address = machine.map(parent, kPage);
    Thread& child = fork(parent, true);
    machine.use_cpu(1);
    machine.write<uint64_t>(child, address, 5);
    machine.use_cpu(0);
    EXPECT_EQ(machine.read(parent, address), 5u);
    machine.in_kernel([&] { child.process().kill(0); });
    machine.settle();
    EXPECT_EQ(machine.read(parent, address), 5u);
}

TEST_F(CopyOnWriteTest, NoInheritStaysBehind) {
    const uint64_t address = machine.map(parent, kPage, abi::MapFlags::NoInherit | abi::Access::ReadWrite);
    EXPECT_FALSE(machine.read(fork(parent), address));
}

}  // namespace
}  // namespace portico::kernel::hosted
