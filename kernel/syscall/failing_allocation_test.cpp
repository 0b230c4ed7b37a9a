#include "kernel/arch/hosted/failing_allocation_fixture.h"

namespace portico::kernel::hosted {
namespace {

TEST_F(FailingAllocationTest, ObjectsAndHandles) {
    const Handle own_port = machine.call(client, abi::PortCreate{})->port;
    const Handle resource = machine.make_resource(client);
    exhaust("handle_duplicate", abi::HandleDuplicate{sender, ~0ull});
    exhaust("port_create", abi::PortCreate{});
    exhaust<abi::PortBadge>(
        "port_badge", [&] { return machine.call(client, abi::PortBadge{own_port, 1, 1}); },
        [&](const auto& made) {
            if (!made) return;
            machine.call(client, abi::HandleClose{made->sender});
            EXPECT_EQ(machine.receive(client, own_port)->word[0], abi::kNotifySendersGone);
        });
    exhaust("memory_create", abi::MemoryCreate{1 << 20});
    exhaust("memory_create_paged", abi::MemoryCreatePaged{1 << 20, sender, 0});
    exhaust("memory_create_swap", abi::MemoryCreateSwap{resource, 1 << 20, sender, 0});
    exhaust("space_create", abi::SpaceCreate{});
    exhaust("set_create", abi::SetCreate{});
    exhaust("timer_create", abi::TimerCreate{sender, 1});
    exhaust("interrupt_create", abi::InterruptCreate{resource, 5, sender, 1, 0});
    exhaust("io_create", abi::IoCreate{resource, 1, 1});
    exhaust("account_create", abi::AccountCreate{abi::kSelfAccount, 1000});
    exhaust("memory_physical", abi::MemoryPhysical{resource, 0xFEB0'0000, 4096});
    exhaust("memory_physical of RAM", abi::MemoryPhysical{resource, abi::kAnyRam, 70 * 4096});
    exhaust("process_create", abi::ProcessCreate{abi::kSelfSpace, abi::kSelfAccount, sender});
}

TEST_F(FailingAllocationTest, AFullTableGrowsOrRefuses) {
    std::vector<Handle> handles;
    while (client.process().handles().count() % 64 != 63)
        handles.push_back(machine.call(client, abi::HandleDuplicate{sender, ~0ull})->handle);
    FrameAllocator::fail_after = 0;
    EXPECT_EQ(refusal(machine.call(client, abi::HandleDuplicate{sender, ~0ull})), Error::NoMemory);
    refused_.set(abi::HandleDuplicate::doc.number);
    FrameAllocator::fail_after = 1;
    const auto refused = machine.call(client, abi::PortCreate{});
    FrameAllocator::fail_after = -1;
    EXPECT_EQ(refusal(refused), Error::NoMemory);
    EXPECT_EQ(port_count(), 1u);
}

TEST_F(FailingAllocationTest, ProcessesAndThreads) {
    const uint64_t address = machine.map(client, 20 * kPage);
    for (uint64_t i = 0; i < 20; i += 3) machine.write(client, address + i * kPage, i);
    for (int i = 0; i < 100; ++i) machine.call(client, abi::HandleDuplicate{sender, ~0ull});
    exhaust("process_clone", abi::ProcessClone{abi::kSelfProcess, sender, 0});
    exhaust("process_clone shared", abi::ProcessClone{abi::kSelfProcess, {}, 1});
    exhaust("process_set_service", abi::ProcessSetService{abi::kSelfProcess, sender});
    exhaust("process_clone with a service", abi::ProcessClone{abi::kSelfProcess, sender, 0});
    const uint64_t start = machine.scratch(client);
    exhaust<abi::ThreadCreate>(
        "thread_create", [&] { return machine.call(client, abi::ThreadCreate{abi::kSelfProcess, start}); },
        [&](const auto& made) {
            ASSERT_TRUE(made);
            Thread& thread = machine.adopt_thread(client, made->thread);
            machine.call(client, abi::HandleClose{made->thread});
            machine.start(thread, abi::ThreadExit{0, 0, 0});
            machine.forget_ended();
        });
    for (uint64_t i = 0; i < 20; i += 3) EXPECT_EQ(machine.read(client, address + i * kPage), i);
}

TEST_F(FailingAllocationTest, HandlesOfOthers) {
    for (int64_t n = 0; n < 2; ++n) {
        Thread& child = machine.make_thread();
        const Handle handle =
            machine.in_kernel([&] { return *client.process().handles().add(Capability(child.process(), Rights::Control)); });
        const State before = state();
        // Far beyond what its table has room for.
        FrameAllocator::fail_after = n;
        const auto installed = machine.call(client, abi::HandleInstall{handle, Handle::make(900, 0), sender, ~0ull});
        const bool failed = FrameAllocator::fail_after < 0;
        NoFailures::stop();
        EXPECT_EQ(refusal(installed), failed ? Error::NoMemory : Error::None);
        if (failed) {
            refused_.set(abi::HandleInstall::doc.number);
            EXPECT_TRUE(state() == before);
        }
        machine.call(client, abi::HandleClose{handle});
    }
}

TEST_F(FailingAllocationTest, Exec) {
    bool done = false;
    for (int64_t n = 0; !done; ++n) {
        ASSERT_LT(n, 10);
        Thread& thread = machine.make_thread();
        const Handle space = machine.call(thread, abi::SpaceCreate{})->space;
        const uint64_t start = machine.map(thread, kPage, abi::MapFlags::None | abi::Access::Read);  // zeros: that no table shows yet
        FrameAllocator::fail_after = n;
        const auto result = machine.call(thread, abi::ProcessExec{space, start});
        const bool failed = FrameAllocator::fail_after < 0;
        NoFailures::stop();
        EXPECT_EQ(refusal(result), failed ? Error::NoMemory : Error::None);
        if (failed) {
            refused_.set(abi::ProcessExec::doc.number);
            EXPECT_NE(thread.process().space().mapping_above(start), nullptr) << "it is in its space";
            EXPECT_TRUE(thread.process().handles().find(space)) << "and has the other";
        }
        done = !failed;
    }
}

TEST_F(FailingAllocationTest, Mappings) {
    const Handle memory = machine.call(client, abi::MemoryCreate{100 * kPage})->memory;
    const auto unmap = [&](const Result<abi::SpaceMap::Reply>& made) {
        if (made) machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, made->address, 10 * kPage});
    };
    const auto map = [&](Handle object, uint64_t address, uint64_t flags) {
        return machine.call(client, abi::SpaceMap{abi::kSelfSpace, object, 0, address, 10 * kPage, flags});
    };
    exhaust<abi::SpaceMap>("anonymous", [&] { return map({}, 0, kReadWrite); }, unmap);
    exhaust<abi::SpaceMap>("object", [&] { return map(memory, 0, kReadWrite); }, unmap);
    // Over the middle of another mapping: that is split, and on an error may be unmapped, as documented; put it back.
    constexpr uint64_t kAt = 0x4000'0000;
    const auto restore = [&](const auto&) {
        machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, kAt, 30 * kPage});
        machine.call(client, abi::SpaceMap{abi::kSelfSpace, memory, 0, kAt, 30 * kPage, kFixed | 1});
    };
    restore(0);
    const auto and_restore = [&](auto request) { return then_reset(request, [&] { restore(0); }); };
    exhaust<abi::SpaceMap>("fixed", and_restore([&] { return map({}, kAt + 10 * kPage, kFixed | kReadWrite); }), kNothing);
    exhaust<abi::SpaceUnmap>(
        "unmap", and_restore([&] { return machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, kAt + kPage, kPage}); }), kNothing);
    exhaust<abi::SpaceProtect>(
        "protect", and_restore([&] { return machine.call(client, abi::SpaceProtect{abi::kSelfSpace, kAt + kPage, kPage, 3}); }), kNothing);
}

