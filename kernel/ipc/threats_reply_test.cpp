#include <map>
#include <set>

#include "kernel/arch/hosted/threats_fixture.h"
#include "kernel/ipc/call.h"

/// Threats to replies and ids: A3 to A7.
namespace portico::kernel::hosted {

TEST_F(Threats, A3_RepliesAndNoticesAllocateNothing) {
    const Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    Thread& second = machine.make_thread(client.process());
    machine.start_call(second, sender);  // both have call records and all tables have room
    ASSERT_TRUE(machine.reply(server, machine.receive(server, port)->id));
    const uint64_t blocking = call_taken(), steady_deadline = machine.hardware.now_ns() + 1000;
    machine.start_call(second, sender, 0, steady_deadline);
    const uint64_t cancelled = machine.receive(server, port)->id;
    Thread& asker = machine.make_thread(client.process());
    const uint64_t async = call_async(asker, sender, reply_port), dies = call_async(asker, sender, reply_port);
    ASSERT_EQ(machine.receive(server, port)->id, async);
    ASSERT_EQ(machine.receive(server, port)->id, dies);

    FrameAllocator::fail_after = 0;
    EXPECT_TRUE(machine.reply(server, blocking, 1));
    EXPECT_TRUE(machine.reply(server, async, 2));
    machine.advance(2000);
    EXPECT_TRUE(machine.call(client, abi::PortNotify{sender, 4}));
    EXPECT_EQ(machine.receive(server, port)->id, cancelled);
    EXPECT_EQ(machine.receive(server, port)->word[0], 4u);
    for (int round = 0; round < 2; ++round) {  // by the general path, by the fast path
        machine.start_call(client, sender, 5);
        const uint64_t id = round == 0 ? machine.receive(server, port)->id : machine.received(server)->id;
        machine.start_message<abi::PortReplyReceive>(server, {.handle_or_id = port.value, .word = {6}, .r14 = id});
        expect_call_answered(6);
    }
    kill(server);
    EXPECT_EQ(machine.receive(client, reply_port)->word[0], 2u);
    const auto failed = machine.receive(client, reply_port);
    EXPECT_EQ(std::exchange(FrameAllocator::fail_after, -1), 0) << "something allocated";
    EXPECT_EQ(failed->id, dies);
    EXPECT_EQ(failed->status(), Error::PeerClosed);
}

TEST_F(Threats, A3_NoReplyIsLostWhicheverAllocationFails) {
    fill_table(client, sender);
    const Handle made = machine.call(server, abi::MemoryCreate{4096})->memory;
    for (const bool and_receives : {false, true})
        for (int64_t n = 0;; ++n) {
            ASSERT_LT(n, 10);
            const uint64_t id = call_taken();
            const Handle handle = machine.call(server, abi::HandleDuplicate{made, ~0ull})->handle;
            const abi::MessageRegisters registers{.handle_or_id = and_receives ? port.value : id,
                                                  .header = abi::Header::make(0, 1, 1),
                                                  .word = {0, 0, 0, 0, handle.value},
                                                  .deadline_or_badge = abi::kNow,
                                                  .r14 = id};
            FrameAllocator::fail_after = n;
            const auto replied = and_receives ? machine.message<abi::PortReplyReceive>(server, registers)
                                              : machine.message<abi::PortReply>(server, registers);
            const bool failed = std::exchange(FrameAllocator::fail_after, -1) < 0;
            EXPECT_EQ(refusal(replied), and_receives ? Error::WouldBlock : Error::None);
            EXPECT_FALSE(has_handle(server, handle));
            ASSERT_FALSE(machine.waits(client)) << "the reply is lost";
            EXPECT_EQ(refusal(machine.received(client)), failed ? Error::NoMemory : Error::None);
            EXPECT_EQ(refusal(machine.reply(server, id)), Error::NoSuchCall);
            if (!failed) {
                machine.call(client, abi::HandleClose{{machine.received(client)->word[4]}});
                break;
            }
        }
}

TEST_F(Threats, A3_AnAsyncReplyWaitsUntilItCanBeTaken) {
    const Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    const uint64_t id = call_async(client, sender, reply_port);
    machine.receive(server, port);
    fill_table(client, sender);
    ASSERT_TRUE(reply_with_handle(server, id, machine.call(server, abi::MemoryCreate{4096})->memory));
    for (int i = 0; i < 3; ++i) {
        FrameAllocator::fail_after = 0;
        EXPECT_EQ(refusal(machine.receive(client, reply_port)), Error::NoMemory);
        FrameAllocator::fail_after = -1;
    }
    const auto answer = machine.receive(client, reply_port);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->id, id);
    EXPECT_EQ(answer->header.handle_count(), 1u);
}

