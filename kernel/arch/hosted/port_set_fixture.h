#pragma once

#include "kernel/arch/hosted/port_fixture.h"

namespace portico::kernel::hosted {

/// The server receives from a set; the client has a send handle to each of its ports.
class PortSetFixture : public PortFixture {
public:
    struct Member {
        Handle port, sender;
        uint64_t key;
    };
    Handle set = machine.call(server, abi::SetCreate{})->set;

    Member make_port(uint64_t key, uint64_t credits = 64) {
        const Handle made = machine.call(server, abi::PortCreate{})->port;
        return {made, make_sender(server, made, client, key, credits), key};
    }
    Result<> add(const Member& member) { return machine.call(server, abi::SetAdd{set, member.port, member.key}); }
    Result<> remove(const Member& member) { return machine.call(server, abi::SetRemove{set, member.port}); }
    Member make_member(uint64_t key) {
        const Member member = make_port(key);
        EXPECT_TRUE(add(member));
        return member;
    }
    void send(const Member& member, uint64_t word) { ASSERT_TRUE(machine.send(client, member.sender, word)); }
    uint64_t key(Thread& receiver) { return machine.result_registers(receiver).r14; }

    /// The next message at the set is this one, or nothing.
    void expect_next(const Member& member, uint64_t word) {
        const auto received = machine.receive(server, set);
        ASSERT_TRUE(received) << name_of(received.error());
        EXPECT_EQ(key(server), member.key);
        EXPECT_EQ(received->word[0], word);
    }
    void expect_nothing() { EXPECT_EQ(refusal(machine.receive(server, set)), Error::WouldBlock); }
    /// A thread that waits gets this message.
    void expect_woken(Thread& receiver, const Member& member, uint64_t word) {
        ASSERT_FALSE(machine.waits(receiver));
        const auto received = machine.received(receiver);
        ASSERT_TRUE(received) << name_of(received.error());
        EXPECT_EQ(key(receiver), member.key);
        EXPECT_EQ(received->word[0], word);
    }
};

}  // namespace portico::kernel::hosted
