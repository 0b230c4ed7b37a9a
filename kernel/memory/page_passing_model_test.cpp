#include <map>
#include <random>

#include "kernel/arch/hosted/page_fixture.h"

/// Random moves, copies, writes, forks, unmappings and ends of processes, against a model of what every page shows and who pays for it.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kBase = 0x4000'0000, kRegionPages = 150;

/// One page of RAM as the model has it: who shares it is who points to it.
struct ModelPage {
    uint64_t value;
    const Account* payer;
};
using ModelPointer = std::shared_ptr<ModelPage>;

struct Place {
    bool mapped = false, writable = false;
    ModelPointer page;  ///< null: never written
};

struct Owner {
    std::array<Thread*, 2> threads{};  ///< one for each CPU
    std::array<Place, kRegionPages> places;
    AddressSpace& space() const { return threads[0]->process().space(); }
};

struct Flight {
    CarriedPages carried;
    Passing how;
    std::vector<ModelPointer> pages;
};

class PagePassingModelTest : public testing::TestWithParam<uint64_t> {
protected:
    Machine machine{2, 48};
    std::mt19937_64 random{GetParam()};
    std::vector<Ref<Account>> accounts;
    std::vector<std::unique_ptr<Owner>> owners;
    std::vector<std::unique_ptr<Flight>> flights;
    uint64_t last_value = 0;
    std::map<std::string, unsigned> outcomes;
    uint64_t singles = 0;  ///< pages that left by the short way

    ~PagePassingModelTest() override {
        machine.in_kernel([&] {
            flights.clear();
            accounts.clear();
        });
    }
    uint64_t below(uint64_t end) { return random() % end; }
    Owner& any_owner() { return *owners[below(owners.size())]; }
    struct Range {
        uint64_t first, count;
        uint64_t address() const { return kBase + first * kPage; }
    };
    Range any_range() {
        const uint64_t count = below(3) == 0 ? 1 : 1 + below(below(4) == 0 ? 130 : 12);
        return {below(kRegionPages - count + 1), count};
    }
    Thread& thread_of(Owner& owner) {
        const auto cpu = static_cast<unsigned>(below(2));
        machine.use_cpu(cpu);
        return *owner.threads[cpu];
    }
    template <class Call>
    bool succeeds(Owner& owner, const Call& call) {
        return machine.call(thread_of(owner), call).has_value();
    }

