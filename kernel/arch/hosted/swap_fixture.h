#pragma once

#include <map>

#include "kernel/arch/hosted/page_fixture.h"
#include "kernel/memory/paging.h"
#include "kernel/memory/reclaim.h"
#include "kernel/memory/swap.h"

namespace portico::kernel::hosted {

/// A small machine with a swap space; its server as a model, with a disk that keeps what it wrote; and programs, whose pages go there.
class SwapFixture : public testing::Test {
protected:
    static constexpr uint64_t kSwapPages = 4096, kKeptPages = 40, kBuffer = 0x6000'0000, kLanding = 0x7000'0000, kWaitNs = 5'000'000'000;
    static constexpr uint64_t kPagesAtOnce = Memory::kPagesAtOnceMax, kPrograms = 0x1'0000'0000;
    using Contents = std::array<uint64_t, kPage / 8>;

    Machine machine{2, 8};
    Ref<Account> account = make_account(~uint64_t{0});  ///< the programs'
    Thread& init = machine.make_thread();               ///< keeps the port and the space while servers come and go
    Handle port = machine.call(init, abi::PortCreate{})->port;
    Handle sender = machine.call(init, abi::PortBadge{port, 5, 4})->sender;
    Handle space;
    Thread* server = nullptr;
    Handle server_port, server_space;
    std::map<uint64_t, Contents> disk;  ///< by the number of the page

    // What the server does wrong.
    uint64_t ahead = 0;           ///< pages that it reads at most beyond the one asked for
    uint64_t broken_number = ~0;  ///< which it cannot read
    bool dies_writing = false;    ///< once, when it has got pages and before it says that they are written
    uint64_t restarts = 0, refusals = 0;

