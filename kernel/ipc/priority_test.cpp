#include "kernel/arch/hosted/priority_fixture.h"

/// Servers run at the priority of who waits for them.
namespace portico::kernel::hosted {
namespace {

constexpr unsigned kLow = 4, kMiddle = 18, kHigh = 20;

class PriorityTest : public PriorityFixture {
protected:
    Server low = make_server(kLow);
    Thread& urgent = make_client(kHigh);
    Thread& lazy = make_client(kLow);
    Handle from_urgent = sender_to(low, urgent);
    Handle from_lazy = sender_to(low, lazy);
};

TEST_F(PriorityTest, AWaitingReceiverRunsAtItsCallersUntilItsNextReceive) {
    for (int round = 0; round < 3; ++round) {  // the first by the general path, for want of a call record
        if (round == 0) serve(low);
        machine.start_call(urgent, from_urgent);
        EXPECT_EQ(low.thread.priority(), kHigh);
        answer(low, taken_id(low));
        expect_at_base(low);
    }
    machine.start_call(urgent, from_urgent);
    ASSERT_TRUE(machine.reply(low.thread, taken_id(low)));
    EXPECT_EQ(low.thread.priority(), kHigh) << "it has not received yet";
    EXPECT_EQ(refusal(machine.receive(low.thread, low.port)), Error::WouldBlock);
    expect_at_base(low);
}

TEST_F(PriorityTest, AHigherOnesOwnIsKept) {
    const Server high = make_server(25);
    const Handle to_high = sender_to(high, urgent);
    for (int round = 0; round < 2; ++round) {
        serve(high);
        machine.start_call(urgent, to_high);
        EXPECT_EQ(high.thread.priority(), 25u);
        ASSERT_TRUE(machine.reply(high.thread, taken_id(high)));
    }
}

TEST_F(PriorityTest, ABusyServerInheritsFromAQueuedCall) {
    machine.start_call(lazy, from_lazy);
    const uint64_t first = take(low);
    expect_at_base(low);
    machine.start_call(urgent, from_urgent);
    EXPECT_EQ(low.thread.priority(), kHigh);
    answer(low, first);
    EXPECT_EQ(low.thread.priority(), kHigh) << "now it does what the urgent one asked for";
    answer(low, taken_id(low));
    expect_at_base(low);
}

TEST_F(PriorityTest, WhatIsInFrontOfAnUrgentCallIsDoneAtItsPriority) {
    Thread& other = make_client(kLow);
    ASSERT_TRUE(machine.send(lazy, from_lazy, 1));
    machine.start_call(lazy, from_lazy, 2);
    machine.start_call(urgent, from_urgent, 3);
    machine.start_call(other, sender_to(low, other), 4);
    EXPECT_EQ(machine.receive(low.thread, low.port)->word[0], 1u) << "messages are taken in order";
    EXPECT_EQ(low.thread.priority(), kHigh);
    answer(low, take(low));
    EXPECT_EQ(machine.received(low.thread)->word[0], 3u);
    EXPECT_EQ(low.thread.priority(), kHigh);
}

TEST_F(PriorityTest, AWithdrawnCallCountsNoLongerAfterTheNextReceive) {
    machine.start_call(lazy, from_lazy);
    const uint64_t first = take(low);
    machine.start_call(urgent, from_urgent, 0, machine.hardware.now_ns() + 1000);
    EXPECT_EQ(low.thread.priority(), kHigh);
    machine.advance(2000);
    EXPECT_EQ(refusal(machine.received(urgent)), Error::TimedOut);
    answer(low, first);
    expect_at_base(low);
    machine.start_call(lazy, from_lazy);
    expect_at_base(low);
}

TEST_F(PriorityTest, ReceivingElsewhereEndsIt) {
    const Handle second_port = machine.call(low.thread, abi::PortCreate{})->port;
    const Handle to_second = make_sender(low.thread, second_port, lazy);
    machine.start_call(urgent, from_urgent);
    take(low);
    EXPECT_EQ(low.thread.priority(), kHigh);
    ASSERT_TRUE(machine.send(lazy, to_second));
    ASSERT_TRUE(machine.receive(low.thread, second_port));
    expect_at_base(low);
    Thread& late = make_client(kHigh);
    machine.start_call(late, sender_to(low, late));
    expect_at_base(low);  // it serves the second port now
}

TEST_F(PriorityTest, AThreadMadeMeanwhileGetsItsMakersOwn) {
    machine.start_call(urgent, from_urgent);
    take(low);
    const auto make = [&](uint64_t priority) {
        return machine.call(
            low.thread,
            abi::ThreadCreate{abi::kSelfProcess, machine.put(low.thread, abi::ThreadStart{.instruction = 0x1000, .priority = priority})});
    };
    EXPECT_EQ(refusal(make(kLow + 1)), Error::InvalidArgument) << "an inherited priority is not its to give";
    const auto made = make(0);
    ASSERT_TRUE(made);
    EXPECT_EQ(machine.adopt_thread(low.thread, made->thread).priority(), kLow);
}

TEST_F(PriorityTest, AReadyServerIsMovedUpInItsQueue) {
    Thread& middle = make_client(kMiddle);
    machine.start_call(lazy, from_lazy);
    take(low);
    machine.switch_to(middle);
    EXPECT_EQ(low.thread.state(), Thread::State::Ready);
    machine.start_call(urgent, from_urgent);
    EXPECT_EQ(machine.running(), &low.thread) << "before one of middle priority";
}

// ---- through several servers

class PriorityChainTest : public PriorityTest {
protected:
    Server second = make_server(6), third = make_server(5);
    Handle to_second = sender_to(second, low.thread), to_third = sender_to(third, second.thread);
    Thread& hog = make_client(kMiddle);

