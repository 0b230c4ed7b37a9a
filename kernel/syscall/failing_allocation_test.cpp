#include "kernel/arch/hosted/port_fixture.h"
#include "kernel/ipc/ipc.h"

/// Every allocation of every system call fails once: the call is refused with NoMemory, and nothing is kept or lost.
namespace portico::kernel::hosted {
namespace {

constexpr uint64_t kPage = abi::kPageBytes;
constexpr auto kReadWrite = static_cast<uint64_t>(abi::Access::ReadWrite);
constexpr auto kFixed = static_cast<uint64_t>(abi::MapFlags::Fixed);

class FailingAllocationTest : public PortFixture {
protected:
    FailingAllocationTest() {
        // Tables grow in steps that stay: have room before anything is measured.
        for (Thread* thread : {&client, &server}) {
            std::vector<Handle> handles;
            for (int i = 0; i < 60; ++i)
                handles.push_back(machine.call(*thread, abi::HandleDuplicate{thread == &client ? sender : port, ~0ull})->handle);
            for (const Handle handle : handles) machine.call(*thread, abi::HandleClose{handle});
        }
        machine.scratch(client);
        machine.put(client, abi::ThreadStart{.instruction = 0x1000});
    }
    /// Runs `request` with the first, second, … allocation failing, until it needs no more. `undo` takes back a success.
    void exhaust(const char* what, auto request, auto undo) {
        SCOPED_TRACE(what);
        undo(request());  // what stays after the first time (page tables) is there now
        for (int64_t n = 0;; ++n) {
            ASSERT_LT(n, 100);
            const uint64_t used = machine.root().used_bytes(), objects = machine.root().object_count();
            const uint32_t handles = client.process().handles().count();
            FrameAllocator::fail_after = n;
            const auto result = request();
            const bool failed = FrameAllocator::fail_after < 0;
            FrameAllocator::fail_after = -1;
            if (result)
                undo(result);
            else
                EXPECT_EQ(result.error(), Error::NoMemory);
            EXPECT_EQ(machine.root().used_bytes(), used) << "allocation " << n;
            EXPECT_EQ(machine.root().object_count(), objects) << "allocation " << n;
            EXPECT_EQ(client.process().handles().count(), handles) << "allocation " << n;
            if (!failed) return;
        }
    }
    template <class Call>
    void exhaust(const char* what, const Call& call) {
        exhaust(
            what, [&] { return machine.call(client, call); },
            [&](const auto& result) {
                ASSERT_TRUE(result);
                if constexpr (requires { Handle(*reinterpret_cast<const Handle*>(&*result)); })
                    machine.call(client, abi::HandleClose{{abi::to_arguments(*result)[0]}});
            });
    }
    static constexpr auto kNothing = [](const auto&) {};
};

TEST_F(FailingAllocationTest, ObjectsAndHandles) {
    const Handle own_port = machine.call(client, abi::PortCreate{})->port;
    const Handle resource = machine.make_resource(client);
    exhaust("handle_duplicate", abi::HandleDuplicate{sender, ~0ull});
    exhaust("port_create", abi::PortCreate{});
    exhaust(
        "port_badge", [&] { return machine.call(client, abi::PortBadge{own_port, 1, 1}); },
        [&](const auto& made) {
            if (!made) return;
            machine.call(client, abi::HandleClose{made->sender});
            EXPECT_EQ(machine.receive(client, own_port)->word[0], abi::kNotifySendersGone);
        });
    exhaust("memory_create", abi::MemoryCreate{1 << 20});
    exhaust("space_create", abi::SpaceCreate{});
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
    exhaust(
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

TEST_F(FailingAllocationTest, Mappings) {
    const Handle memory = machine.call(client, abi::MemoryCreate{100 * kPage})->memory;
    const auto unmap = [&](const Result<abi::SpaceMap::Reply>& made) {
        if (made) machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, made->address, 10 * kPage});
    };
    const auto map = [&](Handle object, uint64_t address, uint64_t flags) {
        return machine.call(client, abi::SpaceMap{abi::kSelfSpace, object, 0, address, 10 * kPage, flags});
    };
    exhaust("anonymous", [&] { return map({}, 0, kReadWrite); }, unmap);
    exhaust("object", [&] { return map(memory, 0, kReadWrite); }, unmap);
    // Over the middle of another mapping: that is split, and on an error may be unmapped, as documented; put it back.
    constexpr uint64_t kAt = 0x4000'0000;
    const auto restore = [&](const auto&) {
        machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, kAt, 30 * kPage});
        machine.call(client, abi::SpaceMap{abi::kSelfSpace, memory, 0, kAt, 30 * kPage, kFixed | 1});
    };
    restore(0);
    const auto exhaust_split = [&](const char* what, auto request) {
        exhaust(
            what,
            [&] {
                auto result = request();
                const int64_t left = std::exchange(FrameAllocator::fail_after, -1);
                restore(0);
                FrameAllocator::fail_after = left;
                return result;
            },
            kNothing);
    };
    exhaust_split("fixed", [&] { return map({}, kAt + 10 * kPage, kFixed | kReadWrite); });
    exhaust_split("unmap", [&] { return machine.call(client, abi::SpaceUnmap{abi::kSelfSpace, kAt + kPage, kPage}); });
    exhaust_split("protect", [&] { return machine.call(client, abi::SpaceProtect{abi::kSelfSpace, kAt + kPage, kPage, 3}); });
}

