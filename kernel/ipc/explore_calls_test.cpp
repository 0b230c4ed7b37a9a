#include "kernel/arch/hosted/explore_fixture.h"
#include "kernel/arch/hosted/explored_callers.h"
#include "kernel/arch/hosted/explored_control.h"
#include "kernel/arch/hosted/explored_messages.h"
#include "kernel/arch/hosted/explored_server.h"

/// Ports under every interleaving that the seeds lead to: each call ends once, with its own answer; no message is lost, doubled or
/// out of order; credits are neither lost nor made; nobody waits for ever.
namespace portico::kernel::hosted {
namespace {

constexpr unsigned two_to_four(uint64_t seed) {
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
    CheckedServer& add_server(Thread& thread, Handle port, ServerShare& share) {
        return start<CheckedServer>(thread, port, machine.map(thread, kPage), share, ledger);
    }
    /// One to three of them, each in a process of its own.
    void add_callers(Thread& server, Handle port, Fates fates, unsigned asynchronous_one_in) {
        for (uint64_t i = 1 + random.below(3); i > 0; --i) {
            Thread& thread = machine.make_thread();
            if (fates.alerted && random.one_in(2)) take_upcalls(thread.process());
            const uint64_t number = client_count() + 1;
            const Handle sender = badge(server, port, number, 4, thread);
            if (random.one_in(asynchronous_one_in))
                async_callers.push_back(
                    {&start<CheckedAsyncCaller>(thread, sender, make_port(thread), ledger, number, 1 + random.below(8), fates), &thread});
            else
                callers.push_back({&start<CheckedCaller>(thread, sender, machine.map(thread, 2 * kPage),
                                                         machine.call(thread, abi::MemoryCreate{kPage})->memory, ledger, number,
                                                         1 + random.below(6), fates),
                                   &thread});
        }
    }
    unsigned client_count() const { return static_cast<unsigned>(callers.size() + async_callers.size()); }
    std::vector<Thread*> clients() const {
        std::vector<Thread*> all;
        for (const auto& [program, thread] : callers) all.push_back(thread);
        for (const auto& [program, thread] : async_callers) all.push_back(thread);
        return all;
    }
    void add_killer(Process& victim) {
        Thread& killer = machine.make_thread();
        start<Killer>(killer, grant(killer, victim), random.below(5));
    }
    void add_alerter(std::vector<Thread*> victims) {
        Thread& alerter = machine.make_thread();
        std::vector<Handle> handles;
        for (Thread* victim : victims) handles.push_back(grant(alerter, *victim));
        start<Alerter>(alerter, handles, 2 + random.below(10));
    }
    void add_suspender(Process& victim) {
        Thread& suspender = machine.make_thread();
        start<Suspender>(suspender, grant(suspender, victim), 1 + random.below(4));
    }
};

constexpr unsigned kNever = 1u << 30;

class OneServerWorld : public CallsWorld {
public:
    OneServerWorld(const Exploration& how, Fates fates, unsigned asynchronous_one_in) : CallsWorld(how) {
        add_callers(server, port, fates, asynchronous_one_in);
        share.badges_left = client_count();
        add_server(server, port, share);
        if (random.one_in(2)) add_server(machine.make_thread(server.process()), port, share);
    }
    Thread& server = machine.make_thread();
    const Handle port = make_port(server);
    ServerShare share;
};

class PlainCallsWorld : public OneServerWorld {
public:
    explicit PlainCallsWorld(const Exploration& how) : OneServerWorld(how, {}, kNever) {}
};

TEST_F(ExploreTest, EachCallEndsOnce) {
    explore<PlainCallsWorld>(2000, 150);
}

class AsyncCallsWorld : public OneServerWorld {
public:
    explicit AsyncCallsWorld(const Exploration& how) : OneServerWorld(how, {}, 2) {}
};

TEST_F(ExploreTest, AsynchronousCallsAreAnsweredOrWithdrawn) {
    explore<AsyncCallsWorld>(2000, 150);
}

class AlertedCallsWorld : public OneServerWorld {
public:
    explicit AlertedCallsWorld(const Exploration& how) : OneServerWorld(how, {.alerted = true}, 2) {
        std::vector<Thread*> all = clients();
        all.push_back(&server);
        add_alerter(all);
        if (random.one_in(2)) add_suspender(all[random.below(all.size())]->process());
    }
};

TEST_F(ExploreTest, AlertsAndSuspensionsEndCallsOrLetThemBe) {
    explore<AlertedCallsWorld>(2000, 200);
}

/// Two processes serve one port; the first is killed, so what it took fails and what is queued waits for the second.
class DyingServerWorld : public CallsWorld {
public:
    explicit DyingServerWorld(const Exploration& how) : CallsWorld(how) {
        Thread& keeper = machine.make_thread();
        Thread& victim = machine.make_thread();
        const Handle port = make_port(keeper);
        add_callers(keeper, port, {.peer_dies = true}, 3);
        for (ServerShare* share : {&keeper_share, &victim_share}) {
            share->clients_done = &clients_done;
            share->badges_left = ~0u;
        }
        add_server(victim, machine.give(keeper, port, victim), victim_share).foreign = &keeper_share;
        add_server(keeper, port, keeper_share).foreign = &victim_share;
        add_killer(victim.process());
    }
    void verify() {
        // The killed server may have been in the middle of anything.
        for (const ServerShare::Held& each : victim_share.unsettled) ledger.of(each.word).server_died = true;
        ledger.forgive_unseen();
        ledger.forgive_lost_notices();
        CallsWorld::verify();
    }
    ServerShare keeper_share, victim_share;
};

TEST_F(ExploreTest, AServersDeathFailsWhatItTookOnce) {
    explore<DyingServerWorld>(2000, 200);
}

/// The only server is killed: its port closes.
class ClosingPortWorld : public OneServerWorld {
public:
    explicit ClosingPortWorld(const Exploration& how) : OneServerWorld(how, {.peer_dies = true}, 2) { add_killer(server.process()); }
    void verify() {
        for (const ServerShare::Held& each : share.unsettled) ledger.of(each.word).server_died = true;
        ledger.forgive_unseen();
        ledger.forgive_lost_notice();
        ledger.forgive_lost_notice();  // there may be two threads
        CallsWorld::verify();
    }
};

TEST_F(ExploreTest, AClosedPortFailsEverybodyWhoCalls) {
    explore<ClosingPortWorld>(2000, 150);
}

class DyingClientsWorld : public OneServerWorld {
public:
    explicit DyingClientsWorld(const Exploration& how) : OneServerWorld(how, {}, 2) {
        for (Thread* client : clients())
            if (!random.one_in(3)) add_killer(client->process());
    }
};

TEST_F(ExploreTest, AClientsDeathWithdrawsItsCalls) {
    explore<DyingClientsWorld>(2000, 150);
}

/// All of it at once, but for the server's death.
class TurmoilWorld : public OneServerWorld {
public:
    explicit TurmoilWorld(const Exploration& how) : OneServerWorld(how, {.alerted = true}, 2) {
        std::vector<Thread*> all = clients();
        for (Thread* client : all)
            if (random.one_in(3)) add_killer(client->process());
        all.push_back(&server);
        add_alerter(all);
        add_suspender(all[random.below(all.size())]->process());
    }
};

TEST_F(ExploreTest, AlertsDeathsAndSuspensionsTogether) {
    explore<TurmoilWorld>(2000, 250);
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

/// Sleepers that are killed, in whatever wait or on the way to it.
class KilledSleepersWorld : public ExploredWorld {
public:
    explicit KilledSleepersWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {
        for (uint64_t i = 1 + random.below(2); i > 0; --i) {
            Thread& sleeper = machine.make_thread();
            take_upcalls(sleeper.process());
            const Handle port = machine.call(sleeper, abi::PortCreate{})->port;
            start<Sleeper>(sleeper, port, badge(sleeper, port, 0, 1, sleeper), ~0ull);
            Thread& killer = machine.make_thread();
            start<Killer>(killer, grant(killer, sleeper.process()), random.below(3));
        }
    }
    void verify() {}
};

TEST_F(ExploreTest, NoKillIsSleptThrough) {
    explore<KilledSleepersWorld>(2000, 40);
}

/// Threads that never enter the kernel by themselves.
class SpinnersWorld : public ExploredWorld {
public:
    explicit SpinnersWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {
        for (uint64_t i = 1 + random.below(2); i > 0; --i) {
            Thread& thread = machine.make_thread();
            take_upcalls(thread.process());
            const uint64_t fate = random.below(3);
            Spinner& spinner = start<Spinner>(thread, machine.map(thread, kPage), fate == 0 ? 1 + random.below(4) : ~0ull);
            Thread& other = machine.make_thread();
            if (fate == 0)
                start<Alerter>(other, std::vector{grant(other, thread)}, 0).sleeper = &spinner;
            else if (fate == 1)
                start<Killer>(other, grant(other, thread.process()), random.below(5));
            else
                start<Stopper>(other, grant(other, thread.process()), spinner, 1 + random.below(4));
        }
    }
    void verify() {}
};

TEST_F(ExploreTest, KernelReachesThoseWhoComputeOnly) {
    explore<SpinnersWorld>(1500, 300);
}

class DeviceWorld : public ExploredWorld {
public:
    explicit DeviceWorld(const Exploration& how) : ExploredWorld(how, two_to_four(how.seed)) {
        state.line = static_cast<unsigned>(random.below(kWires));
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

TEST_F(ExploreTest, ASeedIsAlwaysTheSameRun) {
    for (uint64_t seed = 1; seed <= 60; ++seed) {
        run<TurmoilWorld>(seed, 250);
        const uint64_t fingerprint = explorer.fingerprint(), pauses = explorer.pauses();
        run<DyingServerWorld>(seed + 1, 200);  // the kernel's counters go on meanwhile
        run<TurmoilWorld>(seed, 250);
        EXPECT_EQ(explorer.fingerprint(), fingerprint) << "seed " << seed;
        EXPECT_EQ(explorer.pauses(), pauses) << "seed " << seed;
    }
}

}  // namespace
}  // namespace portico::kernel::hosted
