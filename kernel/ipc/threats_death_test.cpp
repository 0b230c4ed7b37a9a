#include <set>

#include "kernel/arch/hosted/threats_fixture.h"

/// Threats from servers that die or never answer, and from clients that die: A9, A10, A21.
namespace portico::kernel::hosted {

TEST_F(Threats, A9_AServerThatDiesWithAHundredCallsFailsEachOnce) {
    Thread& keeper = machine.make_thread();  // has Receive, as init has: the port survives
    const Handle kept = machine.give(server, port, keeper);
    machine.call(server, abi::HandleClose{port});
    std::vector<Caller> callers;
    for (uint64_t i = 0; i < 60; ++i) {
        Thread& thread = machine.make_thread();
        callers.push_back({thread, machine.give(server, server_sender, thread)});
    }
    Thread& asker = machine.make_thread();
    const Handle from_asker = machine.give(server, server_sender, asker);
    const Handle reply_port = machine.call(asker, abi::PortCreate{})->port;
    machine.call(server, abi::HandleClose{server_sender});
    Thread* current = &server;
    for (uint64_t round = 0; round < 10; ++round) {
        const Handle at = machine.give(keeper, kept, *current);
        std::set<uint64_t> asked, taken;
        for (const Caller& each : callers) machine.start_call(each.thread, each.sender, round);
        for (int i = 0; i < 50; ++i) asked.insert(call_async(asker, from_asker, reply_port, round));
        for (int i = 0; i < 100; ++i) taken.insert(machine.receive(*current, at)->id);
        ASSERT_EQ(taken.size(), 100u);
        kill(*current);

        for (const Caller& each : callers) EXPECT_EQ(refusal(machine.received(each.thread)), Error::PeerClosed);
        std::set<uint64_t> failed;
        while (const auto result = machine.receive(asker, reply_port)) {
            EXPECT_EQ(result->header.kind(), MessageKind::Reply);
            EXPECT_EQ(result->status(), Error::PeerClosed);
            EXPECT_TRUE(failed.insert(result->id).second) << "a second result";
        }
        EXPECT_EQ(failed.size(), 40u) << "those that were taken";

        // The next server has nothing of the old one's, and what was only queued.
        current = &machine.make_thread();
        const Handle again = machine.give(keeper, kept, *current);
        for (const uint64_t id : taken) ASSERT_EQ(refusal(machine.reply(*current, id)), Error::NoSuchCall);
        for (int i = 0; i < 10; ++i) {
            const auto queued = machine.receive(*current, again);
            ASSERT_TRUE(queued);
            EXPECT_TRUE(asked.contains(queued->id) && !taken.contains(queued->id));
            ASSERT_TRUE(machine.reply(*current, queued->id, 1));
            EXPECT_EQ(machine.receive(asker, reply_port)->word[0], 1u);
        }
        EXPECT_EQ(refusal(machine.receive(*current, again)), Error::WouldBlock) << "nobody cancelled anything";
        machine.call(*current, abi::HandleClose{again});
    }
}

TEST_F(Threats, A10_AThousandCallsToAMuteServerAllEnd) {
    Thread& asker = machine.make_thread();
    const Handle from_asker = machine.give(server, server_sender, asker);
    const Handle reply_port = machine.call(asker, abi::PortCreate{})->port;
    std::vector<Thread*> patient, alerted, doomed;
    for (auto* kind : {&patient, &alerted, &doomed}) {
        Thread& first = machine.make_thread();
        const Handle own = machine.give(server, server_sender, first);
        for (int i = 0; i < 200; ++i) {
            kind->push_back(i == 0 ? &first : &machine.make_thread(first.process()));
            machine.start_call(*kind->back(), own, 0, kind == &patient ? machine.hardware.now_ns() + 1'000'000 : abi::kForever);
        }
    }
    std::vector<uint64_t> asked;
    for (int i = 0; i < 400; ++i) asked.push_back(call_async(asker, from_asker, reply_port));
    std::set<uint64_t> taken;
    for (int i = 0; i < 1000; ++i) {  // half of them it takes, the others stay in the queue
        if (i % 2 != 0) continue;
        taken.insert(machine.receive(server, port)->id);
    }
    EXPECT_EQ(taken.size(), 500u);

    machine.advance(2'000'000);
    for (Thread* each : patient) EXPECT_EQ(refusal(machine.received(*each)), Error::TimedOut);
    for (Thread* each : alerted) {
        alert(*each);
        EXPECT_EQ(refusal(machine.received(*each)), Error::Interrupted);
    }
    kill(*doomed[0]);
    for (Thread* each : doomed) EXPECT_EQ(each->state(), Thread::State::Dead);
    for (const uint64_t id : asked) EXPECT_TRUE(machine.call(asker, abi::CallCancel{reply_port, id}));
    EXPECT_EQ(refusal(machine.receive(asker, reply_port)), Error::WouldBlock);

    std::set<uint64_t> told;
    while (const auto message = machine.receive(server, port)) {
        EXPECT_EQ(message->header.kind(), MessageKind::Cancelled);
        EXPECT_TRUE(told.insert(message->id).second);
    }
    EXPECT_EQ(told, taken) << "it hears of each that it took, once, and of no other";
    for (const uint64_t id : taken) EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
}

TEST_F(Threats, A10_AMuteServerCostsOthersNothingAndItsCallersArePaidForByThemselves) {
    Ref<Account> account = make_account(200'000);
    Thread& caller = machine.make_thread(machine.make_process({}, account.get()));
    const Handle own = machine.give(server, server_sender, caller);
    const Handle reply_port = machine.call(caller, abi::PortCreate{})->port;
    const uint64_t beside = machine.root().used_bytes() - account->used_bytes();
    uint64_t made = 0;
    Result<Received> last{};
    do {
        last = machine.message<abi::PortCallAsync>(caller, {.handle_or_id = own.value, .r14 = reply_port.value});
        if (last && ++made % 2 == 0) machine.receive(server, port);
    } while (last);
    EXPECT_EQ(last.error(), Error::NoMemory);
    EXPECT_GT(made, 100u);
    EXPECT_EQ(machine.root().used_bytes() - account->used_bytes(), beside);
    EXPECT_TRUE(machine.send(client, sender, 1)) << "others go on";
    kill(caller);
    machine.forget_ended();
    while (machine.receive(server, port)) continue;
    EXPECT_EQ(account->used_bytes(), 0u);
}

TEST_F(Threats, A21_AServerIsToldOfEachClientsDeathAndKeepsNothing) {
    Ref<Account> account = make_account(1 << 20);
    Thread& own = machine.make_thread(machine.make_process({}, account.get()));
    const Handle own_port = machine.call(own, abi::PortCreate{})->port;
    uint64_t used = 0, handles = 0, objects = 0;
    for (uint64_t round = 0; round < 300; ++round) {
        Thread& dying = machine.make_thread();
        Thread& calling = machine.make_thread(dying.process());
        const Handle to_own = make_sender(own, own_port, dying, round);
        const Handle memory = machine.call(dying, abi::MemoryCreate{4096})->memory;
        ASSERT_TRUE(machine.message<abi::PortSend>(
            dying, {.handle_or_id = to_own.value, .header = abi::Header::make(0, 1, 1), .word = {0, 0, 0, 0, memory.value}}));
        machine.start_call(calling, to_own, 1);
        const Handle given{machine.receive(own, own_port)->word[4]};
        const uint64_t held = machine.receive(own, own_port)->id;
        ASSERT_TRUE(machine.send(dying, to_own, 2));
        kill(dying);
        // The message it had sent, the end of its call, the end of its badge: then nothing is left of it.
        EXPECT_EQ(machine.receive(own, own_port)->word[0], 2u);
        const auto cancelled = machine.receive(own, own_port);
        EXPECT_EQ(cancelled->header.kind(), MessageKind::Cancelled);
        EXPECT_EQ(cancelled->id, held);
        const auto gone = machine.receive(own, own_port);
        ASSERT_TRUE(gone);
        EXPECT_EQ(gone->word[0], abi::kNotifySendersGone);
        EXPECT_EQ(gone->badge, round);
        ASSERT_EQ(refusal(machine.receive(own, own_port)), Error::WouldBlock);
        machine.call(own, abi::HandleClose{given});
        machine.forget_ended();
        if (round == 0) {
            used = account->used_bytes();
            handles = own.process().handles().count();
            objects = machine.root().object_count();
        }
        ASSERT_EQ(account->used_bytes(), used) << "round " << round;
        ASSERT_EQ(own.process().handles().count(), handles);
        ASSERT_EQ(machine.root().object_count(), objects);
    }
}

}  // namespace portico::kernel::hosted