    void add_owner() {
        Ref<Account> account = machine.in_kernel([&] { return *create_object<Account>(machine.root(), &machine.root(), ~uint64_t{0}); });
        Process& process = machine.make_process({}, account.get());
        accounts.push_back(std::move(account));
        owners.push_back(std::make_unique<Owner>());
        for (Thread*& thread : owners.back()->threads) thread = &machine.make_thread(process);
        for (uint64_t first = 0; first < kRegionPages; first += 50) map(*owners.back(), {first, 50});
    }
    void map(Owner& owner, Range range) {
        ASSERT_TRUE(succeeds(owner, abi::SpaceMap{abi::kSelfSpace, {}, 0, range.address(), range.count * kPage, kFixed | kReadWrite}));
        for (uint64_t i = 0; i < range.count; ++i) owner.places[range.first + i] = {.mapped = true, .writable = true, .page = nullptr};
    }
    void unmap(Owner& owner, Range range) {
        ASSERT_TRUE(succeeds(owner, abi::SpaceUnmap{abi::kSelfSpace, range.address(), range.count * kPage}));
        for (uint64_t i = 0; i < range.count; ++i) owner.places[range.first + i] = {};
    }
    void protect(Owner& owner, Range range, bool writable) {
        for (uint64_t i = 0; i < range.count; ++i)
            if (!owner.places[range.first + i].mapped) return;
        ASSERT_TRUE(succeeds(owner, abi::SpaceProtect{abi::kSelfSpace, range.address(), range.count * kPage, writable ? 3ull : 1ull}));
        for (uint64_t i = 0; i < range.count; ++i) owner.places[range.first + i].writable = writable;
    }
    void fork(Owner& of) {
        Thread& thread = thread_of(of);
        const Handle handle = machine.call(thread, abi::ProcessClone{abi::kSelfProcess, {}, 0})->process;
        Process& process = machine.adopt_process(thread, handle);
        machine.call(thread, abi::HandleClose{handle});
        auto child = std::make_unique<Owner>();
        child->places = of.places;
        for (Thread*& each : child->threads) each = &machine.make_thread(process);
        owners.push_back(std::move(child));
    }
    void end(size_t index) {
        machine.in_kernel([&] { owners[index]->threads[0]->process().kill(0); });
        machine.settle();
        owners.erase(owners.begin() + static_cast<long>(index));
        machine.forget_ended();
    }
    void write(Owner& owner, uint64_t index) {
        Place& place = owner.places[index];
        if (!place.writable) return;
        const uint64_t value = ++last_value;
        Thread& thread = thread_of(owner);
        ASSERT_TRUE(machine.write(thread, kBase + index * kPage, value));
        ASSERT_TRUE(machine.write(thread, kBase + index * kPage + kPage - 8, ~value));
        if (place.page == nullptr || place.page.use_count() > 1)
            place.page = std::make_shared<ModelPage>(value, &owner.space().payer());
        else
            place.page->value = value;
    }
    void read(Owner& owner, uint64_t index) {
        const Place& place = owner.places[index];
        if (!place.mapped) return;
        Thread& thread = thread_of(owner);
        const uint64_t value = place.page == nullptr ? 0 : place.page->value;
        ASSERT_EQ(machine.read(thread, kBase + index * kPage), value);
        ASSERT_EQ(machine.read(thread, kBase + index * kPage + kPage - 8), value == 0 ? 0 : ~value);
    }

    /// What the first place that will not do makes of it.
    Error expected(const Owner& owner, Range range) {
        for (uint64_t i = 0; i < range.count; ++i) {
            const Place& place = owner.places[range.first + i];
            if (!place.mapped) return Error::BadAddress;
            if (!place.writable) return Error::InvalidArgument;
        }
        return Error::None;
    }
    /// Runs `act` with an allocation failing now and then. NoMemory is in order only then, or if `may_lack` says so.
    Result<> with_failures(Error wanted, auto act) {
        if (below(8) == 0) FrameAllocator::fail_after = static_cast<int64_t>(below(6));
        const bool armed = FrameAllocator::fail_after >= 0;
        const Result<> result = machine.in_kernel(act);
        const bool failed = armed && FrameAllocator::fail_after < 0;
        FrameAllocator::fail_after = -1;
        const Error got = refusal(result);
        ++outcomes[std::string(abi::name_of(got))];
        EXPECT_TRUE(got == wanted || (failed && got == Error::NoMemory)) << abi::name_of(got) << " for " << abi::name_of(wanted);
        return result;
    }
    void take(Owner& owner, Range range) {
        auto flight = std::make_unique<Flight>();
        flight->how = below(2) == 0 ? Passing::Move : Passing::Copy;
        machine.use_cpu(static_cast<unsigned>(below(2)));
        const Result<> taken = with_failures(expected(owner, range), [&]() -> Result<> {
            const PageRange source{range.address(), static_cast<uint32_t>(range.count * kPage)};
            if (flight->how == Passing::Move && flight->carried.take_single(owner.space(), source)) {
                ++singles;
                return {};
            }
            TRY(flight->carried.reserve(owner.space(), source, flight->how, owner.threads[0]->process().account()));
            if (below(10) == 0)
                flight->carried.drop();
            else
                flight->carried.take(owner.space(), source);
            return {};
        });
        if (!taken || flight->carried.empty()) return;
        for (uint64_t i = 0; i < range.count; ++i) {
            ModelPointer& page = owner.places[range.first + i].page;
            ModelPointer passed = page;
            if (flight->how == Passing::Move) {
                page = nullptr;
                if (passed && passed.use_count() > 1) passed = std::make_shared<ModelPage>(passed->value, &owner.space().payer());
            }
            flight->pages.push_back(std::move(passed));
        }
        flights.push_back(std::move(flight));
    }
    void land(Owner& owner, Flight& flight, uint64_t first) {
        const Range range{first, flight.pages.size()};
        machine.use_cpu(static_cast<unsigned>(below(2)));
        const Result<> landed = with_failures(
            expected(owner, range), [&] { return flight.carried.land(owner.space(), {range.address(), flight.carried.bytes()}); });
        if (!landed) return;
        for (uint64_t i = 0; i < range.count; ++i) {
            ModelPointer& page = flight.pages[i];
            if (page && flight.how == Passing::Move) page->payer = &owner.space().payer();
            owner.places[range.first + i].page = std::move(page);
        }
        flight.pages.clear();
    }
    void land_or_drop() {
        if (flights.empty()) return;
        const size_t index = below(flights.size());
        Flight& flight = *flights[index];
        if (below(6) == 0) {
            machine.in_kernel([&] { flight.carried.drop(); });
            flight.pages.clear();
        } else {
            land(any_owner(), flight, below(kRegionPages - flight.pages.size() + 1));
        }
        if (flight.pages.empty()) flights.erase(flights.begin() + static_cast<long>(index));
    }

