#include "kernel/arch/hosted/seeds.h"
#include "kernel/arch/hosted/threats_fixture.h"
#include "kernel/ipc/ipc.h"

/// Threat A16: no ports that nobody reaches any more keep each other, whatever holds the handles to them (docs/decisions/0012).
namespace portico::kernel::hosted {

class PortCycleTest : public Threats {
protected:
    Ref<Account> account = make_account(4 << 20);
    Thread& maker = machine.make_thread(machine.make_process({}, account.get()));

    struct Queue {
        Handle port, sender;
    };
    static Queue make_port(Machine& machine, Thread& thread) {
        const Handle made = machine.call(thread, abi::PortCreate{})->port;
        return {made, machine.call(thread, abi::PortBadge{made, 1, 4})->sender};
    }
    Queue make_port() { return make_port(machine, maker); }

    static abi::MessageRegisters with_handle(Handle to, Handle carried, bool moves = true) {
        return {.handle_or_id = to.value, .header = abi::Header::make(0, 1, moves ? 1 : 0), .word = {0, 0, 0, 0, carried.value}};
    }
    Error put_into(const Queue& queue, Handle handle, bool moves = true) {
        return refusal(machine.message<abi::PortSend>(maker, with_handle(queue.sender, handle, moves)));
    }
    void close_all(Thread& thread) {
        machine.in_kernel([&] { thread.process().handles().clear(); });
    }
    /// In an account of its own, so that what it made can be told from the rest.
    Thread& make_maker() { return machine.make_thread(machine.make_process({}, account.get())); }
    void expect_nothing_left(uint64_t ports_before) {
        ASSERT_EQ(port_count(), ports_before);
        ASSERT_EQ(account->used_bytes(), 0u);
        ASSERT_EQ(account->object_count(), 0u);
    }
};

TEST_F(PortCycleTest, A16_OnlyYoungerPortsGoIntoAQueue) {
    const Queue older = make_port(), younger = make_port();
    for (const bool moves : {true, false}) {
        EXPECT_EQ(put_into(older, older.port, moves), Error::InvalidArgument) << "into its own";
        EXPECT_EQ(put_into(younger, older.port, moves), Error::InvalidArgument);
        EXPECT_EQ(refusal(machine.message<abi::PortSendWait>(maker, with_handle(younger.sender, older.port, moves))),
                  Error::InvalidArgument);
    }
    EXPECT_TRUE(has_handle(maker, older.port)) << "what was refused is still its sender's";
    const abi::MessageRegisters two{.handle_or_id = younger.sender.value,
                                    .header = abi::Header::make(0, 2, 3),
                                    .word = {0, 0, 0, younger.sender.value, older.port.value}};
    EXPECT_EQ(refusal(machine.message<abi::PortSend>(maker, two)), Error::InvalidArgument) << "the last of several";
    EXPECT_TRUE(has_handle(maker, younger.sender));
    EXPECT_EQ(refusal(machine.receive(maker, younger.port)), Error::WouldBlock);
    for (int i = 0; i < 4; ++i) ASSERT_EQ(put_into(older, younger.port, false), Error::None) << "no credit was lost";
    EXPECT_EQ(put_into(older, older.sender, false), Error::NoCredit);
}

TEST_F(PortCycleTest, A16_InABatchToo) {
    const Queue older = make_port(), younger = make_port();
    const uint64_t page = machine.map(maker, abi::kPageBytes);
    const std::array<abi::Message, 2> messages{
        {{.header = abi::Header::make(1)}, {.header = abi::Header::make(2, 1, 0), .word = {0, 0, 0, 0, older.port.value}}}};
    ASSERT_TRUE(machine.write(maker, page, messages));
    EXPECT_EQ(machine.call(maker, abi::PortSendBatch{younger.sender, page, 2})->sent, 1u);
    EXPECT_EQ(refusal(machine.call(maker, abi::PortSendBatch{younger.sender, page + sizeof(abi::Message), 1})), Error::InvalidArgument);
}

TEST_F(PortCycleTest, A16_WhoWaitsForACreditIsRefusedThen) {
    const Queue older = make_port(), younger = make_port();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(machine.send(maker, younger.sender));
    Thread& waiting = machine.make_thread(maker.process());
    abi::MessageRegisters registers = with_handle(younger.sender, older.port);
    registers.deadline_or_badge = abi::kForever;
    machine.start_message<abi::PortSendWait>(waiting, registers);
    if (machine.waits(waiting)) ASSERT_TRUE(machine.receive(maker, younger.port));
    ASSERT_FALSE(machine.waits(waiting));
    EXPECT_EQ(refusal(machine.received(waiting)), Error::InvalidArgument);
}

/// An older port may go by a call, into whatever queue, and by a reply.
TEST_F(PortCycleTest, A16_CallsAndRepliesCarryOlderPorts) {
    const Queue older = make_port(), younger = make_port();
    Thread& caller = machine.make_thread(maker.process());
    machine.start_message<abi::PortCall>(caller, [&] {
        abi::MessageRegisters registers = with_handle(younger.sender, older.port);
        registers.deadline_or_badge = abi::kForever;
        return registers;
    }());
    const auto call = machine.receive(maker, younger.port);
    ASSERT_TRUE(call);
    ASSERT_EQ(call->header.handle_count(), 1u);
    ASSERT_TRUE(reply_with_handle(maker, call->id, Handle{call->word[4]}));
    const auto answer = machine.received(caller);
    ASSERT_TRUE(answer);
    EXPECT_TRUE(has_handle(maker, Handle{answer->word[4]}));
}

/// Rings of 1 to 6 ports whose handles move into each other's queues, in any order: somewhere one is refused, so when the maker lets
/// go of what it has, all of them go, though it lives on.
TEST_F(PortCycleTest, A16_PortsInQueuesGoWhileTheirMakerLives) {
    const uint64_t before = port_count(), rings = 50'000 / sanitizer::kSlowness;
    uint64_t used = 0, objects = 0;
    for (uint64_t ring = 0; ring < rings; ++ring) {
        const size_t count = 1 + below(6);
        std::vector<Queue> queues;
        for (size_t i = 0; i < count; ++i) queues.push_back(make_port());
        std::shuffle(queues.begin(), queues.end(), random);
        const bool moves = below(2) == 0;
        size_t refused = 0;
        for (size_t i = 0; i < count; ++i) refused += put_into(queues[i], queues[(i + 1) % count].port, moves) != Error::None;
        ASSERT_GE(refused, 1u);
        close_all(maker);
        ASSERT_EQ(port_count(), before) << "ring " << ring;
        if (ring == 0) used = account->used_bytes(), objects = account->object_count();
        ASSERT_EQ(account->used_bytes(), used);
        ASSERT_EQ(account->object_count(), objects);
    }
}

/// The same by calls that nobody takes, of either kind, which may carry any port: these end with their caller.
TEST_F(PortCycleTest, A16_PortsInCallsGoWithTheCaller) {
    kill(maker);
    machine.forget_ended();
    const uint64_t before = port_count();
    for (uint64_t round = 0; round < 10'000 / sanitizer::kSlowness; ++round) {
        Thread& caller = make_maker();
        const size_t count = 1 + below(4);
        std::vector<Queue> queues;
        for (size_t i = 0; i < count; ++i) queues.push_back(make_port(machine, caller));
        const Queue replies = make_port(machine, caller);
        std::shuffle(queues.begin(), queues.end(), random);
        const bool blocking = below(2) == 0;
        for (size_t i = 0; i < count; ++i) {
            abi::MessageRegisters registers = with_handle(queues[i].sender, queues[(i + 1) % count].port);
            registers.r14 = replies.port.value;
            registers.deadline_or_badge = abi::kForever;
            if (blocking)
                machine.start_message<abi::PortCall>(machine.make_thread(caller.process()), registers);
            else
                ASSERT_TRUE(machine.message<abi::PortCallAsync>(caller, registers));
        }
        close_all(caller);
        ASSERT_GE(port_count(), before + count) << "they are in each other's queues";
        kill(caller);
        machine.forget_ended();
        ASSERT_NO_FATAL_FAILURE(expect_nothing_left(before)) << "round " << round;
    }
}

/// What else holds handles: tables of processes that have no thread. They end with their maker.
TEST_F(PortCycleTest, A16_UnstartedProcessesGoWithTheirMaker) {
    kill(maker);
    machine.forget_ended();
    const uint64_t before = port_count(), processes = process_count();
    for (uint64_t round = 0; round < 10'000 / sanitizer::kSlowness; ++round) {
        Thread& thread = make_maker();
        const auto make_process = [&] {
            const Handle space = machine.call(thread, abi::SpaceCreate{})->space;
            const Handle made = machine.call(thread, abi::ProcessCreate{space, abi::kSelfAccount, {}})->process;
            machine.call(thread, abi::HandleClose{space});
            return made;
        };
        const auto install = [&](Handle process, Handle what) {
            ASSERT_TRUE(machine.call(thread, abi::HandleInstall{process, Handle{}, what, static_cast<uint64_t>(Rights::All)}));
        };
        const Handle first = make_process(), second = make_process();
        const Queue queue = make_port(machine, thread);
        switch (round % 4) {
        case 0:  // in its own table
            install(first, first);
            break;
        case 1:  // in each other's
            install(first, second);
            install(second, first);
            break;
        case 2:  // in the queue of a port that only its table holds
            install(first, queue.port);
            ASSERT_TRUE(machine.message<abi::PortSend>(thread, with_handle(queue.sender, first)));
            break;
        default: {  // a fork of all of that
            install(first, queue.port);
            const auto forked = machine.call(thread, abi::ProcessClone{first, {}, 0});
            ASSERT_TRUE(forked);
            ASSERT_TRUE(machine.message<abi::PortSend>(thread, with_handle(queue.sender, forked->process)));
            ASSERT_TRUE(machine.message<abi::PortSend>(thread, with_handle(queue.sender, first)));
        }
        }
        close_all(thread);
        kill(thread);
        machine.forget_ended();
        ASSERT_NO_FATAL_FAILURE(expect_nothing_left(before)) << "round " << round;
        ASSERT_EQ(process_count(), processes);
    }
}

TEST_F(PortCycleTest, A16_AProcessThatWasStartedOutlivesItsMaker) {
    const Handle space = machine.call(maker, abi::SpaceCreate{})->space;
    const Handle started = machine.call(maker, abi::ProcessCreate{space, abi::kSelfAccount, {}})->process;
    const Handle unstarted = machine.call(maker, abi::ProcessCreate{space, abi::kSelfAccount, {}})->process;
    Process& one = machine.adopt_process(maker, started);
    Process& other = machine.adopt_process(maker, unstarted);
    machine.make_thread(one);
    kill(maker);
    EXPECT_EQ(one.state(), abi::ProcessState::Running);
    EXPECT_EQ(other.state(), abi::ProcessState::Exited);
}

/// Ports, senders, sets, and processes without threads, in tables, messages and calls at random; then everybody either lets go of all
/// handles and lives on (no call is left then), or dies.
TEST_F(PortCycleTest, A16_WhateverHoldsThemNothingStays) {
    kill(maker);
    machine.forget_ended();
    const uint64_t before = port_count();
    uint64_t sent = 0, refused = 0, called = 0;
    const Seeds seeds(2000);
    for (uint64_t seed = seeds.first; seed < seeds.first + seeds.count; ++seed) {
        random.seed(seed);
        std::vector<Thread*> makers;
        std::vector<std::vector<Handle>> held(3);
        for (size_t i = 0; i < held.size(); ++i) makers.push_back(&make_maker());
        const bool calls = seed % 2 == 0;
        for (int step = 0; step < 150; ++step) {
            const size_t who = below(makers.size());
            Thread& thread = *makers[who];
            std::vector<Handle>& mine = held[who];
            const auto any = [&] { return mine.empty() ? Handle{1} : mine[below(mine.size())]; };
            const auto any_of = [&](ObjectType type) {  // often
                Handle found = any();
                for (int tries = 0; tries < 8; ++tries, found = any())
                    if (const auto there = thread.process().handles().find(found); there && (*there)->object()->type() == type) break;
                return found;
            };
            switch (below(10)) {
            case 0:
            case 1: {
                const Queue made = make_port(machine, thread);
                mine.insert(mine.end(), {made.port, made.sender});
                break;
            }
            case 2: {
                const Handle set = machine.call(thread, abi::SetCreate{})->set;
                (void)machine.call(thread, abi::SetAdd{set, any_of(ObjectType::Port), 1});
                mine.push_back(set);
                break;
            }
            case 3:
                if (!calls) break;
                if (const auto made = machine.call(thread, abi::ProcessClone{abi::kSelfProcess, {}, 1})) mine.push_back(made->process);
                break;
            case 4:
                (void)machine.call(thread,
                                   abi::HandleInstall{any_of(ObjectType::Process), Handle{}, any(), static_cast<uint64_t>(Rights::All)});
                break;
            case 5:
                (void)machine.call(thread, abi::HandleClose{any()});
                break;
            case 6:
                if (const auto taken = machine.receive(thread, any_of(ObjectType::Port)))
                    for (unsigned i = 0; i < taken->header.handle_count(); ++i)
                        if (const Handle got{taken->word[4 - i]}; got.value != 0) mine.push_back(got);
                break;
            case 7:
                if (const auto made = machine.call(thread, abi::HandleDuplicate{any(), ~0ull})) mine.push_back(made->handle);
                break;
            default: {
                const unsigned count = static_cast<unsigned>(1 + below(2));
                abi::MessageRegisters registers{.handle_or_id = any_of(ObjectType::Sender).value,
                                                .header = abi::Header::make(0, count, static_cast<unsigned>(below(4))),
                                                .word = {0, 0, 0, any().value, any_of(ObjectType::Port).value},
                                                .r14 = any_of(ObjectType::Port).value};
                if (!calls || below(2) == 0) {
                    const Error error = refusal(machine.message<abi::PortSend>(thread, registers));
                    sent += error == Error::None;
                    refused += error == Error::InvalidArgument;
                } else if (below(2) == 0) {
                    called += machine.message<abi::PortCallAsync>(thread, registers).has_value();
                } else {
                    Thread& caller = machine.make_thread(thread.process());
                    registers.deadline_or_badge = abi::kForever;
                    machine.start_message<abi::PortCall>(caller, registers);
                    called += machine.waits(caller);
                }
            }
            }
        }
        if (!calls) {
            for (Thread* each : makers) close_all(*each);
            ASSERT_EQ(port_count(), before) << "seed " << seed;
        }
        for (Thread* each : makers) kill(*each);
        machine.forget_ended();
        ASSERT_NO_FATAL_FAILURE(expect_nothing_left(before)) << "seed " << seed;
    }
    EXPECT_GT(sent, 4 * seeds.count);
    EXPECT_GT(refused, seeds.count);
    EXPECT_GT(called, seeds.count);
}

}  // namespace portico::kernel::hosted
