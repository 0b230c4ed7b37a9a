#include "kernel/arch/hosted/explore_fixture.h"
#include "kernel/arch/hosted/explored_async.h"
#include "kernel/arch/hosted/explored_control.h"
#include "kernel/arch/hosted/explored_messages.h"

/// Ports under every interleaving that the seeds lead to: each call ends once, with its own answer; no message is lost, doubled or
/// out of order; credits are neither lost nor made; nobody waits for ever.
namespace portico::kernel::hosted {
namespace {

unsigned two_to_four(uint64_t seed) {
    return 2 + static_cast<unsigned>(seed % 3);
}

/// A server of one or two threads and some callers.
class CallsWorld : public ExploredWorld {
public:
    explicit CallsWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {}

    void verify() {
        for (const auto& [program, thread] : callers)
            if (!program->done) program->note_death();
        for (const auto& [program, thread] : async_callers)
            if (!program->done) program->note_death();
        ledger.verify();
    }

    CallLedger ledger;
    std::vector<std::pair<CheckedCaller*, Thread*>> callers;
    std::vector<std::pair<CheckedAsyncCaller*, Thread*>> async_callers;
    const std::function<bool()> clients_done = [this] {
        const auto is_over = [](const auto& each) { return each.first->done || each.second->state() == Thread::State::Dead; };
        return std::all_of(callers.begin(), callers.end(), is_over) && std::all_of(async_callers.begin(), async_callers.end(), is_over);
    };

