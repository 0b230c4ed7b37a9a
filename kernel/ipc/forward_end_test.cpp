#include "kernel/arch/hosted/forward_fixture.h"

/// How calls that were handed on end other than by an answer, at each stage; and long chains of servers.
namespace portico::kernel::hosted {
namespace {

/// Whether the second server has taken the call.
class ForwardEndTest : public ForwardFixture, public testing::WithParamInterface<bool> {
protected:
    const bool taken = GetParam();
    Handle reply_port = machine.call(client, abi::PortCreate{})->port;

    uint64_t forwarded_async() {
        const uint64_t id = machine.message<abi::PortCallAsync>(client, {.handle_or_id = sender.value, .r14 = reply_port.value})->id;
        EXPECT_EQ(machine.receive(server, port)->id, id);
        EXPECT_EQ(forward(id, 2), Error::None);
        if (taken) {
            EXPECT_EQ(machine.receive(second, second_port)->id, id);
        }
        return id;
    }
};
INSTANTIATE_TEST_SUITE_P(QueuedOrTaken, ForwardEndTest, testing::Bool());

TEST_P(ForwardEndTest, Deadline) {
    const uint64_t id = forwarded(taken, machine.hardware.now_ns() + 1000);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(client)), Error::TimedOut);
    expect_cancelled_at_second(id, taken);
}

TEST_P(ForwardEndTest, Alert) {
    const uint64_t id = forwarded(taken);
    alert(client);
    EXPECT_EQ(refusal(machine.received(client)), Error::Interrupted);
    expect_cancelled_at_second(id, taken);
}

TEST_P(ForwardEndTest, CallersDeath) {
    const uint64_t id = forwarded(taken);
    kill(client);
    EXPECT_EQ(client.state(), Thread::State::Dead);
    expect_cancelled_at_second(id, taken);
}

TEST_P(ForwardEndTest, Cancel) {
    const uint64_t id = forwarded_async();
    ASSERT_TRUE(machine.call(client, abi::CallCancel{reply_port, id}));
    expect_cancelled_at_second(id, taken);
    expect_nothing_at(client, reply_port);
}

TEST_P(ForwardEndTest, AsyncAnswer) {
    const uint64_t id = forwarded_async();
    if (!taken) {
        EXPECT_EQ(machine.receive(second, second_port)->id, id);
    }
    ASSERT_TRUE(machine.reply(second, id, 6));
    const auto answer = machine.receive(client, reply_port);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id, id);
    EXPECT_EQ(answer->header.kind(), MessageKind::Reply);
    EXPECT_EQ(answer->word[0], 6u);
}

TEST_P(ForwardEndTest, DeathOfTheSecondServer) {
    forwarded(taken);
    kill(second);
    EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed);
    const uint64_t id = call_taken(3);
    EXPECT_EQ(forward(id), Error::PeerClosed);
    ASSERT_TRUE(machine.reply(server, id, 4));
    expect_call_answered(4);
}

TEST_P(ForwardEndTest, DeathOfTheSecondServerWithAnAsyncCall) {
    const uint64_t id = forwarded_async();
    kill(second);
    const auto answer = machine.receive(client, reply_port);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id, id);
    EXPECT_EQ(answer->status(), Error::PeerClosed);
    expect_nothing_at(client, reply_port);
}

TEST_P(ForwardEndTest, DeathOfTheFirstServerIsNoMatter) {
    const uint64_t id = forwarded(taken);
    kill(server);
    EXPECT_TRUE(machine.waits(client));
    if (!taken) {
        EXPECT_EQ(machine.receive(second, second_port)->id, id);
    }
    ASSERT_TRUE(machine.reply(second, id, 4));
    expect_call_answered(4);
}

TEST_P(ForwardEndTest, ClosingThePortEndsOnlyTheQueuedCall) {
    const uint64_t id = forwarded(taken);
    machine.call(second, abi::HandleClose{second_port});
    if (!taken) {
        EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed);
        EXPECT_EQ(refusal(machine.reply(second, id)), Error::NoSuchCall);
        return;
    }
    EXPECT_TRUE(machine.waits(client));
    ASSERT_TRUE(machine.reply(second, id, 5));
    expect_call_answered(5);
}

