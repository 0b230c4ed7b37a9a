#include <map>
#include <optional>
#include <random>

#include "kernel/arch/hosted/pager_fixture.h"

/// Random reads, writes, clones, forks, supplies, refusals, detachments, unmappings and deaths around a paged object, against a model of
/// what every page shows; and pagers that do what they must not.
namespace portico::kernel::hosted {
namespace {

/// What each page holds somewhere: absent if nothing.
using Contents = std::map<uint64_t, uint64_t>;

class PagedModelTest : public PagerTest, public testing::WithParamInterface<uint64_t> {
protected:
    static constexpr uint64_t kBack = 0x7000'0000, kUsed = 80;

    /// A process that shows the object, or a clone of it.
    struct Owner {
        std::array<Thread*, 2> threads{};  ///< one for each CPU
        bool is_clone = false;
        Contents own;  ///< of a clone: the pages it has
    };

    std::mt19937_64 random{GetParam()};
    std::vector<std::unique_ptr<Owner>> owners;
    Contents present, store;  ///< of the object; where its pager keeps them
    std::map<uint64_t, bool> dirty;
    uint64_t last_value = 0;
    std::map<std::string, unsigned> counts;

    uint64_t below(uint64_t end) { return random() % end; }
    Thread& thread_of(Owner& owner) {
        const auto cpu = static_cast<unsigned>(below(2));
        machine.use_cpu(cpu);
        return *owner.threads[cpu];
    }
    void SetUp() override {
        PagerTest::SetUp();
        ASSERT_TRUE(machine.call(pager, abi::SpaceMap{abi::kSelfSpace, {}, 0, kBack, kPages * kPage, kFixed | kReadWrite}));
        for (uint64_t page = 0; page < kUsed; ++page) store[page] = ++last_value;
        for (int i = 0; i < 3; ++i) add_owner(i == 2);
    }
    void add_owner(bool is_clone) {
        auto owner = std::make_unique<Owner>();
        Process& process = machine.make_process();
        for (Thread*& thread : owner->threads) thread = &machine.make_thread(process);
        Thread& thread = *owner->threads[0];
        machine.use_cpu(0);
        take_upcalls(thread);
        owner->is_clone = is_clone;
        if (is_clone) {
            const Handle mine = give_to(thread);
            const Handle clone = machine.call(thread, abi::MemoryClone{mine, 0, kPages * kPage})->memory;
            ASSERT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, clone, 0, kObject, kPages * kPage, kFixed | kReadWrite}));
            if (below(2) == 0) machine.call(thread, abi::HandleClose{clone});
            owner->own = present;
        } else {
            map_object(thread);
        }
        owners.push_back(std::move(owner));
    }
    void fork(Owner& of) {
        if (!of.is_clone) return;
        Thread& thread = thread_of(of);
        const Handle handle = machine.call(thread, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
        Process& process = machine.adopt_process(thread, handle);
        machine.call(thread, abi::HandleClose{handle});
        auto child = std::make_unique<Owner>();
        child->is_clone = true;
        child->own = of.own;
        for (Thread*& each : child->threads) each = &machine.make_thread(process);
        take_upcalls(*child->threads[0]);
        owners.push_back(std::move(child));
    }
    void end(size_t index) {
        kill(*owners[index]->threads[0]);
        owners.erase(owners.begin() + static_cast<long>(index));
        machine.forget_ended();
    }

    void stock(uint64_t page, uint64_t place) {
        ASSERT_TRUE(machine.write(pager, kStock + place * kPage, store[page]));
        ASSERT_TRUE(machine.write(pager, kStock + place * kPage + kPage - 8, ~store[page]));
    }
    void supply_pages(uint64_t first, uint64_t count) {
        machine.use_cpu(static_cast<unsigned>(below(2)));
        for (uint64_t i = 0; i < count; ++i) stock(first + i, i);
        if (below(6) == 0) FrameAllocator::fail_after = static_cast<int64_t>(below(3));
        const auto supplied = machine.call(pager, abi::MemorySupply{memory, first * kPage, kStock, count * kPage});
        FrameAllocator::fail_after = -1;
        ++counts["supply " + std::string(abi::name_of(refusal(supplied)))];
        if (!supplied) {
            ASSERT_EQ(supplied.error(), Error::NoMemory);
            ASSERT_EQ(machine.read(pager, kStock), store[first]) << "what was refused is still the pager's";
            return;
        }
        for (uint64_t i = first; i < first + count; ++i)
            if (present.emplace(i, store[i]).second) dirty[i] = false;
    }
    void detach_pages(uint64_t first, uint64_t count) {
        const bool keep = below(2) == 0, lands = below(4) != 0;
        machine.use_cpu(static_cast<unsigned>(below(2)));
        if (below(6) == 0) FrameAllocator::fail_after = static_cast<int64_t>(below(4));
        const auto bits = machine.call(pager, abi::MemoryDetach{memory, first * kPage, lands ? kBack : 0, count * kPage, keep});
        FrameAllocator::fail_after = -1;
        ++counts["detach " + std::string(abi::name_of(refusal(bits)))];
        if (!bits) {
            ASSERT_EQ(bits.error(), Error::NoMemory);
            return;
        }
        for (uint64_t i = 0; i < count; ++i) {
            const uint64_t page = first + i;
            const auto there = present.find(page);
            const bool is_dirty = there != present.end() && dirty[page];
            ASSERT_EQ(bits->present >> i & 1, there != present.end()) << page;
            ASSERT_EQ(bits->dirty >> i & 1, is_dirty) << page;
            if (lands) ASSERT_EQ(machine.read(pager, kBack + i * kPage), is_dirty ? there->second : 0) << page;
            if (lands && is_dirty) {
                ASSERT_EQ(machine.read(pager, kBack + (i + 1) * kPage - 8), ~there->second);
                store[page] = there->second;
                dirty[page] = false;
                if (below(3) == 0) machine.write(pager, kBack + i * kPage, uint64_t{666});
            }
            if (!keep && there != present.end() && (lands || !is_dirty)) present.erase(there);
        }
    }

    /// The page as this owner sees it; none if it must be got from the pager.
    std::optional<uint64_t> seen(const Owner& owner, uint64_t page) {
        if (const auto own = owner.own.find(page); owner.is_clone && own != owner.own.end()) return own->second;
        const auto there = present.find(page);
        return there == present.end() ? std::nullopt : std::optional(there->second);
    }
    /// Sees to it that the page is there for this owner; false if the pager refused it or it was killed.
    bool get(Owner& owner, Thread& thread, uint64_t page, Access access) {
        if (seen(owner, page)) return true;
        uint64_t word = 0;
        EXPECT_FALSE(machine.access(thread, kObject + page * kPage, &word, 8, access));
        EXPECT_TRUE(machine.waits(thread));
        const auto message = asked();
        EXPECT_TRUE(message && message->word[0] == page * kPage);
        ++counts["asked"];
        if (below(8) == 0) {
            EXPECT_TRUE(below(2) == 0 ? refuse(page).has_value() : (machine.advance(kWaitNs), true));
            EXPECT_TRUE(thread.in_upcall());
            machine.call(thread, abi::UpcallReturn{machine.put(thread, thread.upcall()->registers)});
            return false;
        }
        while (!present.contains(page)) supply_pages(page - below(std::min<uint64_t>(page, 5) + 1), 1 + below(8));
        return machine.runnable(thread);
    }
    void read(Owner& owner, uint64_t page) {
        Thread& thread = thread_of(owner);
        const unsigned cpu = Hardware::cpu_index();
        if (!get(owner, thread, page, Access::Read)) return;
        machine.use_cpu(cpu);
        const uint64_t value = *seen(owner, page);
        ASSERT_EQ(machine.read(thread, kObject + page * kPage), value) << page;
        ASSERT_EQ(machine.read(thread, kObject + (page + 1) * kPage - 8), ~value) << page;
        if (owner.is_clone) owner.own[page] = value;
    }
    void write(Owner& owner, uint64_t page) {
        Thread& thread = thread_of(owner);
        const unsigned cpu = Hardware::cpu_index();
        if (!get(owner, thread, page, Access::Write)) return;
        machine.use_cpu(cpu);
        const uint64_t value = ++last_value;
        ASSERT_TRUE(machine.write(thread, kObject + page * kPage, value));
        ASSERT_TRUE(machine.write(thread, kObject + (page + 1) * kPage - 8, ~value));
        (owner.is_clone ? owner.own : present)[page] = value;
        if (!owner.is_clone) dirty[page] = true;
    }
    void step() {
        Owner& owner = *owners[below(owners.size())];
        const uint64_t page = below(kUsed - 12);
        switch (below(20)) {
        case 0:
            return owners.size() < 7 ? add_owner(below(2) == 0) : end(below(owners.size()));
        case 1:
            return owners.size() < 7 ? fork(owner) : end(below(owners.size()));
        case 2:
        case 3:
            return supply_pages(page, 1 + below(12));
        case 4:
        case 5:
        case 6:
            return detach_pages(page, 1 + below(12));
        case 7:
        case 8:
        case 9:
        case 10:
        case 11:
        case 12:
            return write(owner, page);
        default:
            return read(owner, page);
        }
    }
};

