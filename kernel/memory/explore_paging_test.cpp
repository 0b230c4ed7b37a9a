#include "kernel/arch/hosted/explore_fixture.h"
#include "kernel/arch/hosted/explored_control.h"
#include "kernel/arch/hosted/explored_memory.h"
#include "kernel/arch/hosted/explored_pager.h"
#include "kernel/ipc/sender.h"

/// Pages that come and go while other CPUs read and write them.
namespace portico::kernel::hosted {
namespace {

class PagerWorld : public ExploredWorld {
public:
    explicit PagerWorld(const Exploration& how, uint64_t pages_max = ~uint64_t{0}, bool kills = false)
        : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& pager = machine.make_thread();
        const Handle port = machine.call(pager, abi::PortCreate{})->port;
        const Handle sender = machine.call(pager, abi::PortBadge{port, 1, 4})->sender;
        const Handle memory = machine.call(pager, abi::MemoryCreatePaged{PagerProgram::kPages * kPage, sender, 0})->memory;
        for (const uint64_t at : {PagerProgram::kStock, PagerProgram::kBack}) map(pager, {}, at, MapFlags::None);
        std::vector<Thread*> clients;
        const uint64_t processes = 1 + random.below(2);
        for (uint64_t i = 0; i < processes; ++i) {
            Thread& first = machine.make_thread();
            map(first, machine.give(pager, memory, first), kObject, MapFlags::Shared);
            for (uint64_t slot = 2 * i; slot < 2 * i + 2; ++slot) {
                Thread& thread = slot % 2 == 0 ? first : machine.make_thread(first.process());
                start<WordCounter>(thread, kObject + kPage * random.below(PagerProgram::kPages), slot, 4 + random.below(8));
                clients.push_back(&thread);
            }
            if (!kills || random.one_in(2)) continue;
            Thread& killer = machine.make_thread();
            start<Killer>(killer, grant(killer, first.process()), random.below(4));
        }
        start<PagerProgram>(pager, port, memory, clients, pages_max);
    }
    void verify() {}

private:
    static constexpr uint64_t kObject = 0x4000'0000;
    void map(Thread& thread, Handle memory, uint64_t at, MapFlags flags) {
        const auto all = static_cast<uint64_t>(flags | Access::ReadWrite) | static_cast<uint64_t>(MapFlags::Fixed);
        machine.call(thread, abi::SpaceMap{abi::kSelfSpace, memory, 0, at, PagerProgram::kPages * kPage, all});
    }
};

TEST_F(ExploreTest, NoWriteToAPagedObjectIsLost) {
    explore<PagerWorld>(1500, 300);
}

class DyingPagerWorld : public PagerWorld {
public:
    explicit DyingPagerWorld(const Exploration& how) : PagerWorld(how, how.seed % 7, how.seed % 2 == 0) {}
};

TEST_F(ExploreTest, APagerOrItsClientsMayEndAtAnyTime) {
    explore<DyingPagerWorld>(1500, 200);
}

}  // namespace
}  // namespace portico::kernel::hosted