    Handle make_port(Thread& server) { return machine.call(server, abi::PortCreate{})->port; }
    Handle sender_for(Thread& caller, Thread& server, Handle port) {
        return badge(server, port, callers.size() + async_callers.size(), 4, caller);
    }
    Thread& add_caller(Thread& thread, Thread& server, Handle port, Fates fates) {
        const Handle sender = sender_for(thread, server, port);
        const uint64_t number = callers.size() + async_callers.size() + 1;
        callers.push_back({&start<CheckedCaller>(thread, sender, ledger, number, 1 + random.below(6), fates), &thread});
        return thread;
    }
    Thread& add_async_caller(Thread& thread, Thread& server, Handle port, Fates fates) {
        const Handle sender = sender_for(thread, server, port);
        const uint64_t number = callers.size() + async_callers.size() + 1;
        const Handle reply_port = make_port(thread);
        async_callers.push_back(
            {&start<CheckedAsyncCaller>(thread, sender, reply_port, ledger, number, 1 + random.below(8), fates), &thread});
        return thread;
    }
    unsigned client_count() const { return static_cast<unsigned>(callers.size() + async_callers.size()); }
};

class OneServerWorld : public CallsWorld {
public:
    OneServerWorld(const Exploration& how, Fates fates, bool asynchronous) : CallsWorld(how) {
        for (uint64_t i = 1 + random.below(3); i > 0; --i) {
            Thread& thread = machine.make_thread();
            if (asynchronous && random.one_in(2))
                add_async_caller(thread, server, port, fates);
            else
                add_caller(thread, server, port, fates);
        }
        share.badges_left = client_count();
        start<CheckedServer>(server, port, share, ledger);
        if (random.one_in(2)) start<CheckedServer>(machine.make_thread(server.process()), port, share, ledger);
    }
    Thread& server = machine.make_thread();
    const Handle port = make_port(server);
    ServerShare share{0};
};

class PlainCallsWorld : public OneServerWorld {
public:
    explicit PlainCallsWorld(const Exploration& how) : OneServerWorld(how, {}, false) {}
};

TEST_F(ExploreTest, EachCallEndsOnce) {
    explore<PlainCallsWorld>(1500, 150);
}

class AsyncCallsWorld : public OneServerWorld {
public:
    explicit AsyncCallsWorld(const Exploration& how) : OneServerWorld(how, {}, true) {}
};

TEST_F(ExploreTest, AsynchronousCallsAreAnsweredOrWithdrawn) {
    explore<AsyncCallsWorld>(1500, 150);
}

class AlertedCallsWorld : public OneServerWorld {
public:
    explicit AlertedCallsWorld(const Exploration& how) : OneServerWorld(how, {.alerted = true}, true) {
        Thread& alerter = machine.make_thread();
        std::vector<Handle> victims;
        for (const auto& [program, thread] : callers) victims.push_back(grant(alerter, *thread));
        for (const auto& [program, thread] : async_callers) victims.push_back(grant(alerter, *thread));
        victims.push_back(grant(alerter, server));
        start<Alerter>(alerter, victims, 2 + random.below(10));
        if (random.one_in(2)) {
            Thread& suspender = machine.make_thread();
            start<Suspender>(suspender, grant(suspender, random.one_in(2) ? server.process() : callers_process()), 1 + random.below(4));
        }
    }

private:
    Process& callers_process() { return callers.empty() ? async_callers[0].second->process() : callers[0].second->process(); }
};

TEST_F(ExploreTest, AlertsAndSuspensionsEndCallsOrLetThemBe) {
    explore<AlertedCallsWorld>(1500, 180);
}

/// Two processes serve one port; the first is killed, so what it took fails and what is queued waits for the second.
class DyingServerWorld : public CallsWorld {
public:
    explicit DyingServerWorld(const Exploration& how) : CallsWorld(how) {
        Thread& keeper = machine.make_thread();
        Thread& victim = machine.make_thread();
        const Handle port = make_port(keeper);
        for (uint64_t i = 1 + random.below(3); i > 0; --i) {
            Thread& thread = machine.make_thread();
            if (random.one_in(3))
                add_async_caller(thread, keeper, port, {.peer_dies = true});
            else
                add_caller(thread, keeper, port, {.peer_dies = true});
        }
        for (ServerShare* share : {&keeper_share, &victim_share}) share->clients_done = &clients_done;
        start<CheckedServer>(victim, machine.give(keeper, port, victim), victim_share, ledger).foreign = &keeper_share;
        start<CheckedServer>(keeper, port, keeper_share, ledger).foreign = &victim_share;
        Thread& killer = machine.make_thread();
        start<Killer>(killer, grant(killer, victim.process()), random.below(4));
    }
    void verify() {
        // The killed server may have been in the middle of anything.
        for (const auto& [id, word] : victim_share.unsettled) ledger.of(word).server_died = true;
        for (const ServerShare::Held& each : victim_share.held) ledger.of(each.word).server_died = true;
        ledger.forgive_unseen();
        ledger.forgive_lost_notice();
        CallsWorld::verify();
    }
    ServerShare keeper_share{~0u}, victim_share{~0u};
};

TEST_F(ExploreTest, AServersDeathFailsWhatItTookOnce) {
    explore<DyingServerWorld>(1500, 200);
}

/// The only server is killed: its port closes.
class ClosingPortWorld : public OneServerWorld {
public:
    explicit ClosingPortWorld(const Exploration& how) : OneServerWorld(how, {.peer_dies = true}, true) {
        Thread& killer = machine.make_thread();
        start<Killer>(killer, grant(killer, server.process()), random.below(4));
    }
    void verify() {
        for (const auto& [id, word] : share.unsettled) ledger.of(word).server_died = true;
        ledger.forgive_unseen();
        ledger.forgive_lost_notice();
        CallsWorld::verify();
    }
};

TEST_F(ExploreTest, AClosedPortFailsEverybodyWhoCalls) {
    explore<ClosingPortWorld>(1500, 150);
}

class DyingClientsWorld : public OneServerWorld {
public:
    explicit DyingClientsWorld(const Exploration& how) : OneServerWorld(how, {}, true) {
        for (const auto& [program, thread] : callers) kill(*thread);
        for (const auto& [program, thread] : async_callers) kill(*thread);
    }

private:
    void kill(Thread& victim) {
        if (random.one_in(3)) return;
        Thread& killer = machine.make_thread();
        start<Killer>(killer, grant(killer, victim.process()), random.below(4));
    }
};

TEST_F(ExploreTest, AClientsDeathWithdrawsItsCalls) {
    explore<DyingClientsWorld>(1500, 150);
}

/// Senders with few credits, one or two receivers.
class FloodWorld : public ExploredWorld {
public:
    explicit FloodWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {
        Thread& collector = machine.make_thread();
        const Handle port = machine.call(collector, abi::PortCreate{})->port;
        const unsigned collectors = random.one_in(2) ? 2 : 1;
        for (uint64_t i = 1 + random.below(3); i > 0; --i) {
            Thread& thread = machine.make_thread();
            Flow& flow = flows[i];
            flow.credits = 1 + random.below(4);
            const Handle sender = badge(collector, port, i, flow.credits, thread);
            start<Flooder>(thread, sender, i, flow, 2 + random.below(12), collectors);
        }
        start<Collector>(collector, port, flows, collectors == 1);
        if (collectors == 2) start<Collector>(machine.make_thread(collector.process()), port, flows, false);
    }
    void verify() {
        for (const auto& [number, flow] : flows) {
            demand(flow.sent == flow.received, "sender %lu: %lu sent, %lu received", number, flow.sent, flow.received);
            demand(flow.raised == flow.heard, "sender %lu raised %lx, heard was %lx", number, flow.raised, flow.heard);
        }
    }
    Flows flows;
};

TEST_F(ExploreTest, MessagesArriveOnceInOrderWithinTheirCredits) {
    explore<FloodWorld>(1500, 200);
}

class SleepersWorld : public ExploredWorld {
public:
    explicit SleepersWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {
        for (uint64_t i = 1 + random.below(2); i > 0; --i) {
            Thread& sleeper = machine.make_thread();
            take_upcalls(sleeper.process());
            const Handle port = machine.call(sleeper, abi::PortCreate{})->port;
            const Handle sender = badge(sleeper, port, 0, 1, sleeper);
            const CheckedProgram& program = start<Sleeper>(sleeper, port, sender, 1 + random.below(6));
            Thread& alerter = machine.make_thread();
            start<Alerter>(alerter, std::vector{grant(alerter, sleeper)}, 0).sleeper = &program;
        }
    }
    void verify() {}
};

TEST_F(ExploreTest, NoAlertIsSleptThrough) {
    explore<SleepersWorld>(1500, 120);
}

class DeviceWorld : public ExploredWorld {
public:
    explicit DeviceWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {
        state.line = static_cast<unsigned>(random.below(kLines));
        Thread& driver = machine.make_thread();
        const Handle resource = machine.make_resource(driver);
        const Handle port = machine.call(driver, abi::PortCreate{})->port;
        const Handle sender = badge(driver, port, 1, 1, driver);
        const Handle interrupt = machine.call(driver, abi::InterruptCreate{resource, state.line, sender, 1, random.below(2)})->interrupt;
        machine.call(driver, abi::InterruptAck{interrupt});
        start<Driver>(driver, port, interrupt, state);
        start<Device>(machine.make_thread(), state, 1 + random.below(8));
    }
    void verify() { demand(state.served == state.raised, "%lu interrupts raised, %lu served", state.raised, state.served); }
    DeviceState state;
};

TEST_F(ExploreTest, NoInterruptIsLost) {
    explore<DeviceWorld>(1000, 100);
}

}  // namespace
}  // namespace portico::kernel::hosted
