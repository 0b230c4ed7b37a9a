#include "kernel/arch/hosted/port_fixture.h"

/// Threats to memory that are answered here by name (docs/testing.md).
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr uint64_t kSecret = 0x5EC2'E75E'C2E7'5EC2;

class MemoryThreats : public PortFixture {
protected:
    MemoryThreats() : PortFixture(8) {}

    /// All of RAM that is free holds what the thread's process leaves behind.
    void leave_secrets_in_all_frames() {
        Thread& leaver = machine.make_thread();
        const uint64_t page_count = frames.free_pages() - 64;
        const uint64_t address = machine.map(leaver, page_count * kPage);
        std::array<uint64_t, kPage / 8> secrets;
        secrets.fill(kSecret);
        for (uint64_t i = 0; i < page_count; ++i)
            ASSERT_TRUE(machine.access(leaver, address + i * kPage, secrets.data(), kPage, abi::Access::Write));
        kill(leaver);
        machine.forget_ended();
    }
    uint64_t secrets_in(Thread& thread, uint64_t address, uint64_t bytes) {
        uint64_t found = 0;
        std::array<uint64_t, kPage / 8> page;
        for (uint64_t done = 0; done < bytes; done += kPage) {
            EXPECT_TRUE(machine.access(thread, address + done, page.data(), kPage, abi::Access::Read));
            found += static_cast<uint64_t>(std::count(page.begin(), page.end(), kSecret));
        }
        return found;
    }
};

TEST_F(MemoryThreats, B9_FreshMemoryInUsedFramesIsZero) {
    leave_secrets_in_all_frames();
    constexpr uint64_t kPages = 500;
    const uint64_t address = machine.map(client, kPages * kPage);
    for (uint64_t i = 0; i < kPages; ++i) ASSERT_TRUE(machine.write<uint8_t>(client, address + i * kPage + i % kPage, 1));
    EXPECT_EQ(secrets_in(client, address, kPages * kPage), 0u);
}

TEST_F(MemoryThreats, B9_StructuresTheKernelFillsHoldNothingElse) {
    leave_secrets_in_all_frames();
    const uint64_t page = machine.scratch(client);
    const auto clean_after = [&](const char* what, auto request) {
        SCOPED_TRACE(what);
        request.info = page;
        ASSERT_TRUE(machine.call(client, request));
        EXPECT_EQ(secrets_in(client, page, kPage), 0u);
    };
    clean_after("system_query", abi::SystemQuery{});
    clean_after("process_query", abi::ProcessQuery{.process = abi::kSelfProcess});
    clean_after("account_query", abi::AccountQuery{.account = abi::kSelfAccount});
    clean_after("space_query", abi::SpaceQuery{.space = abi::kSelfSpace, .address = 0});
    clean_after("memory_query", abi::MemoryQuery{.memory = machine.call(client, abi::MemoryCreate{kPage})->memory});
    const auto& registers = client.frame.registers;
    machine.start_call(client, sender, 1);
    const auto taken = machine.receive(server, port);
    ASSERT_TRUE(taken);
    for (const uint64_t value : {registers.rdx, registers.r10, registers.r8, registers.r9, registers.r12, registers.rbx})
        EXPECT_NE(value, kSecret);
    machine.reply(server, taken->id);
}

TEST_F(MemoryThreats, B9_FailedCallsReturnNothingOfTheKernels) {
    leave_secrets_in_all_frames();
    for (uint64_t number = 0; number <= abi::Syscalls::kCount; ++number) {
        Thread& caller = machine.make_thread();
        caller.frame.registers = {.rip = 0x1000'0000, .rflags = 0x202};
        machine.enter(caller, number);
        const abi::Registers& r = machine.result_registers(caller);
        for (const uint64_t value : {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9, r.r12, r.r13, r.r14, r.r15, r.rbx}) {
            EXPECT_NE(value, kSecret) << number;
            const bool is_pointer = value >= reinterpret_cast<uint64_t>(machine.hardware.ram) &&
                                    value < reinterpret_cast<uint64_t>(machine.hardware.ram) + machine.hardware.ram_bytes;
            EXPECT_FALSE(is_pointer) << number;
        }
        kill(caller);
        machine.forget_ended();
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