TEST_P(PagedModelTest, EveryPageShowsWhatItShould) {
    for (int i = 0; i < 4000 && !HasFatalFailure() && !HasNonfatalFailure(); ++i) step();
    EXPECT_GT(counts["asked"], 100u);
    EXPECT_GT(counts["detach None"], 300u);
    EXPECT_GT(counts["supply NoMemory"], 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PagedModelTest, testing::Range(uint64_t{1}, uint64_t{9}));

/// Threat D8: pagers that supply what they were not asked for, twice, out of range, from memory that is not theirs to give, and into
/// objects of others. Whatever a page of an object shows carries its own pager's mark.
class HostilePagerTest : public PagerTest, public testing::WithParamInterface<uint64_t> {};

TEST_P(HostilePagerTest, D8_APagerReachesItsOwnObjectOnly) {
    std::mt19937_64 random{GetParam()};
    const auto below = [&](uint64_t end) { return random() % end; };
    struct Side {
        Thread* pager;
        Thread* client;
        Handle memory, limited, foreign;  ///< its own; another's, without Control
        uint64_t mark;
    };
    Thread& second = machine.make_thread();
    const Handle second_port = machine.call(second, abi::PortCreate{})->port;
    const Handle second_sender = machine.call(second, abi::PortBadge{second_port, 9, 4})->sender;
    const Handle second_memory = machine.call(second, abi::MemoryCreatePaged{kPages * kPage, second_sender, 0})->memory;
    map_stock(second);
    const Handle second_limited = machine.call(second, abi::HandleDuplicate{second_memory, 0xFF})->handle;
    map_object(other, machine.give(second, second_limited, other));
    Side sides[2] = {{&pager, &client, memory, {}, machine.give(second, second_limited, pager), 0x1111'0000'0000},
                     {&second, &other, second_memory, {}, give_to(second), 0x2222'0000'0000}};
    uint64_t accepted = 0, refused = 0;
    for (Thread* thread : {&client, &other}) take_upcalls(*thread);
    for (int i = 0; i < 20'000; ++i) {
        const size_t which = below(2);
        Side& side = sides[which];
        machine.use_cpu(static_cast<unsigned>(below(2)));
        if (below(4) == 0) {
            const uint64_t page = below(kPages);
            uint64_t word = 0;
            const Access access = below(3) == 0 ? Access::Write : Access::Read;
            if (access == Access::Write) word = side.mark | below(1000);
            if (machine.access(*side.client, kObject + page * kPage, &word, 8, access)) {
                ASSERT_TRUE(word == 0 || (word & ~0xFFFFull) == side.mark) << std::hex << word;
                continue;
            }
            if (below(2) == 0) machine.receive(*side.pager, which == 0 ? port : second_port);
            if (machine.waits(*side.client)) machine.call(*side.pager, abi::MemorySupply{side.memory, page * kPage, 0, kPage, below(2)});
            if (machine.waits(*side.client)) machine.advance(Paging::kWaitNsDefault);
            ASSERT_FALSE(machine.waits(*side.client));
            if (side.client->in_upcall())
                machine.call(*side.client, abi::UpcallReturn{machine.put(*side.client, side.client->upcall()->registers)});
            continue;
        }
        const uint64_t place = below(kPages), count = below(10) == 0 ? random() % 3000 : 1 + below(20);
        for (uint64_t j = place; j < std::min(kPages, place + count); ++j)
            machine.write(*side.pager, kStock + j * kPage, side.mark | below(1000));
        const Handle into = below(5) == 0 ? side.foreign : below(50) == 0 ? Handle{random()} : side.memory;
        const uint64_t offset = below(12) == 0 ? random() : below(kPages) * kPage;
        const uint64_t from = below(12) == 0 ? random() : below(12) == 0 ? kObject : kStock + place * kPage;
        Error error;
        if (below(3) == 0)
            error = refusal(machine.call(*side.pager, abi::MemoryDetach{into, offset, below(3) == 0 ? 0 : from, count * kPage, below(3)}));
        else
            error = refusal(machine.call(*side.pager, abi::MemorySupply{into, offset, from, count * kPage, below(8) == 0}));
        ++(error == Error::None ? accepted : refused);
        ASSERT_TRUE(into.value != side.foreign.value || error == Error::AccessDenied);
    }
    EXPECT_GT(accepted, 3000u);
    EXPECT_GT(refused, 3000u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, HostilePagerTest, testing::Range(uint64_t{1}, uint64_t{6}));

}  // namespace
}  // namespace portico::kernel::hosted
