#pragma once

#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel::hosted {

using abi::Header;

/// The server waits at its port; the client has called once, so that it has a call record.
class FastPathFixture : public PortFixture {
public:
    FastPathFixture() {
        machine.start_call(client, sender);
        EXPECT_TRUE(machine.reply(server, machine.receive(server, port)->id));
    }

    /// Whether the entries in `act`, made by a thread that can run, all kept out of Scheduler::leave, which clears the flag. Only the
    /// fast path does if the flag is set before.
    bool stays_fast(Thread& thread, auto act) {
        machine.switch_to(thread);
        Cpu& cpu = arch::this_cpu();
        cpu.attention = true;
        cpu.resched = false;  // what the machine's own switching left
        act();
        return std::exchange(cpu.attention, false);
    }
    /// The client's call takes the fast path?
    bool call_is_fast(const abi::MessageRegisters& registers) {
        return stays_fast(client, [&] { machine.start_message<abi::PortCall>(client, registers); });
    }
    bool call_is_fast(uint64_t word = 0) { return call_is_fast({.handle_or_id = sender.value, .word = {word}}); }
    /// The server's reply_receive does?
    bool reply_is_fast(const abi::MessageRegisters& registers) {
        return stays_fast(server, [&] { machine.start_message<abi::PortReplyReceive>(server, registers); });
    }
    bool reply_is_fast(uint64_t id, uint64_t word) { return reply_is_fast({.handle_or_id = port.value, .word = {word}, .r14 = id}); }

    void serve() { machine.start_receive(server, port); }
    /// The id of the call that the server has got.
    uint64_t taken_id() {
        EXPECT_FALSE(machine.waits(server));
        const auto taken = machine.received(server);
        EXPECT_TRUE(taken) << name_of(taken.error());
        return taken ? taken->id : 0;
    }
    /// After whatever diverted one exchange, the next takes the fast path both ways.
    void expect_fast_exchange() {
        if (!machine.waits(server)) serve();
        EXPECT_TRUE(call_is_fast(1));
        EXPECT_TRUE(reply_is_fast(taken_id(), 2));
        EXPECT_TRUE(machine.waits(server));
        expect_call_answered(2);
    }
};

}  // namespace portico::kernel::hosted
