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

class CutMemoryWorld : public ExploredWorld {
public:
    explicit CutMemoryWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& owner = machine.make_thread();
        const Handle memory = machine.call(owner, abi::MemoryCreate{0})->memory;
        page.address = 0x4000'0000;
        for (uint64_t i = 1 + random.below(3); i > 0; --i) {
            Thread& thread = machine.make_thread();
            take_upcalls(thread.process());
            const auto flags = static_cast<uint64_t>(MapFlags::Fixed | MapFlags::Shared | Access::ReadWrite);
            machine.call(thread, abi::SpaceMap{abi::kSelfSpace, machine.give(owner, memory, thread), 0, page.address, kPage, flags});
            for (uint64_t threads = 1 + random.below(2); threads > 0; --threads)
                start<PageToucher>(threads == 1 ? thread : machine.make_thread(thread.process()), page);
        }
        start<MemoryResizer>(owner, memory, page, 1 + random.below(6));
    }
    void verify() {}
    PageState page;
};

TEST_F(ExploreTest, WhatIsCutOffIsGoneInAllProcesses) {
    explore<CutMemoryWorld>(1500, 150);
}

/// The last thread of its process: the others have ended, the memory is new.
class NewImage final : public CheckedProgram {
public:
    NewImage() : CheckedProgram("new image") {}
    static constexpr uint64_t page = 0x4000'0000;

private:
    void act(Thread& thread) override {
        if (value_ == 6) return finish(thread);
        access(page, Access::Write, [&](uint64_t& word) {
            demand(word == value_, "a word of a new image is %lu, not %lu", word, value_);
            word = ++value_;
        });
    }
    uint64_t value_ = 0;
};

class ExecWorld : public ExploredWorld {
public:
    explicit ExecWorld(const Exploration& how) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& thread = machine.make_thread();
        const uint64_t page = machine.map(thread, 2 * kPage);
        start<Executor>(thread, page + kPage, image.page, image);
        for (uint64_t i = 1 + random.below(3); i > 0; --i) start<Spinner>(machine.make_thread(thread.process()), page, ~0ull);
        if (random.one_in(2)) {
            Thread& other = machine.make_thread();
            start<Suspender>(other, grant(other, thread.process()), 1 + random.below(3));
        }
    }
    void verify() { demand(image.done, "the new image did not run to its end"); }
    NewImage image;
};

TEST_F(ExploreTest, AnExecEndsTheOtherThreads) {
    explore<ExecWorld>(1500, 100);
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