TEST_F(FailingAllocationTest, MemoryContents) {
    const Handle memory = machine.call(client, abi::MemoryCreate{200 * kPage})->memory;
    const uint64_t buffer = machine.map(client, 20 * kPage);
    for (uint64_t i = 0; i < 20; ++i) machine.write(client, buffer + i * kPage, i);
    exhaust<abi::MemoryWrite>("memory_write",
                              then_reset([&] { return machine.call(client, abi::MemoryWrite{memory, 60 * kPage, buffer, 10 * kPage}); },
                                         [&] {
                                             machine.call(client, abi::MemoryResize{memory, 0});
                                             machine.call(client, abi::MemoryResize{memory, 200 * kPage});
                                         }),
                              kNothing);
    machine.call(client, abi::MemoryWrite{memory, 60 * kPage, buffer, 20 * kPage});
    exhaust("memory_clone", abi::MemoryClone{memory, 0, 200 * kPage});
    exhaust("memory_clone of a part", abi::MemoryClone{memory, 61 * kPage, 10 * kPage});
    const Handle clone = machine.call(client, abi::MemoryClone{memory, 0, 200 * kPage})->memory;
    FrameAllocator::fail_after = 0;
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryResize{clone, 65 * kPage})), Error::NoMemory);
    refused_.set(abi::MemoryResize::doc.number);
    FrameAllocator::fail_after = -1;
    constexpr uint64_t kTo = 0x5000'0000;
    const auto fresh = [&] {
        machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, kTo, 4 * kPage});
        machine.call(client, abi::SpaceMap{abi::kSelfSpace, {}, 0, kTo, 4 * kPage, kFixed | kReadWrite});
    };
    fresh();
    exhaust<abi::MemoryRead>("memory_read",
                             then_reset([&] { return machine.call(client, abi::MemoryRead{memory, 60 * kPage, kTo, 4 * kPage}); }, fresh),
                             kNothing);
    ASSERT_TRUE(machine.call(client, abi::MemoryRead{memory, 60 * kPage, buffer, 20 * kPage}));
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(machine.read(client, buffer + i * kPage), i);
}