    void check(Owner& owner) {
        for (uint64_t i = 0; i < kRegionPages; ++i) {
            const Place& place = owner.places[i];
            const Mapping* mapping = owner.space().mapping_above(kBase + i * kPage);
            const bool mapped = mapping != nullptr && mapping->address <= kBase + i * kPage;
            ASSERT_EQ(mapped, place.mapped);
            if (!mapped) continue;
            const PageTree::Found found =
                mapping->memory->tree().find(mapping->first_page + (kBase + i * kPage - mapping->address) / kPage);
            ASSERT_EQ(found.present, place.page != nullptr) << i;
            if (!found.present) continue;
            ASSERT_EQ(*static_cast<uint64_t*>(arch::to_virtual(found.page)), place.page->value) << i;
            ASSERT_EQ(frames.frame(found.page).payer, place.page->payer) << i;
            ASSERT_EQ(found.exclusive, place.page.use_count() == 1) << i;
            const arch::PageEntry entry = owner.space().page_table().lookup(kBase + i * kPage);
            ASSERT_TRUE(!entry.present || entry.page == found.page) << i;
            ASSERT_TRUE(!entry.present || !allows(entry.access, Access::Write) || found.exclusive) << i;
        }
    }
    void step() {
        switch (below(24)) {
        case 0:
            if (owners.size() < 7) fork(any_owner());
            break;
        case 1:
            if (owners.size() > 3 || below(4) == 0) end(below(owners.size()));
            while (owners.size() < 2) add_owner();
            break;
        case 2:
            unmap(any_owner(), any_range());
            break;
        case 3:
        case 4:
            map(any_owner(), any_range());
            break;
        case 5:
            protect(any_owner(), any_range(), below(3) != 0);
            break;
        case 6:
        case 7:
        case 8:
        case 9:
            if (flights.size() < 12) take(any_owner(), any_range());
            break;
        case 10:
        case 11:
        case 12:
        case 13:
            land_or_drop();
            break;
        case 14:
        case 15:
        case 16:
            read(any_owner(), below(kRegionPages));
            break;
        default:
            write(any_owner(), below(kRegionPages));
        }
    }
};

TEST_P(PagePassingModelTest, EveryPageIsWhereTheModelHasIt) {
    add_owner();
    add_owner();
    for (int i = 0; i < 6000 && !testing::Test::HasFailure(); ++i) {
        SCOPED_TRACE("step " + std::to_string(i));
        step();
        if (i % 20 == 0)
            for (const auto& owner : owners) check(*owner);
    }
    for (const char* outcome : {"None", "NoMemory", "BadAddress", "InvalidArgument"}) EXPECT_GT(outcomes[outcome], 10u) << outcome;
    EXPECT_GT(singles, 0u);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PagePassingModelTest, testing::Range<uint64_t>(1, 9));

}  // namespace
}  // namespace portico::kernel::hosted
