#include "kernel/irq/interrupt.h"

#include "kernel/arch/hosted/port_fixture.h"

/// Interrupt lines, I/O ports and device memory.
namespace portico::kernel::hosted {
namespace {

class DeviceTest : public PortFixture {
protected:
    Handle resource = machine.make_resource(client);
    Result<Handle> bind(uint64_t line) { return TRY(machine.call(client, abi::InterruptCreate{resource, line, sender, 2, 0})).interrupt; }
    bool told() { return machine.receive(server, port).has_value(); }
};

TEST_F(DeviceTest, AnInterruptIsMaskedUntilAcknowledged) {
    const Handle interrupt = *bind(5);
    EXPECT_FALSE(machine.hardware.lines[5].masked);
    machine.raise_interrupt(5);
    EXPECT_TRUE(machine.hardware.lines[5].masked);
    EXPECT_EQ(machine.receive(server, port)->word[0], 2u);
    machine.raise_interrupt(5);
    EXPECT_FALSE(told());
    ASSERT_TRUE(machine.call(client, abi::InterruptAck{interrupt}));
    EXPECT_TRUE(told()) << "the one that was pending";
}

TEST_F(DeviceTest, ALineHasOneOwner) {
    const Handle first = *bind(7);
    EXPECT_EQ(refusal(bind(7)), Error::Busy);
    EXPECT_EQ(refusal(bind(kWires)), Error::InvalidArgument);
    EXPECT_EQ(refusal(bind(100'000)), Error::InvalidArgument);
    machine.call(client, abi::HandleClose{first});
    EXPECT_TRUE(machine.hardware.lines[7].masked);
    EXPECT_TRUE(bind(7));
    EXPECT_EQ(refusal(machine.call(client, abi::InterruptCreate{sender, 8, sender, 2, 0})), Error::WrongType);
}

TEST_F(DeviceTest, TheDriversDeathFreesTheLine) {
    ASSERT_TRUE(bind(3));
    machine.in_kernel([&] { client.process().kill(0); });
    EXPECT_TRUE(machine.hardware.lines[3].masked);
    machine.raise_interrupt(3);
}

TEST_F(DeviceTest, AMessageInterruptHasANumberOfItsOwn) {
    const auto bind_message = [&](uint64_t level = 0) {
        return machine.call(client, abi::InterruptCreate{resource, abi::kMessageInterrupt, sender, 4, level});
    };
    EXPECT_EQ(refusal(bind_message(1)), Error::InvalidArgument) << "a message has no level";
    std::vector<abi::InterruptCreate::Reply> made;
    for (unsigned i = kWires; i < kLines; ++i) made.push_back(*bind_message());
    EXPECT_NE(made[0].address, 0u);
    EXPECT_NE(made[0].data, made[1].data);
    EXPECT_EQ(refusal(bind_message()), Error::NoSpace);
    const auto number = static_cast<unsigned>(made[1].data);
    machine.raise_interrupt(number);
    EXPECT_EQ(machine.receive(server, port)->word[0], 4u);
    machine.raise_interrupt(number);
    EXPECT_FALSE(told());
    ASSERT_TRUE(machine.call(client, abi::InterruptAck{made[1].interrupt}));
    EXPECT_TRUE(told()) << "the message that came meanwhile";
    machine.call(client, abi::HandleClose{made[1].interrupt});
    EXPECT_EQ(bind_message()->data, number);
}

TEST_F(DeviceTest, AnInterruptWakesTheDriverOverOthers) {
    Thread& driver = machine.make_thread(server.process(), 25);
    machine.start_receive(driver, port);
    machine.call(client, abi::Null{});
    ASSERT_TRUE(bind(4));
    machine.raise_interrupt(4);
    EXPECT_EQ(machine.running(), &driver);
}

TEST_F(DeviceTest, IoPortsHaveBounds) {
    const Handle io = machine.call(client, abi::IoCreate{resource, 0x3F8, 8})->io;
    ASSERT_TRUE(machine.call(client, abi::IoWrite{io, 2, 1, 0xAB}));
    EXPECT_EQ(machine.hardware.io_ports[0x3FA], 0xABu);
    EXPECT_EQ(machine.call(client, abi::IoRead{io, 2, 1})->value, 0xABu);
    EXPECT_EQ(refusal(machine.call(client, abi::IoRead{io, 8, 1})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::IoRead{io, 6, 4})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::IoRead{io, ~0ull, 1})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::IoRead{io, 0, 3})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::IoCreate{resource, 0x1'0000, 1})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::IoCreate{resource, 0xFFFF, 2})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::IoCreate{io, 0, 1})), Error::WrongType);
    const uint64_t text = machine.put(client, std::array<uint8_t, 4>{'a', 'b', 'c', 'd'});
    machine.hardware.io_written.clear();
    ASSERT_TRUE(machine.call(client, abi::IoWriteBytes{io, 0, text, 4}));
    EXPECT_EQ(machine.hardware.io_written, (std::vector<uint32_t>{'a', 'b', 'c', 'd'}));
    EXPECT_EQ(refusal(machine.call(client, abi::IoWriteBytes{io, 0, text, 4097})), Error::InvalidArgument);
}

TEST_F(DeviceTest, DeviceMemoryIsNoRamAndNotForTheKernelsCopies) {
    const auto physical = [&](uint64_t base, uint64_t bytes) { return machine.call(client, abi::MemoryPhysical{resource, base, bytes}); };
    EXPECT_EQ(refusal(physical(kRamBase, 4096)), Error::InvalidArgument);
    EXPECT_EQ(refusal(physical(0, uint64_t{1} << 30)), Error::InvalidArgument) << "all RAM is inside";
    EXPECT_EQ(refusal(physical(0xFEB0'0001, 4096)), Error::InvalidArgument);
    EXPECT_EQ(refusal(physical(uint64_t{1} << 60, 4096)), Error::InvalidArgument);
    const Handle memory = physical(0xFEB0'0000, 8192)->memory;
    const uint64_t address = machine.map(client, 8192, abi::MapFlags::None | abi::Access::ReadWrite, memory);
    EXPECT_TRUE(machine.write<uint32_t>(client, address, 5));
    EXPECT_EQ(machine.read<uint32_t>(client, address), 5u);
    EXPECT_EQ(refusal(machine.call(client, abi::SystemQuery{address})), Error::BadAddress);
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryRead{memory, 0, machine.scratch(client), 4})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryClone{memory, 0, 4096})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryResize{memory, 0})), Error::InvalidArgument);
}

TEST_F(DeviceTest, RamForDevicesKeepsItsPlace) {
    constexpr uint64_t kPages = 70;
    const auto ram = [&](uint64_t bytes) { return machine.call(client, abi::MemoryPhysical{resource, abi::kAnyRam, bytes}); };
    EXPECT_EQ(refusal(ram(0)), Error::InvalidArgument);
    EXPECT_EQ(refusal(ram(100)), Error::InvalidArgument);
    EXPECT_EQ(refusal(ram(abi::kDeviceRamBytesMax + 4096)), Error::InvalidArgument);
    const uint64_t free_before = frames.free_pages();
    const Handle memory = ram(kPages * 4096)->memory;
    EXPECT_LE(frames.free_pages(), free_before - kPages);
    const auto info = machine.query<abi::MemoryInfo>(client, abi::MemoryQuery{memory, 0});
    EXPECT_EQ(info->flags, abi::MemoryFlags::DeviceRam);
    EXPECT_EQ(info->resident_bytes, kPages * 4096);
    const uint64_t address = machine.map(client, kPages * 4096, abi::MapFlags::Shared | abi::Access::ReadWrite, memory);
    for (uint64_t i = 0; i < kPages; ++i) {
        EXPECT_EQ(machine.read<uint64_t>(client, address + i * 4096), 0u);
        ASSERT_TRUE(machine.write<uint64_t>(client, address + i * 4096, i + 1));
        EXPECT_EQ(*static_cast<uint64_t*>(arch::to_virtual({info->physical + i * 4096})), i + 1) << "as a device sees it";
    }
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryResize{memory, 4096})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryClone{memory, 0, 4096})), Error::InvalidArgument);
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryClone{memory, 0, kPages * 4096})), Error::InvalidArgument);
    ASSERT_TRUE(machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, address, kPages * 4096}));
    ASSERT_TRUE(machine.call(client, abi::HandleClose{memory}));
    EXPECT_GE(frames.free_pages() + 8, free_before) << "only page tables may stay";
}

TEST_F(DeviceTest, SystemQueryAndLog) {
    const auto info = machine.query<abi::SystemInfo>(client, abi::SystemQuery{});
    ASSERT_TRUE(info);
    EXPECT_EQ(info->cpu_count, 1u);
    EXPECT_GE(info->free_bytes, frames.free_pages() * abi::kPageBytes);
    EXPECT_LT(info->free_bytes, info->memory_bytes);
    EXPECT_GE(info->thread_count, 3u);
    const uint64_t text = machine.put(client, std::array<char, 6>{'h', 'e', 'l', 'l', 'o', '\n'});
    ASSERT_TRUE(machine.call(client, abi::DebugLog{text, 6}));
    EXPECT_NE(machine.hardware.log_text().find("hello\n"), std::string::npos);
    EXPECT_EQ(refusal(machine.call(client, abi::DebugLog{text, 1025})), Error::TooLarge);
}

}  // namespace
}  // namespace portico::kernel::hosted