TEST_P(ForwardEndTest, AfterTheFirstServersPortIsClosed) {
    const uint64_t id = call_taken();
    machine.call(server, abi::HandleClose{port});
    ASSERT_EQ(forward(id), Error::None);
    if (taken) {
        EXPECT_EQ(machine.receive(second, second_port)->id, id);
    }
    alert(client);
    EXPECT_EQ(refusal(machine.received(client)), Error::Interrupted);
    if (taken) {
        EXPECT_EQ(machine.receive(second, second_port)->header.kind(), MessageKind::Cancelled) << "the second port is open";
    }
    expect_nothing_at(second, second_port);
}

class ForwardChainTest : public ForwardFixture {
protected:
    struct Server {
        Thread* thread;
        Handle port;
        Handle to_next;
    };
    static constexpr size_t kServers = 32;
    std::vector<Server> chain = make_chain();

    std::vector<Server> make_chain() {
        std::vector<Server> made{{&server, port, {}}};
        while (made.size() < kServers) {
            Thread& thread = machine.make_thread();
            const Handle at = machine.call(thread, abi::PortCreate{})->port;
            made.back().to_next = make_sender(thread, at, *made.back().thread, made.size());
            made.push_back({&thread, at, {}});
        }
        return made;
    }
    /// A new server in the place of a dead one: its predecessor gets a sender to it.
    void replace(size_t i) {
        Thread& thread = machine.make_thread();
        const Handle at = machine.call(thread, abi::PortCreate{})->port;
        (i == 0 ? sender : chain[i - 1].to_next) = make_sender(thread, at, i == 0 ? client : *chain[i - 1].thread, i == 0 ? kBadge : i);
        chain[i] = {&thread, at, {}};
        if (i + 1 < kServers) chain[i].to_next = make_sender(*chain[i + 1].thread, chain[i + 1].port, thread, i + 1);
    }
    /// The client's call travels until server number `last` has taken it.
    uint64_t call_through(size_t last) {
        machine.start_call(client, sender, 0);
        uint64_t id = 0;
        for (size_t i = 0; i <= last; ++i) {
            const auto taken = machine.receive(*chain[i].thread, chain[i].port);
            EXPECT_TRUE(taken);
            EXPECT_EQ(taken->word[0], i);
            EXPECT_EQ(taken->badge, i == 0 ? kBadge : i);
            EXPECT_TRUE(id == 0 || taken->id == id) << "the id changed";
            id = taken->id;
            if (i < last) {
                EXPECT_EQ(forward_by(*chain[i].thread, chain[i].to_next, id, i + 1), Error::None);
            }
        }
        return id;
    }
};

TEST_F(ForwardChainTest, TheLastOfManyAnswers) {
    const uint64_t id = call_through(kServers - 1);
    for (size_t i = 0; i + 1 < kServers; ++i) EXPECT_EQ(refusal(machine.reply(*chain[i].thread, id)), Error::NoSuchCall);
    ASSERT_TRUE(machine.reply(*chain.back().thread, id, 99));
    expect_call_answered(99);
}

TEST_F(ForwardChainTest, OnlyTheDeathOfTheHolderEndsTheCall) {
    for (size_t holder = 0; holder < kServers; holder += 5) {
        call_through(holder);
        EXPECT_TRUE(machine.waits(client));
        kill(*chain[holder].thread);
        EXPECT_EQ(refusal(machine.received(client)), Error::PeerClosed) << holder;
        if (holder + 1 < kServers) {
            EXPECT_EQ(machine.receive(*chain[holder + 1].thread, chain[holder + 1].port)->word[0], abi::kNotifySendersGone);
        }
        replace(holder);
        if (HasFailure()) return;
    }
}

TEST_F(ForwardChainTest, TheCallersDeathReachesTheHolderOnly) {
    const uint64_t id = call_through(20);
    kill(client);
    const auto told = machine.receive(*chain[20].thread, chain[20].port);
    ASSERT_TRUE(told);
    EXPECT_EQ(told->header.kind(), MessageKind::Cancelled);
    EXPECT_EQ(told->id, id);
    for (const Server& each : chain) expect_nothing_at(*each.thread, each.port);
}

}  // namespace
}  // namespace portico::kernel::hosted