    SwapFixture() { make_space(); }
    ~SwapFixture() override {
        machine.in_kernel([&] { account = nullptr; });
    }
    void make_space(uint64_t pages = kSwapPages) {
        const Handle resource = machine.make_resource(init);
        space = machine.call(init, abi::MemoryCreateSwap{resource, pages * kPage, sender, kWaitNs})->memory;
        start_server();
    }
    Ref<Account> make_account(uint64_t limit, Account* parent = nullptr) {
        Account& above = parent != nullptr ? *parent : machine.root();
        return machine.in_kernel([&] { return *create_object<Account>(above, &above, limit, kKeptPages); });
    }
    Thread& make_program(Account* payer = nullptr) {
        Thread& thread = machine.make_thread(machine.make_process({}, payer != nullptr ? payer : account.get()));
        machine.call(thread, abi::ProcessSetEntries{abi::kSelfProcess, 0, 0x3000'0000});
        return thread;
    }
    void kill(Thread& thread) {
        machine.in_kernel([&] { thread.process().kill(0); });
        machine.settle();
        machine.forget_ended();
    }
    void start_server() {
        server = &machine.make_thread();
        server_port = machine.give(init, port, *server);
        server_space = machine.give(init, space, *server);
        for (const uint64_t at : {kBuffer, kLanding}) {
            ASSERT_TRUE(machine.call(*server, abi::SpaceMap{abi::kSelfSpace, {}, 0, at, kPagesAtOnce * kPage, kFixed | kReadWrite}));
            ASSERT_TRUE(machine.write(*server, at, at)) << "from now on there are places for pages";
        }
        // Makes itself known.
        ASSERT_TRUE(machine.call(*server, abi::MemoryDetach{server_space, 0, 0, kPage, 0}));
    }
    void restart_server() {
        ++restarts;
        kill(*server);
        start_server();
    }

    // ---- the server's work

    /// One message. False: nobody asks.
    bool serve() {
        const auto message = machine.receive(*server, server_port);
        if (!message) return false;
        const uint64_t number = message->word[0] / kPage, count = message->word[1] / kPage;
        if (message->header.kind() == abi::MessageKind::PageOut)
            write_out(number, count);
        else
            read_in(number, count);
        return true;
    }
    void serve_all() {
        while (serve()) {
        }
    }
    Result<abi::MemoryDetach::Reply> detach(abi::DetachMode mode, uint64_t number, uint64_t count) {
        return machine.call(*server, abi::MemoryDetach{server_space, number * kPage, kLanding, count * kPage, static_cast<uint64_t>(mode)});
    }
    void write_out(uint64_t number, uint64_t count) {
        const auto bits = detach(abi::DetachMode::Copy, number, count);
        ASSERT_TRUE(bits) << name_of(bits.error());
        if (std::exchange(dies_writing, false)) return restart_server();
        for (uint64_t i = 0; i < count; ++i)
            if ((bits->dirty >> i & 1) != 0)
                ASSERT_TRUE(machine.access(*server, kLanding + i * kPage, &disk[number + i], kPage, Access::Read));
        ASSERT_TRUE(detach(abi::DetachMode::Written, number, count));
    }
    void read_in(uint64_t number, uint64_t run) {
        if (number == broken_number) {
            ++refusals;
            ASSERT_TRUE(machine.call(*server, abi::MemorySupply{server_space, number * kPage, 0, kPage, 1}));
            return;
        }
        ASSERT_TRUE(disk.contains(number)) << "asked for what was never written";
        uint64_t count = 1;
        while (count < std::min({run, 1 + ahead, kPagesAtOnce}) && disk.contains(number + count) && number + count != broken_number)
            ++count;
        for (uint64_t i = 0; i < count; ++i)
            ASSERT_TRUE(machine.access(*server, kBuffer + i * kPage, &disk[number + i], kPage, Access::Write));
        ASSERT_TRUE(machine.call(*server, abi::MemorySupply{server_space, number * kPage, kBuffer, count * kPage}));
    }

    // ---- programs, for which the server works while they wait

    /// Lets the thread go on. False: it does not.
    bool wait_for(Thread& thread) {
        while (machine.waits(thread))
            if (!serve()) {
                std::printf("nobody asks, and a thread waits (%u) for page %lu: %lu frames free, writing %u, room %lu, %lu numbers free\n",
                            static_cast<unsigned>(thread.wait()), thread.awaited.page.index, frames.free_pages(),
                            SwapSpace::current->is_writing(), SwapSpace::current->room(), SwapSpace::current->free_pages());
                return false;
            }
        return machine.runnable(thread);
    }
    bool access(Thread& thread, uint64_t address, void* buffer, uint64_t bytes, Access how) {
        const bool was_in_upcall = thread.in_upcall();
        for (int tries = 0; tries < 1000; ++tries) {
            if (machine.access(thread, address, buffer, bytes, how)) return true;
            if (!machine.waits(thread) || !wait_for(thread) || (thread.in_upcall() && !was_in_upcall)) return false;
        }
        ADD_FAILURE() << "no way on";
        return false;
    }
    bool write(Thread& thread, uint64_t address, uint64_t value) { return access(thread, address, &value, 8, Access::Write); }
    std::optional<uint64_t> read(Thread& thread, uint64_t address) {
        uint64_t value;
        if (!access(thread, address, &value, 8, Access::Read)) return std::nullopt;
        return value;
    }
    template <class Call>
    Result<ReplyOf<Call>> call(Thread& thread, const Call& request) {
        machine.start(thread, request);
        while (machine.waits(thread)) {
            if (!wait_for(thread)) return fail(Error::TimedOut);
            if (thread.frame.registers.rax != abi::kNativeBase + Call::doc.number) break;  // it has ended
            machine.enter(thread, Call::doc.number);
        }
        return machine.result<Call>(thread);
    }
    void map(Thread& thread, uint64_t pages, uint64_t at = kPrograms) {
        ASSERT_TRUE(call(thread, abi::SpaceMap{abi::kSelfSpace, {}, 0, at, pages * kPage, kFixed | kReadWrite}));
    }
    static constexpr uint64_t at(uint64_t page, uint64_t base = kPrograms) { return base + page * kPage + 8 * (page % 500); }
    void fill(Thread& thread, uint64_t pages, uint64_t first_value, uint64_t base = kPrograms) {
        for (uint64_t i = 0; i < pages; ++i) ASSERT_TRUE(write(thread, at(i, base), first_value + i)) << i;
    }
    void expect_filled(Thread& thread, uint64_t pages, uint64_t first_value, uint64_t base = kPrograms) {
        for (uint64_t i = 0; i < pages; ++i) ASSERT_EQ(read(thread, at(i, base)), first_value + i) << i;
    }
    Process& fork(Thread& of) {
        const auto made = call(of, abi::ProcessClone{abi::kSelfProcess, {}, 0});
        EXPECT_TRUE(made);
        Process& process = machine.adopt_process(of, made->process);
        machine.call(of, abi::HandleClose{made->process});
        return process;
    }
    abi::SystemInfo system() { return *machine.query<abi::SystemInfo>(init, abi::SystemQuery{}); }
    uint64_t used_numbers() { return (system().swap_bytes - system().swap_free_bytes) / kPage; }
};

}  // namespace portico::kernel::hosted
