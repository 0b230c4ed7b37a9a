#pragma once

#include "kernel/arch/hosted/page_fixture.h"

namespace portico::kernel::hosted {

/// `sender` has a send handle to a port of `receiver`; its messages may carry all the pages there can be.
class PageMessageTest : public PageTransferTest {
protected:
    static constexpr uint64_t kBadge = 42;
    static constexpr uint64_t kSource = 0x4000'0000, kLanding = 0x6000'0000;
    static constexpr uint64_t kPages = 70;

    Handle port = machine.call(receiver, abi::PortCreate{})->port;
    Handle own_handle = machine.call(receiver, abi::PortBadge{port, kBadge, 8, abi::kMessagePagesMax})->sender;
    Handle handle = machine.give(receiver, own_handle, sender);

    void SetUp() override {
        for (Thread* thread : {&sender, &receiver}) {
            map_pieces(*thread, kSource, {kPages});
            map_pieces(*thread, kLanding, {kPages});
            fill(*thread, kSource, kPages, 100);
            fill(*thread, kLanding, kPages, 900);
        }
    }
    abi::MessageRegisters with_pages(uint64_t handle_or_id, uint64_t address, uint64_t count, bool copy = false) {
        return {.handle_or_id = handle_or_id, .header = abi::Header::make(1).with_pages(copy), .r14 = address, .rbx = count * kPage};
    }
    /// What a receive, or a call for its reply, says of its landing.
    static abi::MessageRegisters and_landing(abi::MessageRegisters registers, uint64_t count, uint64_t address = kLanding) {
        registers.header = registers.handle_or_id != 0 ? registers.header : abi::Header{};
        registers.r15 = address;
        registers.rbx |= count * kPage << 32;
        return registers;
    }
    Result<Received> send_pages(uint64_t count, bool copy = false, uint64_t address = kSource) {
        return machine.message<abi::PortSend>(sender, with_pages(handle.value, address, count, copy));
    }
    abi::MessageRegisters receiving(uint64_t landing_pages, uint64_t landing = kLanding, uint64_t deadline_ns = abi::kNow) {
        return and_landing({.handle_or_id = port.value, .deadline_or_badge = deadline_ns}, landing_pages, landing);
    }
    Result<Received> receive_pages(uint64_t landing_pages, uint64_t landing = kLanding) {
        return machine.message<abi::PortReceive>(receiver, receiving(landing_pages, landing));
    }
    /// A call with pages, taken; returns its id.
    uint64_t call_taken(uint64_t count, uint64_t landing_pages) {
        machine.start_message<abi::PortCall>(sender, and_landing(with_pages(handle.value, kSource, count), landing_pages));
        const auto taken = receive_pages(count);
        EXPECT_EQ(refusal(taken), Error::None);
        return taken ? taken->id : 0;
    }
    Result<Received> reply_pages(uint64_t id, uint64_t count, bool copy = false) {
        return machine.message<abi::PortReply>(receiver, with_pages(id, kSource, count, copy));
    }

    /// The whole of a range is as SetUp left it.
    void expect_sources_untouched() {
        for (Thread* thread : {&sender, &receiver})
            if (machine.runnable(*thread)) expect_filled(*thread, kSource, kPages, 100);
    }
    void expect_landing_untouched(Thread& thread) { expect_filled(thread, kLanding, kPages, 900); }
    /// `count` pages have come, and nothing behind them.
    void expect_landed(Thread& thread, uint64_t count, uint64_t first_value = 100) {
        expect_filled(thread, kLanding, count, first_value);
        for (uint64_t i = count; i < kPages; ++i) ASSERT_EQ(machine.read(thread, kLanding + i * kPage + 8 * i), 900 + i) << i;
    }
};

}  // namespace portico::kernel::hosted
