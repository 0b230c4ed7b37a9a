#include "kernel/arch/hosted/explore_fixture.h"
#include "kernel/arch/hosted/explored_control.h"
#include "kernel/arch/hosted/explored_swap.h"
#include "kernel/memory/swap.h"

/// Pages of programs that go to the swap space and come back while other CPUs use them.
namespace portico::kernel::hosted {
namespace {

class SwapWorld : public ExploredWorld {
public:
    explicit SwapWorld(const Exploration& how, bool kills = false) : ExploredWorld(how, 2 + static_cast<unsigned>(how.seed % 3)) {
        Thread& server = machine.make_thread();
        const Handle port = machine.call(server, abi::PortCreate{})->port;
        const Handle sender = machine.call(server, abi::PortBadge{port, 1, 4})->sender;
        const Handle resource = machine.make_resource(server);
        const Handle space = machine.call(server, abi::MemoryCreateSwap{resource, 1024 * kPage, sender, 0})->memory;
        space_ = machine.in_kernel([&] { return Ref<Memory>(**server.process().handles().get<Memory>(space, Rights::Control)); });
        for (const uint64_t at : {SwapServerProgram::kBuffer, SwapServerProgram::kLanding}) {
            map(server, at, SwapServerProgram::kPagesAtOnce);
            for (uint64_t i = 0; i < SwapServerProgram::kPagesAtOnce; ++i) machine.write(server, at + i * kPage, i);
        }
        account_ = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), ~uint64_t{0}, kKeptPages); });
        std::vector<Thread*> clients;
        for (uint64_t i = 0; i < 2; ++i) {
            Thread& first = machine.make_thread(machine.make_process({}, account_.get()));
            map(first, kOwn, kOwnPages);
            std::vector<Thread*> threads{&first};
            if (random.one_in(2)) threads.push_back(&machine.make_thread(first.process()));
            if (random.one_in(2)) {  // a child that shares what is written before
                machine.write(first, kOwn + 8 * 3, uint64_t{1});
                const Handle made = machine.call(first, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
                threads.push_back(&machine.make_thread(machine.adopt_process(first, made)));
                machine.call(first, abi::HandleClose{made});
            }
            for (size_t slot = 0; slot < threads.size(); ++slot) {
                start<PageWalker>(*threads[slot], kOwn, kOwnPages, slot, 30 + random.below(30));
                clients.push_back(threads[slot]);
            }
            if (!kills || random.one_in(2)) continue;
            Thread& killer = machine.make_thread();
            start<Killer>(killer, grant(killer, first.process()), random.below(4));
        }
        start<SwapServerProgram>(server, port, space, clients);
        machine.in_kernel([&] {
            while (frames.free_pages() > kKeptPages + 8 + random.below(8)) hoard_.push_back(*frames.allocate(machine.root()));
        });
    }
    ~SwapWorld() {
        machine.in_kernel([&] {
            for (const PhysicalAddress page : hoard_) frames.free(page);
            account_ = nullptr;
            space_ = nullptr;
        });
    }
    void verify() { swapped_out += space_->swap_space()->pages_out; }
    static inline uint64_t swapped_out = 0;

private:
    static constexpr uint64_t kOwn = 0x4000'0000, kOwnPages = 24, kKeptPages = 8;
    void map(Thread& thread, uint64_t at, uint64_t pages) {
        const auto flags = static_cast<uint64_t>(abi::MapFlags::Fixed | Access::ReadWrite);
        machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, at, pages * kPage, flags});
    }
    std::vector<PhysicalAddress> hoard_;
    Ref<Account> account_;
    Ref<Memory> space_;
};

TEST_F(ExploreTest, NoWriteToASwappedPageIsLost) {
    SwapWorld::swapped_out = 0;
    explore<SwapWorld>(400, 1500);
    EXPECT_GT(SwapWorld::swapped_out, 400u);
}

class DyingSwapWorld : public SwapWorld {
public:
    explicit DyingSwapWorld(const Exploration& how) : SwapWorld(how, true) {}
};

TEST_F(ExploreTest, ProcessesWithSwappedPagesMayEndAtAnyTime) {
    explore<DyingSwapWorld>(300, 1000);
}

}  // namespace
}  // namespace portico::kernel::hosted