TEST_F(FailingAllocationTest, ForeignCallsAreNeverLost) {
    constexpr uint64_t kEntry = 0x3000'0000;
    machine.call(client, abi::ProcessSetEntries{abi::kSelfProcess, kEntry, 0});
    machine.call(client, abi::ProcessSetService{abi::kSelfProcess, sender});
    for (int64_t n = 0; n < 3; ++n) {
        SCOPED_TRACE(n);
        Thread& caller = machine.make_thread(client.process());
        FrameAllocator::fail_after = n;
        machine.foreign_call(caller, 1);
        FrameAllocator::fail_after = -1;
        if (machine.waits(caller)) {
            const auto taken = machine.receive(server, port);
            ASSERT_TRUE(taken);
            FrameAllocator::fail_after = n;
            const auto replied = machine.message<abi::PortReply>(server, {.handle_or_id = taken->id, .header = abi::Header::make(2)});
            machine.start(caller, abi::ForeignReport{5});
            FrameAllocator::fail_after = -1;
            EXPECT_TRUE(replied);
            EXPECT_EQ(machine.receive(server, port)->word[0], 5u) << "its record was there";
        } else {
            EXPECT_EQ(caller.frame.registers.rip, kEntry);
        }
    }
}

TEST_F(FailingAllocationTest, EveryNumberWithPlainArguments) {
    for (uint64_t number = 0; number < abi::Syscalls::kCount; ++number)
        for (int64_t n = 0; n < 4; ++n) {
            Thread& thread = machine.make_thread();
            const uint64_t page = machine.scratch(thread);
            abi::Registers& r = thread.frame.registers;
            r.rdi = abi::kSelfProcess.value, r.rsi = page, r.rdx = page, r.r10 = 64, r.r8 = 64, r.r9 = 3, r.r13 = 0;
            FrameAllocator::fail_after = n;
            machine.enter(thread, number);
            FrameAllocator::fail_after = -1;
            machine.in_kernel([&] { thread.process().kill(0); });
            machine.settle();
            machine.forget_ended();
        }
}

}  // namespace
}  // namespace portico::kernel::hosted
