#include "kernel/arch/hosted/threats_fixture.h"
#include "kernel/ipc/ipc.h"
#include "kernel/ipc/port_set.h"

/// Threats to handles and to those who wait: A15, A16, A19, A20.
namespace portico::kernel::hosted {

TEST_F(Threats, A15_HandleExhaustionHurtsOnlyItself) {
    Caller greedy = make_caller();
    const Handle own_port = machine.call(greedy.thread, abi::PortCreate{})->port;
    const Handle to_greedy = make_sender(greedy.thread, own_port, client);
    Handle last{};
    Result<abi::HandleDuplicate::Reply> made{};
    while ((made = machine.call(greedy.thread, abi::HandleDuplicate{greedy.sender, ~0ull}))) last = made->handle;
    EXPECT_EQ(made.error(), Error::NoSpace);
    EXPECT_EQ(greedy.thread.process().handles().count(), 65535u);
    for (int i = 0; i < 5000; ++i) ASSERT_TRUE(machine.call(client, abi::HandleDuplicate{sender, ~0ull}));

    // It still exchanges messages without handles; those with handles stay in its queue and are lost to nobody.
    ASSERT_TRUE(machine.send(client, to_greedy, 1));
    EXPECT_EQ(machine.receive(greedy.thread, own_port)->word[0], 1u);
    machine.start_call(greedy.thread, greedy.sender, 2);
    ASSERT_TRUE(machine.reply(server, machine.receive(server, port)->id, 3));
    expect_answer(greedy.thread, 3);
    const Handle memory = machine.call(client, abi::MemoryCreate{4096})->memory;
    ASSERT_TRUE(machine.message<abi::PortSend>(
        client, {.handle_or_id = to_greedy.value, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, memory.value}}));
    EXPECT_EQ(refusal(machine.receive(greedy.thread, own_port)), Error::NoSpace);
    machine.start_call(greedy.thread, greedy.sender);
    ASSERT_TRUE(reply_with_handle(server, machine.receive(server, port)->id, machine.call(server, abi::MemoryCreate{4096})->memory));
    EXPECT_EQ(refusal(machine.received(greedy.thread)), Error::NoSpace) << "it is told that it got nothing";
    machine.call(greedy.thread, abi::HandleClose{last});
    EXPECT_EQ(machine.receive(greedy.thread, own_port)->header.handle_count(), 1u);
}

