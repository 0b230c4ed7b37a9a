#pragma once

#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/sched/cpu.h"

namespace portico::kernel::hosted {

/// Servers of low priority and callers of several.
class PriorityFixture : public PortFixture {
public:
    struct Server {
        Thread& thread;
        Handle port;
        unsigned base;
    };
    Server make_server(unsigned priority) {
        Thread& thread = machine.make_thread(machine.make_process(), priority);
        return {thread, machine.call(thread, abi::PortCreate{})->port, priority};
    }
    Thread& make_client(unsigned priority) { return machine.make_thread(machine.make_process(), priority); }
    Handle sender_to(const Server& to, Thread& holder) { return make_sender(to.thread, to.port, holder); }

    void serve(const Server& each) { machine.start_receive(each.thread, each.port); }
    uint64_t take(const Server& each) {
        const auto taken = machine.receive(each.thread, each.port);
        EXPECT_TRUE(taken) << name_of(taken.error());
        return taken ? taken->id : 0;
    }
    uint64_t taken_id(const Server& each) { return machine.received(each.thread)->id; }
    /// Answers by one trap and waits for the next.
    void answer(const Server& each, uint64_t id) {
        machine.start_message<abi::PortReplyReceive>(each.thread, {.handle_or_id = each.port.value, .r14 = id});
    }
    void expect_at_base(const Server& each) { EXPECT_EQ(each.thread.priority(), each.base); }
};

}  // namespace portico::kernel::hosted