/// Many callers with deadlines and alerts, a server that answers late, twice or never: nobody gets what is not for him.
TEST_F(Threats, A4_A5_LateAndDoubleRepliesReachNobody) {
    struct State {
        Caller caller;
        uint64_t serial = 0, id = 0;
        bool calling = false, accepted = false;
    };
    std::vector<State> callers;
    for (int i = 0; i < 8; ++i) callers.push_back({make_caller()});
    std::map<uint64_t, uint64_t> serial_of;  // of every call the server ever took
    std::vector<uint64_t> taken;
    uint64_t last_serial = 0, accepted = 0, answered = 0, ended_early = 0, late = 0, doubled = 0;

    const auto settle = [&](State& each) {
        if (!each.calling || machine.waits(each.caller.thread)) return;
        each.calling = false;
        const auto result = machine.received(each.caller.thread);
        ASSERT_EQ(result.has_value(), each.accepted);
        if (!result) {
            ++ended_early;
            ASSERT_TRUE(result.error() == Error::TimedOut || result.error() == Error::Interrupted);
            return;
        }
        ++answered;
        ASSERT_EQ(result->word[0], each.serial) << "another's reply";
        ASSERT_EQ(result->id, each.id);
    };
    const auto start = [&](State& each) {
        if (each.calling) return;
        each.serial = ++last_serial;
        each.id = 0;
        each.accepted = false;
        each.calling = true;
        machine.start_message<abi::PortCall>(
            each.caller.thread, {.handle_or_id = each.caller.sender.value,
                                 .header = below(4) == 0 ? abi::Header{}.as_steady() : abi::Header{},
                                 .word = {each.serial},
                                 .deadline_or_badge = below(3) == 0 ? abi::kForever : machine.hardware.now_ns() + below(20'000)});
    };
    const auto reply = [&](uint64_t id) {
        State* waiting = nullptr;
        for (State& each : callers)
            if (each.calling && each.id == id && machine.waits(each.caller.thread)) waiting = &each;
        const bool pending = waiting != nullptr;
        if (pending) waiting->accepted = true;
        const auto replied = machine.reply(server, id, serial_of[id]);
        ASSERT_EQ(refusal(replied), pending ? Error::None : Error::NoSuchCall);
        ++(pending ? accepted : late);
        if (below(5) != 0) return;
        const Handle moved = machine.call(server, abi::MemoryCreate{4096})->memory;
        ASSERT_EQ(refusal(reply_with_handle(server, id, moved)), Error::NoSuchCall) << "a double reply";
        ASSERT_FALSE(has_handle(server, moved)) << "what a refused reply moves is dropped";
        ++doubled;
    };
    const auto receive = [&] {
        const auto message = machine.receive(server, port);
        if (!message || message->header.kind() != MessageKind::Call) return;
        ASSERT_TRUE(serial_of.emplace(message->id, message->word[0]).second) << "an id came again";
        taken.push_back(message->id);
        for (State& each : callers)
            if (each.calling && each.serial == message->word[0]) each.id = message->id;
    };
    for (int step = 0; step < 20'000; ++step) {
        State& each = callers[below(callers.size())];
        switch (below(6)) {
        case 0:
            start(each);
            break;
        case 1:
        case 2:
            receive();
            break;
        case 3:
            if (!taken.empty()) reply(taken[taken.size() - 1 - below(std::min<size_t>(taken.size(), 12))]);
            break;
        case 4:
            machine.advance(below(5000));
            break;
        default:
            if (each.calling && below(3) == 0) alert(each.caller.thread);
        }
        for (State& one : callers) settle(one);
        if (HasFatalFailure()) return;
    }
    EXPECT_EQ(accepted, answered) << "a reply was accepted and lost";
    for (const uint64_t count : {answered, ended_early, late, doubled}) EXPECT_GT(count, 100u);
}

TEST_F(Threats, A6_ForgedIdsAreRefused) {
    constexpr uint64_t kCalls = 1000;
    const Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    std::vector<uint64_t> live;
    for (uint64_t i = 0; i < kCalls; ++i) {
        live.push_back(call_async(client, sender, reply_port, i));
        ASSERT_EQ(machine.receive(server, port)->id, live.back());
    }
    // The attacker is a server, too, with ids of its own that are answered by now.
    Thread& attacker = machine.make_thread();
    const Handle own_port = machine.call(attacker, abi::PortCreate{})->port;
    const Handle to_attacker = make_sender(attacker, own_port, client);
    const Handle to_itself = make_sender(attacker, own_port, attacker);
    std::vector<uint64_t> guesses;
    for (int i = 0; i < 200; ++i) {
        guesses.push_back(call_async(client, to_attacker, reply_port));
        ASSERT_TRUE(machine.receive(attacker, own_port));
        ASSERT_TRUE(machine.reply(attacker, guesses.back()));
        ASSERT_TRUE(machine.receive(client, reply_port));
    }
    guesses.insert(guesses.end(), live.begin(), live.end());
    for (uint64_t i = 0; i < 20; ++i)
        for (uint64_t offset = 1; offset <= 1000; ++offset)
            for (const uint64_t around : {live[i * 50] + offset, live[i * 50] - offset}) guesses.push_back(around);
    for (int i = 0; i < 50'000; ++i) guesses.push_back(random());
    guesses.insert(guesses.end(), {0, 1, ~0ull});
    const uint64_t page = machine.scratch(attacker);
    for (size_t i = 0; i < guesses.size(); ++i) {
        const uint64_t id = guesses[i];
        ASSERT_EQ(refusal(machine.reply(attacker, id)), Error::NoSuchCall) << std::hex << id;
        if (i % 16 != 0 || id == 0) continue;
        ASSERT_EQ(refusal(machine.message<abi::PortForward>(attacker, {.handle_or_id = to_itself.value, .r14 = id})), Error::NoSuchCall);
        ASSERT_EQ(refusal(machine.message<abi::PortReplyReceive>(
                      attacker, {.handle_or_id = own_port.value, .deadline_or_badge = abi::kNow, .r14 = id})),
                  Error::NoSuchCall);
        ASSERT_EQ(refusal(machine.call(attacker, abi::WindowRead{id, 0, page, 1})), Error::NoSuchCall);
        ASSERT_EQ(refusal(machine.call(attacker, abi::WindowWrite{id, 0, page, 1})), Error::NoSuchCall);
        ASSERT_EQ(refusal(machine.call(attacker, abi::CallCancel{own_port, id})), Error::NoSuchCall);
    }
    for (uint64_t i = 0; i < kCalls; ++i) {
        ASSERT_TRUE(machine.reply(server, live[i], i));
        const auto answer = machine.receive(client, reply_port);
        ASSERT_EQ(answer->id, live[i]);
        ASSERT_EQ(answer->word[0], i);
    }
}

TEST_F(Threats, A7_IdsTellNeitherAddressesNorOrder) {
    constexpr uint64_t kIds = 100'000;
    const auto ram = reinterpret_cast<uint64_t>(machine.hardware.ram);
    std::set<uint64_t> seen;
    uint64_t ascending = 0, below_the_others = 0, previous = 0;
    std::array<uint64_t, 64> set_bits{};
    for (uint64_t i = 0; i < kIds; ++i) {
        const uint64_t id = call_ids.next(), others = call_ids.next();
        ASSERT_TRUE(seen.insert(id).second) << "an id came again";
        ASSERT_FALSE(id >= ram && id < ram + machine.hardware.ram_bytes) << "the address of a record";
        ASSERT_NE(id, 0u);
        ascending += id > previous;
        below_the_others += id < others;
        previous = id;
        for (unsigned bit = 0; bit < 64; ++bit) set_bits[bit] += id >> bit & 1;
    }
    const auto about_half = [](uint64_t count) { return count > kIds * 45 / 100 && count < kIds * 55 / 100; };
    EXPECT_TRUE(about_half(ascending)) << ascending;
    EXPECT_TRUE(about_half(below_the_others)) << below_the_others;
    for (unsigned bit = 0; bit < 64; ++bit) EXPECT_TRUE(about_half(set_bits[bit])) << bit;
}

/// Between two ids of a process lie those that others were given. No difference of the two, by subtraction or by bits, may tell how many:
/// each occurs once, whatever the number, every bit changes as often as not, and each value of the low and of the high bits is as
/// frequent as another.
TEST_F(Threats, A7_IdsDoNotTellHowManyCallsOthersMade) {
    constexpr uint64_t kIds = 4000;
    SeededRandom keys(7);
    for (int key = 0; key < 20; ++key) {
        CallIds ids;
        ids.seed(keys(), keys());
        std::set<uint64_t> differences, changes;
        for (const uint64_t step : {1, 2, 3, 4, 8, 16, 32, 256}) {
            std::array<uint64_t, 64> changed{};
            std::array<uint64_t, 8> low{}, high{};
            uint64_t previous = ids.next();
            for (uint64_t i = 0; i < kIds; ++i) {
                uint64_t id = 0;
                for (uint64_t others = 0; others < step; ++others) id = ids.next();
                const uint64_t difference = id - previous, change = id ^ previous;
                ASSERT_TRUE(differences.insert(difference).second) << std::hex << difference << " came again, step " << std::dec << step;
                ASSERT_TRUE(changes.insert(change).second) << std::hex << change << " came again, step " << std::dec << step;
                for (unsigned bit = 0; bit < 64; ++bit) changed[bit] += change >> bit & 1;
                ++low[difference % low.size()];
                ++high[difference >> 61];
                previous = id;
            }
            // Six times the standard deviation; the best of a million draws of 4,000 coins is five away.
            for (unsigned bit = 0; bit < 64; ++bit) EXPECT_NEAR(changed[bit], kIds / 2, 190) << "bit " << bit << ", step " << step;
            for (unsigned i = 0; i < low.size(); ++i) {
                EXPECT_NEAR(low[i], kIds / 8, 126) << "low bits " << i << ", step " << step;
                EXPECT_NEAR(high[i], kIds / 8, 126) << "high bits " << i << ", step " << step;
            }
        }
    }
}

}  // namespace portico::kernel::hosted
