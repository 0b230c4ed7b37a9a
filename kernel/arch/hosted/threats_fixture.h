#pragma once

#include <random>

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {

/// One fixture for the tests that are named after the threats they answer (the table is in docs/testing.md).
class Threats : public PortFixture {
public:
    Threats() : PortFixture(64) {}

    std::mt19937_64 random{20'26};
    uint64_t below(uint64_t end) { return random() % end; }

    /// A process with a sender to the server's port.
    struct Caller {
        Thread& thread;
        Handle sender;
    };
    Caller make_caller(uint64_t badge = 7) {
        Thread& thread = machine.make_thread();
        return {thread, make_sender(server, port, thread, badge)};
    }
    uint64_t call_async(Thread& thread, Handle by, Handle reply_port, uint64_t word = 0) {
        const auto made = machine.message<abi::PortCallAsync>(thread, {.handle_or_id = by.value, .word = {word}, .r14 = reply_port.value});
        EXPECT_TRUE(made) << name_of(made.error());
        return made ? made->id : 0;
    }
    Result<Received> reply_with_handle(Thread& replier, uint64_t id, Handle handle) {
        return machine.message<abi::PortReply>(
            replier, {.handle_or_id = id, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, handle.value}});
    }
    bool has_handle(Thread& thread, Handle handle) {
        return machine.in_kernel([&] { return thread.process().handles().find(handle).has_value(); });
    }
    /// Fills the table's last chunk, so that the next handle needs memory.
    void fill_table(Thread& thread, Handle with) {
        while (thread.process().handles().count() % 64 != 63) ASSERT_TRUE(machine.call(thread, abi::HandleDuplicate{with, ~0ull}));
    }
};

}  // namespace portico::kernel::hosted