TEST_F(FailingAllocationTest, MemoryContents) {
    const Handle memory = machine.call(client, abi::MemoryCreate{200 * kPage})->memory;
    const uint64_t buffer = machine.map(client, 20 * kPage);
    for (uint64_t i = 0; i < 20; ++i) machine.write(client, buffer + i * kPage, i);
    const auto emptied = [&](auto request) {
        return [&, request] {
            auto result = request();
            const int64_t left = std::exchange(FrameAllocator::fail_after, -1);
            machine.call(client, abi::MemoryResize{memory, 0});
            machine.call(client, abi::MemoryResize{memory, 200 * kPage});
            FrameAllocator::fail_after = left;
            return result;
        };
    };
    exhaust("memory_write", emptied([&] { return machine.call(client, abi::MemoryWrite{memory, 60 * kPage, buffer, 10 * kPage}); }),
            kNothing);
    machine.call(client, abi::MemoryWrite{memory, 60 * kPage, buffer, 20 * kPage});
    exhaust("memory_clone", abi::MemoryClone{memory, 0, 200 * kPage});
    exhaust("memory_clone of a part", abi::MemoryClone{memory, 61 * kPage, 10 * kPage});
    const Handle clone = machine.call(client, abi::MemoryClone{memory, 0, 200 * kPage})->memory;
    FrameAllocator::fail_after = 0;
    EXPECT_EQ(refusal(machine.call(client, abi::MemoryResize{clone, 65 * kPage})), Error::NoMemory);
    FrameAllocator::fail_after = -1;
    ASSERT_TRUE(machine.call(client, abi::MemoryRead{memory, 60 * kPage, buffer, 20 * kPage}));
    for (uint64_t i = 0; i < 20; ++i) EXPECT_EQ(machine.read(client, buffer + i * kPage), i);
}

TEST_F(FailingAllocationTest, Messages) {
    const Handle memory = machine.call(client, abi::MemoryCreate{kPage})->memory;
    const Handle reply_port = machine.call(client, abi::PortCreate{})->port;
    const abi::MessageRegisters registers{
        .handle_or_id = sender.value, .header = abi::Header::make(0, 1), .word = {0, 0, 0, 0, memory.value}, .r14 = reply_port.value};
    const auto drain = [&](const auto& result) {
        if (result)
            if (const auto taken = machine.receive(server, port)) machine.call(server, abi::HandleClose{{taken->word[4]}});
    };
    exhaust("port_send", [&] { return machine.message<abi::PortSend>(client, registers); }, drain);
    exhaust(
        "port_call_async", [&] { return machine.message<abi::PortCallAsync>(client, registers); },
        [&](const auto& made) {
            if (made) machine.call(client, abi::CallCancel{reply_port, made->id});
        });
    Thread& caller = machine.make_thread(client.process());
    FrameAllocator::fail_after = 0;
    machine.start_message<abi::PortCall>(caller, registers);
    FrameAllocator::fail_after = -1;
    EXPECT_EQ(refusal(machine.received(caller)), Error::NoMemory);
    machine.start_message<abi::PortCall>(caller, registers);
    EXPECT_TRUE(machine.waits(caller));
}

TEST_F(FailingAllocationTest, MessagesWithPages) {
    constexpr uint64_t kCount = 70;
    const uint64_t source = machine.map(client, kCount * kPage), landing = machine.map(server, kCount * kPage);
    sender = machine.give(server, machine.call(server, abi::PortBadge{port, 1, 8, kCount})->sender, client);
    const auto fill = [&] {
        for (uint64_t i = 0; i < kCount; ++i) machine.write(client, source + i * kPage, i + 1);
    };
    fill();
    for (const bool copy : {false, true}) {
        const abi::MessageRegisters registers{
            .handle_or_id = sender.value, .header = abi::Header::make(0).with_pages(copy), .r14 = source, .rbx = kCount * kPage};
        const auto receive = [&] {
            return machine.message<abi::PortReceive>(
                server, {.handle_or_id = port.value, .deadline_or_badge = abi::kNow, .r15 = landing, .rbx = kCount * kPage << 32});
        };
        exhaust(
            "port_send", [&] { return machine.message<abi::PortSend>(client, registers); },
            [&](const auto& sent) {
                ASSERT_TRUE(sent);
                for (uint64_t i = 0; i < kCount; i += 9) EXPECT_EQ(machine.read(client, source + i * kPage), copy ? i + 1 : 0);
                ASSERT_TRUE(receive());
                fill();
            });
        machine.message<abi::PortSend>(client, registers);
        exhaust("port_receive", receive, [&](const auto& received) {
            if (!received) return;
            for (uint64_t i = 0; i < kCount; ++i) EXPECT_EQ(machine.read(server, landing + i * kPage), i + 1);
            fill();
            machine.message<abi::PortSend>(client, registers);
        });
        receive();
        fill();
    }
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
