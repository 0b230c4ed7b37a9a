#include <random>

#include "kernel/arch/hosted/swap_fixture.h"

/// Random writes, reads, forks, clones, unmappings, messages with pages and ends of processes, more than fit into memory, against a model
/// of what every page shows; with a server that dies now and then, and now and then cannot read.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kRegionPages = 700;

/// A process with a region of private memory, and maybe a part of it as it was once, cloned.
struct Owner {
    std::array<Thread*, 2> threads{};  ///< one for each CPU
    std::map<uint64_t, uint64_t> values;
};

class SwapModelTest : public SwapFixture, public testing::WithParamInterface<uint64_t> {
protected:
    static constexpr size_t kOwnersMax = 6;
    std::mt19937_64 random{GetParam()};
    std::vector<std::unique_ptr<Owner>> owners;
    uint64_t last_value = 0, losses = 0, forks = 0, passed = 0;

    uint64_t below(uint64_t end) { return random() % end; }
    Owner& any_owner() { return *owners[below(owners.size())]; }
    Thread& thread_of(Owner& owner) {
        const auto cpu = static_cast<unsigned>(below(2));
        machine.use_cpu(cpu);
        return *owner.threads[cpu];
    }
    struct Range {
        uint64_t first, count;
        uint64_t address() const { return kPrograms + first * kPage; }
    };
    Range any_range(uint64_t count_max) {
        const uint64_t count = 1 + below(count_max);
        return {below(kRegionPages - count + 1), count};
    }
    void add_owner() {
        owners.push_back(std::make_unique<Owner>());
        Owner& owner = *owners.back();
        Thread& first = make_program();
        owner.threads = {&first, &machine.make_thread(first.process())};
        map(first, kRegionPages);
    }
    /// The page could not be read this time, and can be the next.
    bool take_loss(Thread& thread) {
        if (!thread.in_upcall() || thread.upcall()->kind != abi::FaultKind::PageLost) return false;
        ++losses;
        broken_number = ~uint64_t{0};
        const abi::Registers registers = thread.upcall()->registers;
        uint64_t copy = 0;
        for (uint64_t done = 0; done < sizeof(registers); done += 8) {
            __builtin_memcpy(&copy, reinterpret_cast<const char*>(&registers) + done, 8);
            if (!access(thread, machine.scratch(thread) + done, &copy, 8, Access::Write)) return false;
        }
        return call(thread, abi::UpcallReturn{machine.scratch(thread)}).has_value();
    }
    void write(Owner& owner, uint64_t page) {
        const uint64_t value = ++last_value;
        Thread& thread = thread_of(owner);
        for (const auto& [place, word] : {std::pair{at(page), value}, {kPrograms + (page + 1) * kPage - 8, ~value}}) {
            uint64_t copy = word;
            bool done = access(thread, place, &copy, 8, Access::Write);
            if (!done && take_loss(thread)) done = access(thread, place, &copy, 8, Access::Write);
            ASSERT_TRUE(done) << "page " << page;
        }
        owner.values[page] = value;
    }
    void read(Owner& owner, uint64_t page) {
        Thread& thread = thread_of(owner);
        const auto known = owner.values.find(page);
        const uint64_t value = known == owner.values.end() ? 0 : known->second;
        for (const auto& [place, word] : {std::pair{at(page), value}, {kPrograms + (page + 1) * kPage - 8, value == 0 ? 0 : ~value}}) {
            uint64_t seen = 1;
            bool done = access(thread, place, &seen, 8, Access::Read);
            if (!done && take_loss(thread)) done = access(thread, place, &seen, 8, Access::Read);
            ASSERT_TRUE(done) << "page " << page;
            ASSERT_EQ(seen, word) << "page " << page;
        }
    }
    void fork_owner(Owner& of) {
        Process& process = fork(thread_of(of));
        auto child = std::make_unique<Owner>();
        child->values = of.values;
        for (Thread*& each : child->threads) each = &machine.make_thread(process);
        owners.push_back(std::move(child));
        ++forks;
    }
    void end(size_t index) {
        kill(*owners[index]->threads[0]);
        owners.erase(owners.begin() + static_cast<long>(index));
    }
    void clear(Owner& owner, Range range) {
        ASSERT_TRUE(
            call(thread_of(owner), abi::SpaceMap{abi::kSelfSpace, {}, 0, range.address(), range.count * kPage, kFixed | kReadWrite}));
        for (uint64_t i = 0; i < range.count; ++i) owner.values.erase(range.first + i);
    }
    /// A part of an object is cloned, and the clone shown in the place of other pages.
    void clone_part(Owner& owner) {
        Thread& thread = thread_of(owner);
        const auto made = call(thread, abi::MemoryCreate{20 * kPage});
        ASSERT_TRUE(made);
        const Range range = any_range(16);
        ASSERT_TRUE(
            call(thread, abi::SpaceMap{abi::kSelfSpace, made->memory, 0, range.address(), range.count * kPage, kFixed | kReadWrite}));
        for (uint64_t i = 0; i < range.count; ++i) owner.values.erase(range.first + i);
        for (uint64_t i = 0; i < range.count; ++i) write(owner, range.first + i);
        for (int i = 0; i < 300; ++i) write(owner, (range.first + range.count + below(kRegionPages - range.count)) % kRegionPages);
        const auto clone = call(thread, abi::MemoryClone{made->memory, 0, range.count * kPage});
        ASSERT_TRUE(clone);
        ASSERT_TRUE(
            call(thread, abi::SpaceMap{abi::kSelfSpace, clone->memory, 0, range.address(), range.count * kPage, kFixed | kReadWrite}));
        machine.call(thread, abi::HandleClose{clone->memory});
        machine.call(thread, abi::HandleClose{made->memory});
    }
    /// Pages go from one to the other with a message.
    void pass(Owner& from, Owner& to) {
        serve_all();
        Thread &source = thread_of(from), &target = thread_of(to);
        const auto own_port = call(target, abi::PortCreate{});
        ASSERT_TRUE(own_port);
        const auto badge = call(target, abi::PortBadge{own_port->port, 1, 8, 64});
        ASSERT_TRUE(badge);
        const Handle handle = machine.give(target, badge->sender, source);
        const Range range = any_range(12), landing = {below(kRegionPages - range.count), range.count};
        const bool copies = below(2) == 0;
        abi::MessageRegisters registers{.handle_or_id = handle.value, .header = abi::Header{}.with_pages(copies)};
        registers.r14 = range.address();
        registers.rbx = range.count * kPage;
        machine.start_message<abi::PortSend>(source, registers);
        for (int tries = 0; machine.waits(source) && tries < 100; ++tries) {
            ASSERT_TRUE(wait_for(source));
            machine.enter(source, abi::PortSend::doc.number);
        }
        if (const Error error = refusal(machine.received(source)); error == Error::None) {
            abi::MessageRegisters arrival{.handle_or_id = own_port->port.value, .deadline_or_badge = abi::kNow};
            arrival.r15 = landing.address();
            arrival.rbx = range.count * kPage << 32;
            const auto received = machine.message<abi::PortReceive>(target, arrival);
            ASSERT_TRUE(received || received.error() == Error::NoMemory) << name_of(received.error());
            std::map<uint64_t, uint64_t> taken;
            for (uint64_t i = 0; i < range.count; ++i) {
                const auto known = from.values.find(range.first + i);
                if (known == from.values.end()) continue;
                taken[i] = known->second;
                if (!copies) from.values.erase(known);
            }
            for (uint64_t i = 0; received && i < range.count; ++i) to.values.erase(landing.first + i);
            if (received)
                for (const auto& [i, value] : taken)
                    if ((landing.first + i) % 500 == (range.first + i) % 500) to.values[landing.first + i] = value;
            // What is elsewhere in its page than the model looks is written anew.
            for (uint64_t i = 0; received && i < range.count; ++i) write(to, landing.first + i);
            passed += received.has_value();
        } else {
            ASSERT_TRUE(error == Error::NoMemory || error == Error::IoError) << name_of(error);
            broken_number = ~uint64_t{0};
        }
        machine.call(source, abi::HandleClose{handle});
        machine.call(target, abi::HandleClose{badge->sender});
        machine.call(target, abi::HandleClose{own_port->port});
    }
    void act() {
        const uint64_t what = below(1000);
        if (what < 6 && owners.size() < kOwnersMax) return fork_owner(any_owner());
        if (what < 8 && owners.size() > 3) return end(below(owners.size()));
        if (what < 14) return clear(any_owner(), any_range(100));
        if (what < 16) return clone_part(any_owner());
        if (what < 24) return pass(any_owner(), any_owner());
        if (what < 26) return restart_server();
        if (what < 30) dies_writing = true;
        if (what < 34 && !disk.empty()) broken_number = std::next(disk.begin(), static_cast<long>(below(disk.size())))->first;
        if (what < 60) ahead = below(12);
        Owner& owner = any_owner();
        if (what < 120) {
            const Range range = any_range(80);
            for (uint64_t i = 0; i < range.count; ++i) write(owner, range.first + i);
            return;
        }
        const uint64_t page = below(kRegionPages);
        return below(2) == 0 ? write(owner, page) : read(owner, page);
    }
};

TEST_P(SwapModelTest, WhatIsReadIsWhatWasWritten) {
    for (int i = 0; i < 4; ++i) add_owner();
    for (int step = 0; step < 6000 && !HasFatalFailure(); ++step) act();
    broken_number = ~uint64_t{0};
    for (const auto& owner : owners)
        for (uint64_t page = 0; page < kRegionPages && !HasFatalFailure(); ++page) read(*owner, page);
    ASSERT_FALSE(HasFatalFailure());
    EXPECT_GT(system().swapped_out, 1000u);
    EXPECT_GT(system().swapped_in, 500u);
    EXPECT_GT(forks, 5u);
    EXPECT_GT(passed, 5u);
    EXPECT_GT(restarts, 5u);
    owners.clear();
}

INSTANTIATE_TEST_SUITE_P(Seeds, SwapModelTest, testing::Range<uint64_t>(1, 5));

}  // namespace
}  // namespace portico::kernel::hosted
