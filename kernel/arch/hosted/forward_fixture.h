#pragma once

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {

/// The client calls the server, which may hand the call on to `second`, a server in a process of its own.
class ForwardFixture : public PortFixture {
public:
    static constexpr uint64_t kSecondBadge = 77;
    Thread& second = machine.make_thread();
    Handle second_port = machine.call(second, abi::PortCreate{})->port;
    Handle to_second = make_sender(second, second_port, server, kSecondBadge);

    Error forward_by(Thread& forwarder, Handle to, uint64_t id, uint64_t word = 0, abi::Header header = {}, uint64_t last_word = 0) {
        return refusal(machine.message<abi::PortForward>(
            forwarder, {.handle_or_id = to.value, .header = header, .word = {word, 0, 0, 0, last_word}, .r14 = id}));
    }
    Error forward(uint64_t id, uint64_t word = 0, abi::Header header = {}) { return forward_by(server, to_second, id, word, header); }

    /// The client's call, taken by the server and handed on; taken by the second, too, if so asked. Returns its id.
    uint64_t forwarded(bool taken, uint64_t deadline_ns = abi::kForever) {
        const uint64_t id = call_taken(1, deadline_ns);
        EXPECT_EQ(forward(id, 2), Error::None);
        if (taken) {
            EXPECT_EQ(machine.receive(second, second_port)->id, id);
        }
        return id;
    }
    void expect_nothing_at(Thread& receiver, Handle at) { EXPECT_EQ(refusal(machine.receive(receiver, at)), Error::WouldBlock); }
    /// The end of a call is told to the second server if it took it, and to nobody else.
    void expect_cancelled_at_second(uint64_t id, bool was_taken) {
        if (was_taken) {
            const auto told = machine.receive(second, second_port);
            ASSERT_TRUE(told);
            EXPECT_EQ(told->header.kind(), MessageKind::Cancelled);
            EXPECT_EQ(told->id, id);
            EXPECT_EQ(told->badge, kSecondBadge);
        }
        expect_nothing_at(second, second_port);
        expect_nothing_at(server, port);
        EXPECT_EQ(refusal(machine.reply(second, id)), Error::NoSuchCall);
        EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
    }
};

}  // namespace portico::kernel::hosted
