#include "kernel/arch/hosted/explore_fixture.h"
#include "kernel/arch/hosted/explored_control.h"
#include "kernel/arch/hosted/explored_memory.h"

/// Memory that is mapped, cloned and taken away while other CPUs use it.
namespace portico::kernel::hosted {
namespace {

class PagesWorld : public ExploredWorld {
public:
    explicit PagesWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& mapper = machine.make_thread();
        take_upcalls(mapper.process());
        page.address = 0x4000'0000;
        start<PageMapper>(mapper, page, 1 + random.below(4));
        for (uint64_t i = 1 + random.below(3); i > 0; --i) start<PageToucher>(machine.make_thread(mapper.process()), page);
    }
    void verify() {}
    PageState page;
};

TEST_F(ExploreTest, WhatIsUnmappedIsGoneEverywhere) {
    explore<PagesWorld>(1500, 200);
}

class ClonesWorld : public ExploredWorld {
public:
    explicit ClonesWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& counter = machine.make_thread();
        const uint64_t pages = machine.map(counter, 2 * kPage);
        Thread& second = machine.make_thread(counter.process());
        start<WordCounter>(counter, pages, 0ull, 20 + random.below(60));
        start<WordCounter>(second, pages, 1ull, 20 + random.below(60));
        for (uint64_t i = 1 + random.below(2); i > 0; --i) {
            Thread& cloner = machine.make_thread();
            const Handle victim = grant(cloner, counter.process());
            start<ProcessCloner>(cloner, victim, pages, machine.map(cloner, kPage), 1 + random.below(3));
        }
    }
    void verify() {}
};

TEST_F(ExploreTest, ClonesAreSnapshots) {
    explore<ClonesWorld>(1000, 400);
}

class FaultsWorld : public ExploredWorld {
public:
    explicit FaultsWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& supervisor = machine.make_thread();
        const Handle port = machine.call(supervisor, abi::PortCreate{})->port;
        std::vector<Handle> spaces;
        const bool kills = random.one_in(3);
        const uint64_t processes = 1 + random.below(2);
        for (uint64_t i = 0; i < processes; ++i) {
            const Handle made = badge(supervisor, port, i, 1, supervisor);
            Process& process = machine.make_process(sender_of(supervisor, made));
            machine.call(supervisor, abi::HandleClose{made});
            spaces.push_back(grant(supervisor, process.space()));
            for (uint64_t threads = 1 + random.below(2); threads > 0; --threads)
                start<Faulter>(machine.make_thread(process), 0x4000'0000 * threads, 1 + random.below(4));
            if (kills) kill(process);
        }
        start<FaultSupervisor>(supervisor, port, spaces, kills);
    }
    void verify() {}

private:
    Ref<Sender> sender_of(Thread& holder, Handle handle) {
        return machine.in_kernel([&] { return Ref<Sender>(**holder.process().handles().get<Sender>(handle, Rights::Send)); });
    }
    void kill(Process& process) {
        Thread& killer = machine.make_thread();
        start<Killer>(killer, grant(killer, process), random.below(4));
    }
};

TEST_F(ExploreTest, FaultsAreMendedByTheSupervisor) {
    explore<FaultsWorld>(1000, 200);
}

class TurnsWorld : public ExploredWorld {
public:
    explicit TurnsWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& first = machine.make_thread();
        const uint64_t address = machine.map(first, kPage);
        const auto places = static_cast<unsigned>(2 + random.below(3));
        const uint64_t rounds = 1 + random.below(5);
        const bool shared = random.one_in(2);
        for (unsigned place = 0; place < places; ++place)
            start<TurnTaker>(place == 0 ? first : machine.make_thread(first.process()), address, place, places, rounds, shared);
    }
    void verify() {}
};

TEST_F(ExploreTest, NoFutexWakeIsLost) {
    explore<TurnsWorld>(1000, 150);
}

}  // namespace
}  // namespace portico::kernel::hosted