    /// lazy waits for low, low for second, second for third.
    struct Ids {
        uint64_t low, second, third;
    };
    Ids start_chain() {
        Ids ids{};
        machine.start_call(lazy, from_lazy);
        ids.low = take(low);
        machine.start_call(low.thread, to_second);
        ids.second = take(second);
        machine.start_call(second.thread, to_third);
        ids.third = take(third);
        return ids;
    }
    void expect_all(unsigned priority) {
        for (const Server* each : {&low, &second, &third}) EXPECT_EQ(each->thread.priority(), priority) << each->base;
    }
};

TEST_F(PriorityChainTest, AQueuedCallReachesWhoIsWaitedForInTheEnd) {
    const Ids ids = start_chain();
    EXPECT_EQ(third.thread.priority(), 6u) << "the highest of those that wait so far";
    machine.start_call(urgent, from_urgent);
    expect_all(kHigh);
    EXPECT_EQ(machine.running(), &third.thread);
    answer(third, ids.third);
    expect_at_base(third);
    EXPECT_EQ(machine.running(), &second.thread);
    answer(second, ids.second);
    expect_at_base(second);
    EXPECT_EQ(machine.running(), &low.thread);
    answer(low, ids.low);
    EXPECT_EQ(low.thread.priority(), kHigh) << "the urgent call is taken";
    answer(low, taken_id(low));
    expect_at_base(low);
    EXPECT_EQ(machine.running(), &urgent);
}

TEST_F(PriorityChainTest, AQueuedCallInTheMiddleOfTheChainIsTakenAtTheInheritedPriority) {
    machine.start_call(lazy, from_lazy);
    take(low);
    // The second server is busy with something else; low's call waits in its queue.
    Thread& other = make_client(3);
    machine.start_call(other, sender_to(second, other));
    const uint64_t first = take(second);
    machine.start_call(low.thread, to_second);
    EXPECT_EQ(second.thread.priority(), 6u);
    machine.start_call(urgent, from_urgent);
    EXPECT_EQ(low.thread.priority(), kHigh);
    EXPECT_EQ(second.thread.priority(), kHigh);
    answer(second, first);
    EXPECT_EQ(second.thread.priority(), kHigh) << "it does low's call, for which the urgent one waits";
    answer(second, taken_id(second));
    expect_at_base(second);
}

TEST_F(PriorityChainTest, A18_TheHogNeverRunsWhileAnUrgentCallIsUnderWay) {
    for (const bool waiting : {false, true}) {
        for (const Server* each : {&third, &second, &low}) {
            if (waiting && !machine.waits(each->thread)) serve(*each);
        }
        machine.switch_to(hog);
        machine.hardware.set_time(machine.hardware.now_ns() + Scheduler::kSliceNs);
        EXPECT_TRUE(machine.runnable(hog));
        machine.start_call(urgent, from_urgent);
        const auto runs = [&](const Server& each) {
            EXPECT_EQ(machine.running(), &each.thread);
            machine.advance(3 * Scheduler::kSliceNs);
            ASSERT_EQ(machine.running(), &each.thread) << "after its turn";
        };
        const auto take_waiting_or_queued = [&](const Server& each) { return waiting ? taken_id(each) : take(each); };
        if (waiting) runs(low);
        const uint64_t first = take_waiting_or_queued(low);
        machine.start_call(low.thread, to_second);
        if (waiting) runs(second);
        const uint64_t inner = take_waiting_or_queued(second);
        machine.start_call(second.thread, to_third);
        if (waiting) runs(third);
        const uint64_t innermost = take_waiting_or_queued(third);
        runs(third);
        answer(third, innermost);
        runs(second);
        answer(second, inner);
        runs(low);
        answer(low, first);
        EXPECT_EQ(machine.running(), &urgent);
        expect_at_base(low);
        expect_at_base(second);
        expect_at_base(third);
        // With the urgent one asleep, the hog has the CPU.
        machine.start(urgent, abi::ThreadSleep{machine.hardware.now_ns() + 1000});
        EXPECT_EQ(machine.running(), &hog);
        machine.advance(2000);
        EXPECT_EQ(machine.running(), &urgent);
    }
}

TEST_F(PriorityChainTest, DeathOfAServerInBetween) {
    const Ids ids = start_chain();
    machine.start_call(urgent, from_urgent);
    kill(second.thread);
    EXPECT_EQ(refusal(machine.received(low.thread)), Error::PeerClosed);
    EXPECT_EQ(low.thread.priority(), kHigh);
    machine.call(hog, abi::ThreadYield{});
    EXPECT_EQ(machine.running(), &low.thread);
    EXPECT_EQ(machine.receive(third.thread, third.port)->header.kind(), MessageKind::Cancelled);
    expect_at_base(third);
    answer(low, ids.low);
    EXPECT_EQ(low.thread.priority(), kHigh);
}

TEST_F(PriorityChainTest, DeathOfTheServerWhoseQueueTheCallIsIn) {
    Thread& heir = machine.make_thread(machine.make_process(), 3);
    const Handle inherited = machine.give(low.thread, low.port, heir);
    machine.start_call(lazy, from_lazy);
    take(low);
    machine.start_call(urgent, from_urgent);
    kill(low.thread);
    EXPECT_TRUE(machine.waits(urgent)) << "the heir has Receive";
    EXPECT_EQ(heir.priority(), 3u);
    const auto taken = machine.receive(heir, inherited);
    ASSERT_TRUE(taken);
    EXPECT_EQ(heir.priority(), kHigh);
    ASSERT_TRUE(machine.reply(heir, taken->id));
    expect_answer(urgent, 0);
}

TEST_F(PriorityChainTest, RingsOfWaitersEnd) {
    const Handle back = sender_to(low, third.thread);
    start_chain();
    machine.start_call(third.thread, back);
    machine.start_call(urgent, from_urgent);
    expect_all(kHigh);
}

}  // namespace
}  // namespace portico::kernel::hosted