TEST_F(Threats, A15_AnAccountBoundsTheTablesOfAllItsProcesses) {
    Ref<Account> account = make_account(300'000);
    std::vector<Thread*> greedy;
    for (int i = 0; i < 5; ++i) greedy.push_back(&machine.make_thread(machine.make_process({}, account.get())));
    std::vector<Handle> own;
    for (Thread* each : greedy) own.push_back(machine.give(server, server_sender, *each));
    const uint64_t beside = machine.root().used_bytes() - account->used_bytes();
    for (size_t i = 0; i < greedy.size(); ++i) {
        Result<abi::HandleDuplicate::Reply> made{};
        do made = machine.call(*greedy[i], abi::HandleDuplicate{own[i], ~0ull});
        while (made);
        EXPECT_EQ(made.error(), Error::NoMemory);
    }
    EXPECT_LE(account->used_bytes(), account->limit_bytes());
    EXPECT_EQ(machine.root().used_bytes() - account->used_bytes(), beside);
    EXPECT_TRUE(machine.call(client, abi::PortCreate{}));
}

TEST_F(Threats, A16_HandlesInUndeliveredMessagesGoWithTheirPort) {
    uint64_t used = 0, objects = 0;
    for (unsigned round = 0; round < 10'000 / sanitizer::kSlowness; ++round) {
        const Caller dying = make_caller();
        Thread& receiver = machine.make_thread();
        const Handle at = machine.call(receiver, abi::PortCreate{})->port;
        const Handle to_receiver = make_sender(receiver, at, dying.thread);
        // A port with its sender, a memory object and the process itself, in a queue that nobody reads.
        const Handle inner = machine.call(dying.thread, abi::PortCreate{})->port;
        const Handle to_inner = machine.call(dying.thread, abi::PortBadge{inner, 1, 4})->sender;
        const Handle memory = machine.call(dying.thread, abi::MemoryCreate{1 << 16})->memory;
        const Handle self =
            machine.in_kernel([&] { return *dying.thread.process().handles().add(Capability(dying.thread.process(), Rights::All)); });
        const abi::MessageRegisters message{.handle_or_id = to_receiver.value,
                                            .header = abi::Header::make(0, 4, 15),
                                            .word = {0, inner.value, to_inner.value, memory.value, self.value}};
        ASSERT_TRUE(machine.message<abi::PortSend>(dying.thread, message));
        kill(round % 2 == 0 ? dying.thread : receiver);
        kill(round % 2 == 0 ? receiver : dying.thread);
        machine.forget_ended();
        ASSERT_EQ(machine.receive(server, port)->word[0], abi::kNotifySendersGone);
        if (round == 0) used = machine.root().used_bytes(), objects = machine.root().object_count();
        ASSERT_EQ(machine.root().used_bytes(), used);
        ASSERT_EQ(machine.root().object_count(), objects);
    }
}

/// Random receives, sends and calls on two ports, one of them in a set: nobody waits beside a message.
TEST_F(Threats, A19_NobodyWaitsBesideAMessage) {
    const Handle set = machine.call(server, abi::SetCreate{})->set, second_port = machine.call(server, abi::PortCreate{})->port;
    const Handle first_sender = sender, second_sender = make_sender(server, second_port, client, 2);
    std::vector<Thread*> receivers, senders;
    for (int i = 0; i < 4; ++i) receivers.push_back(&machine.make_thread(server.process()));
    for (int i = 0; i < 4; ++i) senders.push_back(&machine.make_thread(client.process()));
    const uint64_t page = machine.map(server, abi::kPageBytes);
    std::vector<uint64_t> held;
    HandleTable& handles = server.process().handles();
    const Port& first = *machine.in_kernel([&] { return *handles.get<Port>(port, Rights::Receive); });
    const Port& second = *machine.in_kernel([&] { return *handles.get<Port>(second_port, Rights::Receive); });
    const PortSet& both = *machine.in_kernel([&] { return *handles.get<PortSet>(set, Rights::Receive); });
    const auto go_on_if_woken = [&](Thread& thread) {
        const bool woken = machine.runnable(thread) && thread.frame.registers.rax == abi::kNativeBase + abi::PortReceiveBatch::doc.number;
        if (woken) machine.enter(thread, abi::PortReceiveBatch::doc.number);
    };
    uint64_t waited = 0;
    for (int step = 0; step < 30'000; ++step) {
        Thread& receiver = *receivers[below(4)];
        Thread& from = *senders[below(4)];
        const Handle by = below(2) == 0 ? first_sender : second_sender;
        const Handle at = std::array{port, second_port, set}[below(3)];
        const uint64_t deadline = below(3) == 0 ? machine.hardware.now_ns() + below(10'000) : abi::kForever;
        switch (below(8)) {
        case 0:
        case 1:
            if (machine.runnable(receiver)) machine.start_receive(receiver, at, deadline);
            break;
        case 2:
            if (machine.runnable(receiver))
                machine.start(receiver, abi::PortReceiveBatch{at == set ? port : at, page, 1 + below(8), deadline});
            break;
        case 3:
            if (machine.runnable(from)) machine.send(from, by);
            break;
        case 4:
            if (machine.runnable(from)) machine.start_call(from, by, 0, machine.hardware.now_ns() + below(10'000));
            break;
        case 5:
            if (machine.runnable(from)) machine.call(from, abi::PortNotify{by, 1});
            break;
        case 6:
            (void)machine.call(server, abi::SetAdd{set, below(2) == 0 ? port : second_port, 1});
            if (below(3) == 0) (void)machine.call(server, abi::SetRemove{set, below(2) == 0 ? port : second_port});
            break;
        default:
            machine.advance(below(3000));
        }
        for (Thread* each : receivers) go_on_if_woken(*each);
        for (Thread* each : receivers) waited += machine.waits(*each);
        ASSERT_FALSE(first.has_receivers() && !first.empty()) << "step " << step;
        ASSERT_FALSE(second.has_receivers() && !second.empty()) << "step " << step;
        ASSERT_FALSE(both.has_receivers() && !both.empty()) << "step " << step;
        const bool ready = (first.set() != nullptr && !first.empty()) || (second.set() != nullptr && !second.empty());
        ASSERT_EQ(both.empty(), !ready) << "step " << step;
    }
    EXPECT_GT(waited, 1000u);
}

/// Servers that call each other in a ring, so that each waits for itself in the end.
class RingTest : public Threats {
protected:
    struct Server {
        Thread& thread;
        Handle port, to_next{};
    };
    std::vector<Server> ring;

    /// Each calls the next; with `taken`, each has taken the call of the one before.
    void make_ring(size_t count, bool taken, uint64_t deadline_ns) {
        for (size_t i = 0; i < count; ++i) {
            Thread& thread = machine.make_thread();
            ring.push_back({thread, machine.call(thread, abi::PortCreate{})->port});
        }
        for (size_t i = 0; i < count; ++i) ring[i].to_next = make_sender(next(i).thread, next(i).port, ring[i].thread);
        for (size_t i = 0; i < count; ++i) {
            if (taken && i > 0) ASSERT_TRUE(machine.receive(ring[i].thread, ring[i].port));
            machine.start_call(ring[i].thread, ring[i].to_next, i, deadline_ns);
            ASSERT_TRUE(machine.waits(ring[i].thread));
        }
    }
    Server& next(size_t i) { return ring[(i + 1) % ring.size()]; }
    void forget_ring() {
        for (Server& each : ring) {
            kill(each.thread);
            EXPECT_EQ(each.thread.state(), Thread::State::Dead);
        }
        ring.clear();
        machine.forget_ended();
    }
};

TEST_F(RingTest, A20_DeadlinesEndARing) {
    for (const bool taken : {false, true})
        for (size_t count = 2; count <= 32; count += 3) {
            make_ring(count, taken, machine.hardware.now_ns() + 1000);
            machine.advance(2000);
            for (Server& each : ring) EXPECT_EQ(refusal(machine.received(each.thread)), Error::TimedOut);
            forget_ring();
            ASSERT_FALSE(HasFailure()) << count;
        }
}

TEST_F(RingTest, A20_ARingIsKillable) {
    for (const bool taken : {false, true})
        for (size_t count = 2; count <= 32; count += 3) {
            make_ring(count, taken, abi::kForever);
            kill(ring[count / 2].thread);
            Server& before = ring[count / 2 - 1];
            ASSERT_FALSE(machine.waits(before.thread)) << "who waited for the dead one goes on";
            EXPECT_EQ(refusal(machine.received(before.thread)), Error::PeerClosed);
            for (size_t i = 0; i < count; ++i) {
                const bool of_the_break = i == count / 2 || i == count / 2 - 1;
                EXPECT_TRUE(of_the_break || machine.waits(ring[i].thread));
            }
            forget_ring();
            ASSERT_FALSE(HasFailure()) << count;
        }
}

TEST_F(RingTest, A20_OneWhoGivesUpFreesTheRing) {
    for (size_t count = 2; count <= 32; count += 3) {
        make_ring(count, true, abi::kForever);
        alert(ring[count - 1].thread);
        EXPECT_EQ(refusal(machine.received(ring[count - 1].thread)), Error::Interrupted);
        for (size_t i = count - 1; i > 0; --i) {  // it answers whom it had taken, who then answers in turn
            const uint64_t id = ring[i - 1].thread.current_call()->message.id;
            ASSERT_TRUE(machine.reply(ring[i].thread, id, i));
            expect_answer(ring[i - 1].thread, i);
        }
        forget_ring();
        ASSERT_FALSE(HasFailure()) << count;
    }
}

}  // namespace portico::kernel::hosted
