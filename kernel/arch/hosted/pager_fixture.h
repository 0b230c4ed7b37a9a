#pragma once

#include "kernel/arch/hosted/page_fixture.h"
#include "kernel/memory/paging.h"

namespace portico::kernel::hosted {

/// A pager with a paged object and pages to supply; a client that has it mapped, and another process besides.
class PagerTest : public testing::Test {
protected:
    static constexpr uint64_t kKey = 77, kPages = 100, kObject = 0x4000'0000, kStock = 0x6000'0000, kWaitNs = 5'000'000'000;

    Machine machine{2, 32};
    Thread& pager = machine.make_thread();
    Thread& client = machine.make_thread();
    Thread& other = machine.make_thread();
    Handle port = machine.call(pager, abi::PortCreate{})->port;
    Handle sender = machine.call(pager, abi::PortBadge{port, kKey, 4})->sender;
    Handle memory = make_object();
    Handle client_memory = give_to(client);

    void SetUp() override {
        map_object(client);
        map_stock(pager);
    }
    Handle make_object(uint64_t pages = kPages, uint64_t wait_ns = kWaitNs) {
        return machine.call(pager, abi::MemoryCreatePaged{pages * kPage, sender, wait_ns})->memory;
    }
    /// A handle without Control, as a pager gives it to its clients.
    Handle give_to(Thread& thread) {
        const auto rights = static_cast<uint64_t>(Rights::All & ~Rights::Control);
        const Handle limited = machine.call(pager, abi::HandleDuplicate{memory, rights})->handle;
        const Handle given = machine.give(pager, limited, thread);
        machine.call(pager, abi::HandleClose{limited});
        return given;
    }
    void map_object(Thread& thread, uint64_t access = 3) { map_object(thread, give_to(thread), access); }
    void map_object(Thread& thread, Handle object, uint64_t access = 3, uint64_t at = kObject) {
        const auto flags = kFixed | static_cast<uint64_t>(MapFlags::Shared) | access;
        ASSERT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, object, 0, at, kPages * kPage, flags}));
    }
    void map_stock(Thread& thread) {
        ASSERT_TRUE(machine.call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, kStock, kPages * kPage, kFixed | kReadWrite}));
    }
    static constexpr uint64_t at(uint64_t page) { return kObject + page * kPage + 8 * (page % 500); }
    static constexpr uint64_t value_of(uint64_t page) { return 0xAB00'0000 + page; }

    /// The client's access misses the page and waits.
    void miss(Thread& thread, uint64_t page, Access access = Access::Read) {
        uint64_t word = 1;
        ASSERT_FALSE(machine.access(thread, at(page), &word, sizeof(word), access));
        ASSERT_TRUE(machine.waits(thread));
        ASSERT_EQ(thread.wait(), Thread::Wait::Page);
    }
    Result<Received> asked() { return machine.receive(pager, port); }
    void expect_asked(uint64_t page, Access access = Access::Read) {
        const auto message = asked();
        ASSERT_TRUE(message) << "nobody asks";
        EXPECT_EQ(message->header.kind(), abi::MessageKind::PageIn);
        EXPECT_EQ(message->badge, kKey);
        EXPECT_EQ(message->id, 0u);
        EXPECT_EQ(message->word[0], page * kPage);
        EXPECT_EQ(message->word[2], static_cast<uint64_t>(access));
    }
    void expect_not_asked() { EXPECT_EQ(refusal(asked()), Error::WouldBlock); }
    Result<> supply(uint64_t page, uint64_t count = 1, Thread* by = nullptr, Handle object = {}) {
        Thread& thread = by != nullptr ? *by : pager;
        for (uint64_t i = 0; i < count; ++i)
            machine.write(thread, kStock + (page + i) * kPage + 8 * ((page + i) % 500), value_of(page + i));
        return machine.call(thread, abi::MemorySupply{object ? object : memory, page * kPage, kStock + page * kPage, count * kPage, 0});
    }
    Result<> refuse(uint64_t page, uint64_t count = 1) {
        return machine.call(pager, abi::MemorySupply{memory, page * kPage, 0, count * kPage, static_cast<uint64_t>(Error::IoError)});
    }
    /// Has upcalls, so that a fault shows.
    void take_upcalls(Thread& thread) { machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x3000'0000}); }
    void expect_lost(Thread& thread, uint64_t page) {
        ASSERT_TRUE(thread.in_upcall());
        EXPECT_EQ(thread.upcall()->kind, abi::FaultKind::PageLost);
        EXPECT_EQ(thread.upcall()->address, at(page));
        const abi::Registers registers = thread.upcall()->registers;
        machine.call(thread, abi::UpcallReturn{machine.put(thread, registers)});
    }
    void kill(Thread& thread) {
        machine.in_kernel([&] { thread.process().kill(0); });
        machine.settle();
    }
};

}  // namespace portico::kernel::hosted
